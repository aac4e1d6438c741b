"""Adds a key to every request on its way to the gate, because the suite cannot send one.

Nothing else is touched: what the suite sends as Host, Origin or body arrives, and answers stream
through as they come. When either side hangs up, the other is hung up on.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

_CHUNK: int = 65536


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """Return the body that follows a head, framing included."""
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    if fields.get(b"transfer-encoding", b"").lower() != b"chunked":
        return await reader.readexactly(int(fields.get(b"content-length", b"0")))
    whole = b""
    while True:
        line = await reader.readline()
        whole += line
        length = int(line.split(b";")[0], 16)
        whole += await reader.readexactly(length + 2)
        if length == 0:
            return whole


class Shim:
    """port: where it listens; gate: the port that it leads to."""

    def __init__(self, port: int, gate: int, key: str) -> None:
        self._gate = gate
        self._field = f"Authorization: Bearer {key}\r\n".encode()
        self._port = port

    async def serve(self, started: threading.Event, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", self._port)
        started.set()
        await stop.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            gate_reader, gate_writer = await asyncio.open_connection("127.0.0.1", self._gate)
            ways = [
                asyncio.create_task(self._requests(reader, gate_writer)),
                asyncio.create_task(self._answers(gate_reader, writer)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            gate_writer.close()
        writer.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ValueError, OSError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line, rest = head.split(b"\r\n", 1)
                writer.write(line + b"\r\n" + self._field + rest + await _body(reader, head))
                await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                writer.write(data)
                await writer.drain()


@contextlib.contextmanager
def leading(port: int, gate: int, key: str) -> Iterator[str]:
    """Lead requests at `port` to the gate, with the key; yield the address that stands for it."""
    started, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()
    serving = Shim(port, gate, key).serve(started, stop)
    thread = threading.Thread(target=loop.run_until_complete, args=(serving,), daemon=True)
    thread.start()
    assert started.wait(5), "the shim did not start"
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
        loop.close()
