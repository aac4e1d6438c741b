"""Answers that are written piece by piece, and what may follow them on the connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from yett.edge.http.connection import Connection, Stream
from yett.edge.http.listener import Listener
from yett.edge.http.message import Request, Response, stream_head

ASK = b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n"
ASK_ONCE = b"GET / HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n"


@dataclass
class Spoken:
    """An answer in two pieces. end: wait for it between them."""

    last: bool = False
    finishes: bool = True
    end: asyncio.Event | None = None

    async def run(self, connection: Connection) -> Response | None:
        connection.begin_stream(stream_head(b"Spoken: yes\r\n"), last=self.last)
        await connection.send_chunk(b"one")
        if self.end is not None:
            await self.end.wait()
        if self.finishes:
            await connection.send_chunk(b"two")
            connection.finish_stream()
        return None


@contextlib.asynccontextmanager
async def asking(
    *answers: Stream | Response,
) -> AsyncIterator[tuple[Listener, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a listener that gives these answers, in their order."""
    left = list(answers)

    async def answer(_: Request) -> Response | Stream:
        return left.pop(0)

    listener = Listener(answer)
    port = await listener.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield listener, reader, writer
    finally:
        writer.close()
        await listener.stop(grace_seconds=0)


async def rest(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.read(), 2)


async def test_more_may_be_asked_on_a_connection_after_a_stream() -> None:
    async with asking(Spoken(), Spoken(), Response(200, b"plain")) as (_, reader, writer):
        writer.write(ASK)
        first = await reader.readuntil(b"0\r\n\r\n")
        writer.write(ASK + ASK_ONCE)
        others = await rest(reader)

    assert b"Connection: close" not in first
    assert b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n" in first
    assert others.count(b"HTTP/1.1 200") == 2
    assert others.endswith(b"Connection: close\r\n\r\nplain")


@pytest.mark.parametrize(
    ("spoken", "asked"),
    [(Spoken(last=True), ASK), (Spoken(), ASK_ONCE)],
    ids=["the gate ends it", "the agent ends it"],
)
async def test_the_last_stream_of_a_connection_says_so_and_ends_it(
    spoken: Spoken, asked: bytes
) -> None:
    async with asking(spoken) as (_, reader, writer):
        writer.write(asked)
        received = await rest(reader)

    assert b"Connection: close\r\n\r\n" in received
    assert received.endswith(b"0\r\n\r\n")


async def test_a_stream_that_was_cut_is_not_taken_for_whole() -> None:
    async with asking(Spoken(finishes=False)) as (_, reader, writer):
        writer.write(ASK)
        received = await rest(reader)

    assert received.endswith(b"one\r\n")


async def test_a_stream_that_ends_while_the_gate_does_is_the_last() -> None:
    end = asyncio.Event()
    async with asking(Spoken(end=end)) as (listener, reader, writer):
        writer.write(ASK)
        await reader.readuntil(b"one\r\n")
        stopping = asyncio.create_task(listener.stop(grace_seconds=5))
        await asyncio.sleep(0.05)
        end.set()
        received = await rest(reader)
        await asyncio.wait_for(stopping, 1)

    assert received.endswith(b"0\r\n\r\n")
