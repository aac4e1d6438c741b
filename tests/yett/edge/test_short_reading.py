"""A connection reads most requests by comparing their header with the last. Whatever comes, and whenever, it reads what the
parser reads."""

import asyncio
import itertools

import uvloop
from hypothesis import given
from hypothesis import strategies as st

from tests.yett.edge.test_reader import CHUNKED, HEAD, LAST, OTHER, post, read, told
from yett.edge.http.connection import Connection
from yett.edge.http.listener import Listener
from yett.edge.http.message import Request, Response


class Wire(asyncio.Transport):
    """Counts answers, and keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = 0
        self.is_ended = False

    def write(self, data: object) -> None:
        self.answers += 1

    def is_closing(self) -> bool:
        return self.is_ended

    def close(self) -> None:
        self.is_ended = True

    abort = close

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def converse(pieces: list[bytes], turns: list[int]) -> tuple[list[Request], int]:
    """Give a connection some bytes after another, and the loop so many turns after each."""
    found: list[Request] = []

    async def answer(request: Request) -> Response:
        found.append(request)
        return Response(200)

    listener = Listener(answer)
    connection, wire = Connection(listener), Wire()
    connection.connection_made(wire)
    for piece, count in zip(pieces, itertools.chain(turns, itertools.repeat(1)), strict=False):
        if wire.is_ended:
            break
        connection.data_received(piece)
        for _ in range(count):
            await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert connection._task is not None or wire.is_ended
    connection.connection_lost(None)
    return found, wire.answers


bodies = st.binary(max_size=30) | st.sampled_from([post(b"{}"), LAST % 0, HEAD % 3, b"\r\n\r\n"])
messages = st.lists(
    st.tuples(st.sampled_from([HEAD, HEAD, HEAD, LAST, OTHER]), bodies).map(
        lambda drawn: post(drawn[1], drawn[0])
    )
    | st.binary(min_size=1, max_size=20).map(
        lambda body: CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    ),
    min_size=1,
    max_size=8,
)


@given(
    messages,
    st.sampled_from(["whole", "apart", "anywhere"]),
    st.lists(st.integers(0, 900), max_size=8),
    st.lists(st.integers(0, 6), max_size=24),
)
def test_a_connection_reads_what_the_parser_reads(
    sent: list[bytes], cut: str, places: list[int], turns: list[int]
) -> None:
    stream = b"".join(sent)
    ends = set(itertools.accumulate(map(len, sent)))
    if cut == "apart":
        ends |= {
            end - len(message) + message.index(b"\r\n\r\n") + 4
            for end, message in zip(itertools.accumulate(map(len, sent)), sent, strict=True)
        }
    if cut == "anywhere":
        ends = {len(stream), *(place % len(stream) for place in places)}
    pieces = [stream[a:b] for a, b in itertools.pairwise(sorted({0, *ends}))]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found, answers = runner.run(converse(pieces, turns))

    assert told(found) == told(read(stream)[0])
    assert answers == len(sent)
