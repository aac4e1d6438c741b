"""MCP servers that write down all they see: over HTTP in a thread, and over stdio as a program
(`python upstream.py LOG [legacy]`). Raw bytes, both eras, and as odd as a test wants."""

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

MODERN: Final = "2026-07-28"
_META: Final = "io.modelcontextprotocol/protocolVersion"
_WORKS: Final = frozenset({"tools/call", "resources/read", "prompts/get"})
"""What an agent causes; everything else is the gate's own business with the server."""

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "word": {"type": "string", "maxLength": 20},
        "number": {"type": "integer"},
    },
    "required": ["word"],
}


def tool(name: str, *, reads: bool = True, description: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "description": description or f"Does {name}",
        "inputSchema": SCHEMA,
        "annotations": {"readOnlyHint": reads},
    }


RESOURCE: Final = {"uri": "memo://one", "name": "one", "mimeType": "text/plain"}
PROMPT: Final = {"name": "greet", "arguments": [{"name": "whom", "required": True}]}


@dataclass(frozen=True)
class Seen:
    """One request as it came. headers: as sent, in order. body: the bytes."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        found = json.loads(self.body) if self.body else {}
        assert isinstance(found, dict)
        return found

    @property
    def method(self) -> str:
        return str(self.message.get("method", ""))

    @property
    def is_work(self) -> bool:
        return self.method in _WORKS

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name]
        return found[-1] if found else None

    def everything(self) -> bytes:
        return f"{self.line}\n{self.headers}\n".encode() + self.body


@dataclass(frozen=True)
class Odd:
    """How a tool answers instead of echoing. text: its answer. delay: seconds before it. raw: sent
    as the body in place of any answer. error: a JSON-RPC error. hang_up: close, no answer. result: a whole one. mirror: answer with all that was received."""

    text: str | None = None
    delay: float = 0.0
    raw: bytes | None = None
    error: tuple[int, str] | None = None
    hang_up: bool = False
    result: dict[str, Any] | None = None
    mirror: bool = False


@dataclass
class Offer:
    """What a server shows and how its tools behave. tools: definitions by name; tests change them."""

    tools: dict[str, dict[str, Any]] = field(default_factory=dict)
    odd: dict[str, Odd] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def _begin(self, arguments: Any, params: dict[str, Any], *, modern: bool) -> dict[str, Any]:
        """Make a task of a call: of the extension, or as 2025-11-25 has them."""
        task = {
            "taskId": f"task-{len(self.tasks)}",
            "status": "working",
            "createdAt": "2026-01-01T00:00:00Z",
            "lastUpdatedAt": "2026-01-01T00:00:00Z",
        }
        self.tasks[task["taskId"]] = {"task": task, "text": json.dumps(arguments), "told": {}}
        if modern:
            return {"resultType": "task", **task, "ttlMs": None, "pollIntervalMs": 10}
        task["ttl"] = params["task"].get("ttl")
        return {"task": task}

    def _task(self, method: str, params: dict[str, Any], *, modern: bool) -> dict[str, Any]:
        """Say how a task stands: it is done when it was asked about once, or told something."""
        kept = self.tasks[params["taskId"]]
        task: dict[str, Any] = kept["task"]
        outcome = {"content": [{"type": "text", "text": kept["text"]}], "isError": False}
        if method == "tasks/update":
            kept["told"] |= params["inputResponses"]
            return {}
        if method == "tasks/cancel":
            task["status"] = "cancelled"
            return {} if modern else task
        if method == "tasks/result":
            related = {"io.modelcontextprotocol/related-task": {"taskId": params["taskId"]}}
            return {**outcome, "_meta": related}
        if task["status"] == "working":
            task["status"] = "completed"
            return {**task, "status": "working", **({"ttlMs": None} if modern else {})}
        if modern:
            done = task["status"] == "completed"
            return {**task, "ttlMs": None, **({"result": outcome} if done else {})}
        return task

    def result(self, method: str, params: dict[str, Any], *, modern: bool) -> dict[str, Any]:
        """Return the result, or raise KeyError for what there is none of."""
        capabilities: dict[str, Any] = {"tools": {"listChanged": True}, "resources": {}, "prompts": {}}  # fmt: skip
        info = {"name": "recorder", "version": "1"}
        if method == "server/discover" and modern:
            return {"supportedVersions": [MODERN], "capabilities": capabilities, "serverInfo": info}
        if method == "initialize" and not modern:
            version = params["protocolVersion"]
            return {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}
        fixed: dict[str, dict[str, Any]] = {
            "tools/list": {"tools": list(self.tools.values())},
            "resources/list": {"resources": [RESOURCE]},
            "resources/templates/list": {"resourceTemplates": []},
            "prompts/list": {"prompts": [PROMPT]},
            "resources/read": {"contents": [{"uri": params.get("uri", ""), "text": "memo one"}]},
            "prompts/get": {"messages": [{"role": "user", "content": {"type": "text", "text": "hi"}}]},
            "ping": {},
        }  # fmt: skip
        if method.startswith("tasks/"):
            return self._task(method, params, modern=modern)
        if method != "tools/call":
            return fixed[method]
        name, arguments = params["name"], params.get("arguments", {})
        self.tools[name]
        if name in self.slow and (modern or "task" in params):
            return self._begin(arguments, params, modern=modern)
        text = self.odd.get(name, Odd()).text or json.dumps(arguments)
        return {"content": [{"type": "text", "text": text}], "isError": False}


class Upstream:
    """Serves `/mcp` on a free port of 127.0.0.1, in a loop of its own, until `close`."""

    def __init__(self, *tools: dict[str, Any], modern: bool = True, port: int = 0) -> None:
        self.offer = Offer({item["name"]: item for item in tools})
        self.modern = modern
        self.seen: list[Seen] = []
        self._begin(port)

    def _begin(self, port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(port, started), daemon=True)
        self._thread.start()
        assert started.wait(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def works(self) -> list[Seen]:
        """The requests that agents caused."""
        return [seen for seen in list(self.seen) if seen.is_work]

    def calls_of(self, name: str) -> list[Seen]:
        return [seen for seen in self.works if seen.message["params"].get("name") == name]

    def everything(self) -> bytes:
        return b"\n".join(seen.everything() for seen in list(self.seen))

    @contextlib.contextmanager
    def restarting(self) -> Iterator[None]:
        """Be away while the block runs, then come back on the same port."""
        self.close()
        yield
        self._begin(self.port)

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(5)

    # -- in the thread

    def _run(self, port: int, started: threading.Event) -> None:
        try:
            self._loop.run_until_complete(self._serve(port, started))
        finally:
            self._loop.close()

    async def _serve(self, port: int, started: threading.Event) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", port, limit=2**24)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stop.wait()
        server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                seen = await _read(reader)
                self.seen.append(seen)
                answer = await self._answer(seen)
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _answer(self, seen: Seen) -> bytes | None:
        """Return the bytes of the answer; None: hang up."""
        message = seen.message
        if "id" not in message:
            return _http(202, b"")
        name = message.get("params", {}).get("name", "")
        odd = self.offer.odd.get(name, Odd()) if seen.method == "tools/call" else Odd()
        if odd.delay:
            await asyncio.sleep(odd.delay)
        if odd.hang_up:
            return None
        if odd.raw is not None:
            return _http(200, odd.raw)
        if odd.result is not None:
            return _http(200, _result(message["id"], odd.result, modern=self.modern))
        if odd.error is not None:
            return _http(200, _error(message["id"], *odd.error))
        return self._plain_answer(seen, mirror=odd.mirror)

    def _plain_answer(self, seen: Seen, *, mirror: bool) -> bytes:
        message, modern = seen.message, seen.header("mcp-protocol-version") == MODERN
        if modern and not self.modern:  # as a server does that has never heard of it
            return _http(400, _error(message["id"], -32600, "Missing session ID"))
        try:
            result = self.offer.result(seen.method, message.get("params", {}), modern=modern)
        except KeyError:
            return _http(404 if modern else 200, _error(message["id"], -32601, "Method not found"))
        if mirror:
            result["content"][0]["text"] = seen.everything().decode()
        fields = "Mcp-Session-Id: session-one\r\n" if seen.method == "initialize" else ""
        return _http(200, _result(message["id"], result, modern=modern), fields)


def _result(identifier: Any, result: dict[str, Any], *, modern: bool) -> bytes:
    if modern and result.get("resultType") != "input_required":
        result = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private", **result}
    return _dump({"jsonrpc": "2.0", "id": identifier, "result": result})


def _error(identifier: Any, code: int, text: str) -> bytes:
    return _dump({"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": text}})


def _dump(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def _http(status: int, body: bytes, fields: str = "") -> bytes:
    kind = "Content-Type: application/json\r\n" if body else ""
    head = f"HTTP/1.1 {status} Whatever\r\n{kind}{fields}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _read(reader: asyncio.StreamReader) -> Seen:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = text.split("\r\n")[:-2]
    headers = [(name, value.strip()) for name, _, value in (item.partition(":") for item in fields)]
    length = int({name.lower(): value for name, value in headers}.get("content-length", "0"))
    return Seen(line, headers, await reader.readexactly(length))


@contextlib.contextmanager
def serving(*tools: dict[str, Any], modern: bool = True, port: int = 0) -> Iterator[Upstream]:
    running = Upstream(*tools, modern=modern, port=port)
    try:
        yield running
    finally:
        running.close()


def wait_until(
    condition: Callable[[], object], seconds: float = 10.0, *, each: float = 0.12
) -> float:
    """Return after how many seconds `condition` held. each: not so often that a caller who asks for
    what is refused trips its breaker.

    Raises:
        AssertionError: it did not, in time.
    """
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, f"not in {seconds} s"
        time.sleep(each)
    return time.monotonic() - started


# -- over stdio


def lines_of(log: Path) -> list[dict[str, Any]]:
    """Return the messages that a stdio server has seen."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def main(log: Path, *, modern: bool) -> None:
    """Serve two tools on standard input and output."""
    offer = Offer({"look": tool("look"), "change": tool("change", reads=False)})
    log.with_suffix(".environment").write_text(json.dumps(dict(os.environ)))
    for line in sys.stdin:
        with log.open("a") as file:
            file.write(line)
        message = json.loads(line)
        if "id" not in message:
            continue
        params = message.get("params", {})
        is_modern = params.get("_meta", {}).get(_META) == MODERN
        try:
            if is_modern and not modern:
                raise KeyError
            result = offer.result(message["method"], params, modern=is_modern)
            answer = _result(message["id"], result, modern=is_modern)
        except KeyError:
            answer = _error(message["id"], -32601, "Method not found")
        sys.stdout.write(answer.decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), modern="legacy" not in sys.argv[2:])
