"""A raw MCP server over HTTP, in the test's own loop: both eras, JSON and event streams, and as evil
as a test wants it to be."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from tests.servers.mcp_answers import MODERN, Refused, answer


class Request:
    """headers: names in lower case. raw_headers: as they came."""

    def __init__(self, line: str, raw_headers: list[tuple[str, str]], body: bytes) -> None:
        self.verb, self.path, _ = line.split(" ")
        self.raw_headers = raw_headers
        self.headers = {name.lower(): value for name, value in raw_headers}
        self.message: dict[str, Any] = json.loads(body) if body else {}

    @property
    def method(self) -> str:
        return str(self.message.get("method", ""))

    @property
    def modern(self) -> bool:
        return self.headers.get("mcp-protocol-version") == MODERN


Writer = asyncio.StreamWriter
Oddity = Callable[[Request, Writer], Awaitable[bool]]
"""Sees each request first; True: it has dealt with it."""


def head(status: int = 200, kind: str | None = "application/json", **fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever"]
    if kind is not None:
        lines.append(f"Content-Type: {kind}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def whole(
    body: bytes, status: int = 200, kind: str | None = "application/json", **fields: str
) -> bytes:
    return head(status, kind, Content_Length=str(len(body)), **fields) + body


def result_body(request: Request, text: str = "evil") -> bytes:
    result = {"resultType": "complete", "content": [{"type": "text", "text": text}]}
    return json.dumps(
        {"jsonrpc": "2.0", "id": request.message["id"], "result": result}, separators=(",", ":")
    ).encode()


LISTENING = "subscriptions/listen"
SILENT: dict[str, Any] = {"tools": {}, "prompts": {}, "resources": {}, "logging": {}}
ANNOUNCING = SILENT | {"tools": {"listChanged": True}, "resources": {"subscribe": True}}


class HttpServer:
    """era: "legacy" or "modern". stream: answer requests with an event stream. announces: say that
    lists change and resources can be watched, and keep the streams for that (`tell`).

    requests: all that was posted, but for what opens such a stream; that, and all other verbs, are in
    `asides`.
    """

    def __init__(
        self,
        era: str = "modern",
        *,
        stream: bool = False,
        announces: bool = False,
        oddity: Oddity | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.tls = tls
        self.announces = announces
        self.asides: list[Request] = []
        self.ears: list[Writer] = []
        self.era = era
        self.stream = stream
        self.oddity = oddity
        self.requests: list[Request] = []
        self.sessions: set[str] = set()
        self.connections = 0
        self.open = 0
        self._minted = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writers: set[Writer] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, limit=2**22, backlog=512, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        self.drop_connections()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        await asyncio.sleep(0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    def drop_connections(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        self.open += 1
        try:
            while True:
                request = await _read(reader)
                aside = request.verb != "POST" or request.method == LISTENING
                (self.asides if aside else self.requests).append(request)
                if self.oddity is not None and await self.oddity(request, writer):
                    continue
                await self.answer(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def answer(self, request: Request, writer: Writer) -> None:
        if request.verb == "GET" or request.method == LISTENING:
            self.listen(request, writer)
            return
        if "id" not in request.message or "method" not in request.message:
            writer.write(whole(b"", 202, None))
            return
        fields: dict[str, str] = {}
        status, body = 200, b""
        identifier = request.message["id"]
        params = request.message.get("params", {})
        try:
            self._check(request, params, fields)
            if (params.get("arguments") or {}).get("odd") == "wait":
                await asyncio.sleep(float(params["arguments"]["seconds"]))
            result = answer(request.method, params, modern=self.era == "modern")
            if "capabilities" in result:
                result["capabilities"] = ANNOUNCING if self.announces else SILENT
            body = _encode({"jsonrpc": "2.0", "id": identifier, "result": result})
        except Refused as refused:
            error = {"code": refused.code, "message": str(refused), "data": refused.data}
            body = _encode({"jsonrpc": "2.0", "id": identifier, "error": error})
            if self.era == "modern":
                status = 404 if refused.code == -32601 else 400
        except KeyError:
            writer.write(whole(b"", 404, None))
            return
        if self.stream and status == 200:
            await self.write_stream(writer, body, **fields)
        else:
            writer.write(whole(body, status, "application/json", **fields))

    def listen(self, request: Request, writer: Writer) -> None:
        """Keep the stream of a session, or the one that answers `subscriptions/listen`."""
        if not self.announces or (request.verb == "GET") != (self.era == "legacy"):
            writer.write(whole(b"", 405, None))
            return
        if request.verb == "GET" and request.headers.get("mcp-session-id") not in self.sessions:
            writer.write(whole(b"", 404, None))
            return
        writer.write(head(200, "text/event-stream", Transfer_Encoding="chunked"))
        self.ears.append(writer)
        if request.method == LISTENING:
            meta = {"io.modelcontextprotocol/subscriptionId": request.message["id"]}
            agreed = request.message["params"]["notifications"]
            self.tell("notifications/subscriptions/acknowledged", _meta=meta, notifications=agreed)

    def tell(self, method: str, **params: Any) -> None:
        """Say something on the stream that was opened last."""
        body = _encode({"jsonrpc": "2.0", "method": method, "params": params})
        self.ears[-1].write(chunk(b"data: " + body + b"\n\n"))

    def _check(self, request: Request, params: dict[str, Any], fields: dict[str, str]) -> None:
        if self.era == "modern":
            meta = params.get("_meta") or {}
            if not request.modern or request.headers.get("mcp-method") != request.method:
                raise Refused(-32020, "Header mismatch")
            if meta.get("io.modelcontextprotocol/protocolVersion") != MODERN:
                raise Refused(-32602, "Missing _meta")
        elif request.method == "initialize":
            self._minted += 1
            session = f"session-{self._minted}"
            self.sessions.add(session)
            fields["Mcp_Session_Id"] = session
        elif request.modern and "mcp-session-id" not in request.headers:
            raise Refused(-32600, "Missing session ID")
        elif request.headers.get("mcp-session-id") not in self.sessions:
            raise KeyError

    async def write_stream(self, writer: Writer, *bodies: bytes, **fields: str) -> None:
        """Each body as one event, chunked, the end in a packet of its own."""
        writer.write(head(200, "text/event-stream", Transfer_Encoding="chunked", **fields))
        for body in bodies:
            writer.write(chunk(b"event: message\r\ndata: " + body + b"\r\n\r\n"))
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(chunk(b""))


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


async def _read(reader: asyncio.StreamReader) -> Request:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = text.split("\r\n")[:-2]
    headers = [
        (name, value.strip()) for name, _, value in (field.partition(":") for field in fields)
    ]
    length = int({name.lower(): value for name, value in headers}.get("content-length", "0"))
    return Request(line, headers, await reader.readexactly(length))
