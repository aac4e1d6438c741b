"""A gate that answers by itself, and a client that sends exactly the bytes it is told to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from yett.core.call import Call, Reply
from yett.core.clock import SystemClock
from yett.core.errors import Denied
from yett.core.identity import Principal
from yett.core.notices import Notice
from yett.core.operations import Road
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.edge import Listener, Router
from yett.edge.gate import Begun, Kept
from yett.edge.origin import OriginPolicy, own_hosts

KEY = "yett_test_good"
GOOD = Principal(id="k1", name="laptop")
TOOL = {"name": "notes__read", "description": "Read", "inputSchema": {"type": "object"}}


class ScriptedGate:
    """Keeps every call; lets only `KEY` in; answers by `result` or `refusal`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.refusals: list[Denied] = []
        self.result: dict[str, Any] = {"content": [{"type": "text", "text": "hello"}]}
        self.refusal: Denied | None = None
        self.live = True
        self.ready = True
        self.pause: asyncio.Event | None = None
        self.hold: asyncio.Event | None = None
        """Like `pause`, but after the notices, and only for what reaches a server."""
        self.cancelled = 0
        self.released: list[tuple[str, str]] = []
        self.notices: list[Notice] = []
        """Told to the line of each call that has one, before its answer."""
        self.script: Callable[[Call, Principal], Reply | None] = lambda _call, _principal: None
        """Answers what it wants to."""

    async def handle(self, call: Call, refused: Denied | None = None) -> Reply:
        self.calls.append(call)
        if refused is not None:
            self.refusals.append(refused)
        credential = call.credential
        if credential is None or credential.reveal_text() not in {KEY, f"{KEY}2"}:
            refused = refused or Denied(Reason.UNAUTHENTICATED, "scripted")
            if refused.reason not in {Reason.FORBIDDEN_ORIGIN, Reason.UNKNOWN_PATH}:
                refused = Denied(Reason.UNAUTHENTICATED, "scripted")
            return Reply(call=call, refusal=refused)
        principal = GOOD if credential.reveal_text() == KEY else Principal(id="k2", name="other")
        if call.owner is not None and call.owner != principal.id:
            refused = Denied(Reason.UNKNOWN_SESSION, "scripted")
        await self._wait(self.pause)
        await self._tell(call)
        await self._wait(self.hold if call.operation.road is Road.CALL else None)
        refused = refused or self.refusal
        if refused is not None:
            return Reply(call=call, principal=principal, refusal=refused)
        scripted = self.script(call, principal)
        if scripted is not None:
            return scripted
        results = {"tools/call": self.result, "tools/list": {"tools": [TOOL]}}
        return Reply(call=call, principal=principal, result=results.get(call.operation.method, {}))

    async def begin_once(self, credential: Secret | None, name: bytes, asked: bytes) -> Begun:
        """It forgets everything."""
        del name, asked
        return Begun("stranger" if credential is None else "new")

    async def end_once(
        self, begun: Begun, credential: Secret | None, name: bytes, kept: Kept | None
    ) -> None: ...

    async def _wait(self, event: asyncio.Event | None) -> None:
        if event is not None:
            try:
                await event.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise

    async def _tell(self, call: Call) -> None:
        line = None if call.talk is None else call.talk.line
        if line is not None:
            for notice in self.notices:
                line.tell(notice)
                await asyncio.sleep(0)

    def knows(self, credential: Secret | None) -> bool:
        return credential is not None and credential.reveal_text() == KEY

    def is_live(self, principal_id: str) -> bool:
        return self.live

    def release(self, server: str, uri: str) -> None:
        self.released.append((server, uri))

    def is_ready(self) -> bool:
        return self.ready


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server(NamedTuple):
    gate: ScriptedGate
    router: Router
    listener: Listener
    port: int

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, data: bytes) -> Answer:
        """Send raw bytes on a new connection; read one answer."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            return await read_answer(reader)
        finally:
            writer.close()

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, path: str, body: Any = b"", *, key: str | None = KEY, **headers: str
    ) -> AsyncIterator["Events"]:
        """Send a request whose answer is a stream; hang up at the end."""
        reader, writer = await self.connect()
        try:
            writer.write(self.encode(method, path, body, key=key, **headers))
            yield await Events(reader).open()
        finally:
            writer.close()

    async def request(
        self, method: str, path: str, body: Any = b"", *, key: str | None = KEY, **headers: str
    ) -> Answer:
        return await self.send(self.encode(method, path, body, key=key, **headers))

    def encode(
        self, method: str, path: str, body: Any = b"", *, key: str | None = KEY, **headers: str
    ) -> bytes:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = {"Host": f"127.0.0.1:{self.port}", "Content-Length": str(len(data))}
        if method == "POST":
            lines |= {
                "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream",
            }
        if key is not None:
            lines["Authorization"] = f"Bearer {key}"
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value != "-")
        return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + data


class Events:
    """An answer that is a stream: its head, and its messages one by one."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._text = b""
        self.head = ""

    async def open(self) -> "Events":
        async with asyncio.timeout(5):
            self.head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        return self

    async def event(self) -> dict[str, str] | None:
        """Return the fields of the next event, without comments; None at the end of the answer."""
        while True:
            while b"\n\n" not in self._text:
                part = await self._chunk()
                if not part:
                    return None
                self._text += part
            block, _, self._text = self._text.partition(b"\n\n")
            lines = [line for line in block.decode().split("\n") if not line.startswith(":")]
            if lines:
                return {name: value for name, _, value in (line.partition(": ") for line in lines)}

    async def next(self) -> Any:
        """Return the next message; None at the end."""
        found = await self.event()
        return None if found is None else json.loads(found["data"])

    async def rest(self) -> list[Any]:
        found = []
        while (message := await self.next()) is not None:
            found.append(message)
        return found

    async def _chunk(self) -> bytes:
        async with asyncio.timeout(5):
            size = int((await self._reader.readuntil(b"\r\n"))[:-2], 16)
            return (await self._reader.readexactly(size + 2))[:-2]


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    async with asyncio.timeout(5):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(status.split(" ")[1]), headers, body)


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    gate = ScriptedGate()
    router = Router(gate, SystemClock(), OriginPolicy(frozenset(), frozenset()))
    listener = Listener(router)
    port = await listener.start("127.0.0.1", 0)
    hosts = own_hosts("127.0.0.1", port, ("gate.example",))
    policy = OriginPolicy(hosts, frozenset({b"https://console.example"}))
    router.arrivals = type(router.arrivals)(SystemClock(), policy)
    try:
        yield Server(gate, router, listener, port)
    finally:
        await listener.stop(grace_seconds=0.2)
