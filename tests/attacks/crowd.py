"""Very many callers at once: keys for them all in a moment, and a connection that speaks raw HTTP."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.outside.gate import as_header, meta
from tests.outside.upstream import MODERN
from yett.authentication.build import build_registry
from yett.core.clock import SystemClock
from yett.storage.build import open_database

_ACCEPTS: Final = "application/json, text/event-stream"


def keys_for(data: Path, names: Iterable[str], role: str) -> list[str]:
    """Issue a key for each name, as `yett key create` does, and a hundred times faster."""
    database = open_database(data)
    registry = build_registry(database=database, data=data, clock=SystemClock(), actor="test")
    try:
        issued = [registry.create(name, [role], lifetime_seconds=3600.0) for name in names]
        return [found.key.reveal().decode() for found in issued]
    finally:
        database.close()


@dataclass
class Caller:
    """One key on one connection, in one version. Every request has the same id: 0."""

    port: int
    key: str
    version: str
    path: str
    session: str | None = None
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = field(default=None)

    async def open(self) -> None:
        if self.version == MODERN:
            return
        params = {"protocolVersion": self.version, "capabilities": {}, "clientInfo": {"name": "crowd", "version": "0"}}  # fmt: skip
        await self.ask("initialize", params)

    async def ask(self, method: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Return every message that came for one request; the answer is the last."""
        if self.version == MODERN:
            params = params | {"_meta": meta() | params.get("_meta", {})}
        message = {"jsonrpc": "2.0", "id": 0, "method": method, "params": params}
        status, headers, body = await self.send(json.dumps(message).encode(), self._fields(method, params))  # fmt: skip
        assert status == 200, (status, body)
        if method == "initialize":
            self.session = headers["mcp-session-id"]
        if headers["content-type"].startswith("text/event-stream"):
            return _events(body)
        return [json.loads(body)]

    def _fields(self, method: str, params: dict[str, Any]) -> dict[str, str]:
        if self.version == MODERN:
            named = params.get("name") or params.get("uri")
            found = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
            return found | ({"Mcp-Name": as_header(named)} if named else {})
        if self.session is None:
            return {}
        return {"MCP-Protocol-Version": self.version, "Mcp-Session-Id": self.session}

    def _head(self, length: int, fields: dict[str, str]) -> bytes:
        more = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.key}\r\n"
            f"Accept: {_ACCEPTS}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n"
        ).encode()

    async def send(self, body: bytes, fields: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Return the status, the headers by name in lower case, and the body with no framing."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        reader, writer = self._streams
        writer.write(self._head(len(body), fields) + body)
        status, headers = await read_head(reader)
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join([part async for part in chunks(reader)])
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        return status, headers, body

    @contextlib.asynccontextmanager
    async def stream(self) -> AsyncIterator[asyncio.StreamReader]:
        """Open what this version hears of changes by, on a connection of its own; the head has been read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        try:
            writer.write(self._listen() if self.version == MODERN else self._get())
            status, _ = await read_head(reader)
            assert status == 200, (status, self.version)
            yield reader
        finally:
            writer.close()

    def _get(self) -> bytes:
        return (
            f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.key}\r\n"
            f"Accept: text/event-stream\r\nMcp-Session-Id: {self.session}\r\n\r\n"
        ).encode()

    def _listen(self) -> bytes:
        method, changes = "subscriptions/listen", {"toolsListChanged": True}
        params = {"notifications": changes, "_meta": meta()}
        body = json.dumps({"jsonrpc": "2.0", "id": 0, "method": method, "params": params}).encode()
        return self._head(len(body), self._fields(method, params)) + body

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *fields = text.split("\r\n")[:-2]
    pairs = (item.partition(":") for item in fields)
    return int(line.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readline()


def _events(body: bytes) -> list[dict[str, Any]]:
    """Return the messages of a whole event stream."""
    found = [
        line.removeprefix(b"data:").strip()
        for line in body.splitlines()
        if line.startswith(b"data:")
    ]
    return [json.loads(data) for data in found if data]
