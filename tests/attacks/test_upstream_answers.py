"""Attacks promises 7 and 10 from the side of a server: what it sends is bounded whatever part of HTTP
it hides in, in the answer to a call and in the streams that stay open; others notice nothing."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest

from tests.servers.mcp_http import LISTENING, HttpServer, Request, Writer, chunk
from tests.yett.upstreams.scene import call, lease_nothing, reach, text_of
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
    transport = HttpTransport(endpoint, Dialer(endpoint, _no_tls), lease=lease_nothing)
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


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def event(message: bytes) -> bytes:
    return b"data: " + message + b"\n\n"


def notification(method: bytes, params: bytes = b"{}") -> bytes:
    return event(b'{"jsonrpc":"2.0","method":"notifications/%b","params":%b}' % (method, params))


FLOODS = {
    "a line without end": b"x" * 65_536,
    "an event without end": b"data: " + b"x" * 65_000 + b"\n",
    "comments": (b": " + b"x" * 1_000 + b"\n") * 60,
    "empty events": b"\n" * 65_536,
    "ids": b"id: 1\n\n" * 8_000,
    "changed lists": notification(b"tools/list_changed") * 800,
    "updates of a resource": notification(b"resources/updated", b'{"uri":"memo://one"}') * 600,
    "progress": notification(b"progress", b'{"progressToken":1,"progress":1}') * 600,
    "questions": event(b'{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}') * 800,
    "pings": event(b'{"jsonrpc":"2.0","id":1,"method":"ping"}') * 1000,
    "answers to nothing": event(b'{"jsonrpc":"2.0","id":1,"result":{}}') * 1000,
}


class FloodingServer:
    """Answers calls well, and floods the stream that stays open."""

    def __init__(self, era: str, flood: bytes) -> None:
        self._flood = chunk(flood)
        self.sent = 0
        self.streams = 0
        self.server = HttpServer(era, announces=True, oddity=self.oddity)

    async def oddity(self, request: Request, writer: Writer) -> bool:
        if request.verb != "GET" and request.method != LISTENING:
            return False
        self.streams += 1
        writer.write(STREAM)
        with contextlib.suppress(ConnectionError):
            while self.sent < 200 * MEGABYTE:
                writer.write(self._flood)
                self.sent += len(self._flood)
                await writer.drain()
                await asyncio.sleep(0)
        return True


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_a_flood_on_a_stream_that_stays_open_is_cut_and_calls_are_answered(
    flood: bytes, era: str
) -> None:
    flooding = FloodingServer(era, flood)
    async with flooding.server as server, reach(server) as transport:
        answers = [await call(transport, message=str(number)) for number in range(20)]
        await asyncio.sleep(0.5)

    assert [text_of(answer) for answer in answers] == [str(number) for number in range(20)]
    assert flooding.streams <= 3, "it is opened again after a pause only"
    assert flooding.sent < flooding.streams * 40 * MEGABYTE
