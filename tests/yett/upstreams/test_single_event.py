"""A stream of one answer is taken in a short way, and ends as it does in the long one: the same answer, and a
connection that is used again or not."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from yett.core.secret import Secret
from yett.upstreams.backends.http.connection import Connection
from yett.upstreams.backends.http.conversation import Receiver, Session, read_exchange
from yett.upstreams.backends.http.known import KnownHeads
from yett.upstreams.backends.http.response import ConnectionLost, Head
from yett.upstreams.backends.http.single_event import END_OF_CHUNKS, only_answer
from yett.upstreams.handshake import Opening
from yett.upstreams.port import Era
from yett.upstreams.rpc import InvalidAnswer

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
ANSWER = b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"a"}]}}'
BACKWARDS = b'{"result":{"content":[]},"jsonrpc":"2.0","id":7}'
NOTICE = (
    b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":2}}'
)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(data: bytes, *, name: bytes = b"event: message\n", line: bytes = b"\n") -> bytes:
    return name.replace(b"\n", line) + b"data: " + data + line + line


class Pool:
    """Keeps what is given back, and knows headers if it may."""

    def __init__(self, *, knows: bool) -> None:
        self.heads = KnownHeads()
        if not knows:
            self.heads.get = lambda _: None  # type: ignore[assignment]
        self.kept = 0

    def keep(self, _: Connection) -> None:
        self.kept += 1

    def drop(self, _: Connection) -> None: ...


class Wire:
    """The other side: takes what is written, and notes that it was cut."""

    def __init__(self) -> None:
        self.cut = False

    def write(self, data: bytes) -> None: ...

    def abort(self) -> None:
        self.cut = True


class Owner:
    def note_change(self) -> None: ...

    def note_update(self, uri: str) -> None: ...

    def send_back(self, session: Any, reply: bytes) -> None: ...


async def take(pieces: list[bytes], *, knows: bool, lost: bool = False) -> Any:
    """Return what comes of an answer, after one that made its header known."""
    pool, wire = Pool(knows=knows), Wire()
    connection = Connection(asyncio.get_running_loop(), pool)
    connection.connection_made(wire)  # type: ignore[arg-type]
    await ask(connection, [HEAD + chunk(event(ANSWER)) + END_OF_CHUNKS])
    assert (pool.kept, wire.cut) == (1, False)
    seen = await ask(connection, pieces, lost=lost)
    return seen, pool.kept, wire.cut


async def ask(connection: Connection, pieces: list[bytes], *, lost: bool = False) -> Any:
    opening = Opening(Era.LEGACY, "2025-11-25", {})
    session = Session(None, opening, False, Secret(b""), False)  # type: ignore[arg-type] # noqa: FBT003
    receiver = Receiver(7, Owner(), session)
    waiter = connection.begin(b"", receiver, 0.0)
    for piece in pieces:
        connection.data_received(piece)
    if lost:
        connection.connection_lost(None)
    await asyncio.sleep(0)
    if not waiter.done():
        return "nothing yet"
    try:
        response = waiter.result()
    except InvalidAnswer:
        return "invalid"
    except ConnectionLost as gone:
        return "lost", gone.answering
    try:
        exchange = read_exchange(response, 7, modern=False)
    except InvalidAnswer:
        return "invalid"
    return exchange.result, exchange.error, exchange.bytes_received


def both(pieces: list[bytes], *, lost: bool = False) -> tuple[Any, Any]:
    short, long = (asyncio.run(take(pieces, knows=how, lost=lost)) for how in (True, False))
    return short, long


@pytest.mark.parametrize("line", [b"\n", b"\r\n"])
@pytest.mark.parametrize("name", [b"event: message\n", b""])
@pytest.mark.parametrize("answer", [ANSWER, BACKWARDS])
@pytest.mark.parametrize("ended", [True, False])
def test_one_answer_is_found(line: bytes, name: bytes, answer: bytes, *, ended: bool) -> None:
    body = chunk(event(answer, name=name, line=line)) + (END_OF_CHUNKS if ended else b"")

    assert only_answer(body) == (answer, ended)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        END_OF_CHUNKS,
        chunk(event(NOTICE)) + END_OF_CHUNKS,
        chunk(event(NOTICE)) + chunk(event(ANSWER)) + END_OF_CHUNKS,
        chunk(event(NOTICE) + event(ANSWER)) + END_OF_CHUNKS,
        chunk(event(ANSWER) + event(ANSWER)) + END_OF_CHUNKS,
        chunk(event(ANSWER)) + chunk(event(ANSWER)) + END_OF_CHUNKS,
        chunk(event(ANSWER, name=b"id: 1\n")) + END_OF_CHUNKS,
        chunk(event(ANSWER, name=b"event: other\n")) + END_OF_CHUNKS,
        chunk(event(ANSWER + b"\ndata: ")) + END_OF_CHUNKS,
        chunk(event(ANSWER) + b": comment\n\n") + END_OF_CHUNKS,
        chunk(b"data: " + ANSWER + b"\n") + END_OF_CHUNKS,
        chunk(event(ANSWER))[:-9],
        chunk(event(ANSWER)) + END_OF_CHUNKS + b"x",
        chunk(event(ANSWER)) + b"0\r\n",
        b"0" + chunk(event(ANSWER)) + END_OF_CHUNKS,
        chunk(event(ANSWER)).replace(b"\r\n", b";x=y\r\n", 1) + END_OF_CHUNKS,
        chunk(event(ANSWER.replace(b'"a"', b'"a\rb"'))) + END_OF_CHUNKS,
    ],
)
def test_every_other_stream_goes_the_long_way(body: bytes) -> None:
    assert only_answer(body) is None
    short, long = both([HEAD + body])
    assert short == long


def test_only_the_header_of_a_stream_that_ends_is_known_so() -> None:
    heads = KnownHeads()
    plain = {b"content-type": b"text/event-stream", b"transfer-encoding": b"chunked"}
    for status, more in (
        (201, {}),
        (200, {b"content-length": b"5"}),
        (200, {b"content-type": b"text/html"}),
    ):
        heads.remember(b"x", Head(status, {**plain, **more}), 9)
        assert heads.get(b"x") is None
    heads.remember(b"x", Head(200, {b"content-type": b"text/event-stream"}), 9)
    assert heads.get(b"x") is None
    heads.remember(b"", Head(200, plain), 9)
    assert heads.get(b"") is None
    heads.remember(b"x", Head(200, plain), 9)
    assert heads.get(b"x") is not None


EVENTS = st.sampled_from(
    [
        event(ANSWER),
        event(ANSWER, name=b"", line=b"\r\n"),
        event(BACKWARDS, line=b"\r\n"),
        event(ANSWER.replace(b"7", b"8")),
        event(NOTICE),
        event(ANSWER, name=b"id: 1\n"),
        b": a comment\n\n",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    chunks=st.lists(st.lists(EVENTS, min_size=1, max_size=2).map(b"".join), max_size=3),
    ended=st.booleans(),
    cuts=st.lists(st.integers(0, 600), max_size=3) | st.just([len(HEAD)]),
    put=st.sampled_from([b"", b"", b"x", b"\r\n", b"0"]),
    place=st.integers(0, 400),
    lost=st.booleans(),
)
@example(chunks=[event(ANSWER)], ended=True, cuts=[], put=b"", place=0, lost=False)
@example(chunks=[event(ANSWER)], ended=True, cuts=[len(HEAD)], put=b"", place=0, lost=False)
@example(chunks=[event(ANSWER)], ended=False, cuts=[len(HEAD)], put=b"", place=0, lost=True)
@example(chunks=[], ended=False, cuts=[], put=b"", place=0, lost=True)
def test_both_ways_end_alike(
    *, chunks: list[bytes], ended: bool, cuts: list[int], put: bytes, place: int, lost: bool
) -> None:
    data = HEAD + b"".join(chunk(one) for one in chunks) + (END_OF_CHUNKS if ended else b"")
    if put:
        at = len(HEAD) + place
        data = data[:at] + put + data[at:]
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(places)]

    (seen, kept, cut), (other, other_kept, other_cut) = both(pieces, lost=lost)

    assert seen == other
    if seen != "invalid":  # what answers another request ends the connection in the long way only
        assert kept <= other_kept  # the short way gives a connection up more readily
        assert cut >= other_cut


def test_the_end_of_a_stream_may_come_later() -> None:
    short, long = both([HEAD, chunk(event(ANSWER)), END_OF_CHUNKS])

    assert short == long
    assert short[1:] == (2, False)


@pytest.mark.parametrize("later", [b"x", chunk(event(ANSWER)), HEAD + chunk(event(ANSWER))])
def test_what_comes_in_place_of_the_end_ends_the_connection(later: bytes) -> None:
    seen, kept, cut = asyncio.run(take([HEAD + chunk(event(ANSWER)), later], knows=True))

    assert seen[0] == {"content": [{"type": "text", "text": "a"}]}
    assert (kept, cut) == (1, True)
