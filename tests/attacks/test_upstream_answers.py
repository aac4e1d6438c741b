"""Attacks promises 7 and 10 from the side of a server: what it sends is bounded whatever part of HTTP
it hides in."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest

from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.upstreams.backends.http.dial import Dialer
from yett.upstreams.backends.http.endpoint import parse_endpoint
from yett.upstreams.backends.http.transport import HttpTransport

MEGABYTE = 1024 * 1024
OPENING = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OPENING + b"Transfer-Encoding: chunked\r\n\r\n"


class EvilServer:
    """Answers each request with `start` and then with `more`, again and again."""

    def __init__(self, start: bytes, more: bytes) -> None:
        self._start = start
        self._more = more
        self.sent = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._start)
            while self._more and self.sent < 200 * MEGABYTE:
                writer.write(self._more)
                self.sent += len(self._more)
                await writer.drain()
            await reader.read()
        writer.transport.abort()


@contextlib.asynccontextmanager
async def facing(server: EvilServer) -> AsyncIterator[HttpTransport]:
    listening = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    endpoint = parse_endpoint(f"http://127.0.0.1:{port}/mcp")
    transport = HttpTransport(endpoint, Dialer(endpoint, _no_tls))
    try:
        yield transport
    finally:
        await transport.close()
        listening.close()
        await listening.wait_closed()


def _no_tls() -> ssl.SSLContext:
    raise AssertionError


ENDLESS = {
    "trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"x" * 65_536),
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: y\r\n" * 10_000),
    "extension of a chunk": (CHUNKED + b"2;x=", b"x" * 65_536),
    "header field": (OPENING + b"X: ", b"x" * 65_536),
    "header name": (OPENING, b"x" * 65_536),
    "interim answers": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 1_000),
    "one-byte chunks": (CHUNKED, b"1\r\n \r\n" * 10_000),
    "comments in a stream": (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"10000\r\n" + (b": " + b"x" * 65_533 + b"\n") + b"\r\n",
    ),
}


@pytest.mark.parametrize(("start", "more"), ENDLESS.values(), ids=ENDLESS)
async def test_an_endless_answer_is_cut_wherever_it_is_endless(start: bytes, more: bytes) -> None:
    server = EvilServer(start, more)
    async with facing(server) as transport:
        with pytest.raises(Fault) as caught:
            await transport.request(
                "tools/call", {"name": "x"}, credential=Credential(), deadline_seconds=10
            )

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert server.sent < 100 * MEGABYTE
