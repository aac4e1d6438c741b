"""A header that was read before is compared and not parsed, whatever length its body has; what comes of it is the same."""

import asyncio
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from yett.core.bounds import ANSWER_BYTES_MAX
from yett.upstreams.backends.http.connection import Connection
from yett.upstreams.backends.http.known import KnownHeads
from yett.upstreams.backends.http.response import ConnectionLost, Head
from yett.upstreams.rpc import InvalidAnswer

JSON = b"Content-Type: application/json\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n" + JSON + b"Content-Length: %d\r\nServer: 100%%25d"


class Pool:
    """Keeps what is given back, and remembers headers if it may."""

    def __init__(self, *, knows: bool) -> None:
        self.heads = KnownHeads()
        self.knows = knows
        self.kept = 0

    def keep(self, _: Connection) -> None:
        self.kept += 1
        if not self.knows:
            self.heads.__init__()

    def drop(self, _: Connection) -> None: ...


class Wire:
    def __init__(self) -> None:
        self.cut = False

    def write(self, data: bytes) -> None: ...

    def abort(self) -> None:
        self.cut = True


def whole(body: bytes, head: bytes = HEAD, length: int | None = None) -> bytes:
    return head % (len(body) if length is None else length) + b"\r\n\r\n" + body


async def take(answers: list[list[bytes]], *, knows: bool, lost: bool = False) -> Any:
    """Return what comes of answers that one connection brings, as long as it can be used. lost: it ends then."""
    pool, wire = Pool(knows=knows), Wire()
    connection = Connection(asyncio.get_running_loop(), pool)
    connection.connection_made(wire)  # type: ignore[arg-type]
    seen: list[Any] = []
    for pieces in answers:
        waiter = connection.begin(b"", None, 0.0)  # type: ignore[arg-type]
        for piece in pieces:
            connection.data_received(piece)
        if lost and not waiter.done():
            connection.connection_lost(None)
        if not waiter.done():
            seen.append("nothing yet")
            break
        try:
            response = waiter.result()
            seen.append((response.head.status, response.head.is_plain, response.body))
        except (InvalidAnswer, ConnectionLost) as trouble:
            seen.append((type(trouble), getattr(trouble, "answering", None)))
        if wire.cut:
            break
    return seen, pool.kept, wire.cut


def both(answers: list[list[bytes]], *, lost: bool = False) -> tuple[Any, Any]:
    short, long = (asyncio.run(take(answers, knows=how, lost=lost)) for how in (True, False))
    return short, long


def test_the_length_of_the_body_is_no_part_of_what_is_known() -> None:
    heads = KnownHeads()
    head = Head(200, {b"content-type": b"application/json", b"content-length": b"2"})

    heads.remember(HEAD % 2, head, 2)

    assert heads.text % 31 == HEAD % 31
    assert heads.announces(HEAD % 31)
    for other in (b"", HEAD.replace(b"%d", b"") % (), HEAD % -1, HEAD % 10**9, HEAD % 1 + b"x"):
        assert not heads.announces(other)
    assert heads.head is head


@pytest.mark.parametrize(
    ("text", "length"),
    [
        (b"", 2),
        (HEAD % 3, 2),
        (HEAD % 2 + b"x" * 2048, 2),
        (HEAD.replace(b"%d", b"0%d") % 2, 2),  # a length that is not written as we would
        (HEAD.replace(b": %d", b":%d") % 2, 2),
        (HEAD % 0, 0),  # there may never be a body behind this status
        (b"HTTP/1.1 200 OK\r\nX-Content-Length: 2", 2),
    ],
)
def test_what_is_not_exactly_so_is_not_known(text: bytes, length: int) -> None:
    heads = KnownHeads()

    heads.remember(text, Head(200, {b"content-length": b"%d" % length}), length)

    assert heads.text == b"\0%d"


@pytest.mark.parametrize(
    "odd",
    [
        [whole(b"{}", length=3)],
        [whole(b"{}", length=1)],  # a byte that nobody asked for
        [whole(b"{}") + b"HTTP/1.1 200 OK\r\n"],
        [whole(b"{}", HEAD.replace(b"200 OK", b"500 Oh"))],
        [whole(b"{}", HEAD.replace(b"%d", b"%d\r\nContent-Length: 2"))],
        [whole(b"{}", HEAD.replace(b"%d", b"+%d"))],
        [whole(b"{}", HEAD.replace(b"%d", b"0%d"))],
        [whole(b"{}", HEAD.replace(b"%d", b"2, %d"))],
        [whole(b"")],
        [whole(b"{}")[:-1], b"}"],
        [whole(b"", length=2), b"{}"],
        [whole(b"", length=2)],
        [whole(b"", HEAD.replace(b"%d", b"00%d"))],
        [whole(b"", HEAD.replace(b"%d", b"02%.0d"))],
        [whole(b"", length=2), b"{", b"}"],
        [whole(b"", length=2), b"{}HTTP"],
        [whole(b"", length=ANSWER_BYTES_MAX + 1)],
        [whole(b"{}", HEAD.lower().replace(b"http/1.1", b"HTTP/1.1"))],
        [whole(b" " * (ANSWER_BYTES_MAX + 1))],
    ],
)
def test_what_is_odd_behind_a_known_header_ends_as_it_does_behind_an_unknown_one(
    odd: list[bytes],
) -> None:
    for lost in (False, True):
        short, long = both([[whole(b"{1}")], odd, [whole(b"[]")]], lost=lost)

        assert short == long


HEADS = st.sampled_from(
    [
        HEAD,
        HEAD.replace(b"200 OK", b"404 Not Found"),
        HEAD.replace(b"application/json", b"text/plain"),
        HEAD.replace(b"Server", b"Connection: close\r\nServer"),
        HEAD.replace(b"Server", b"Mcp-Session-Id: a\r\nServer"),
        b"HTTP/1.1 200 OK\r\nContent-Length: %d",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    answers=st.lists(
        st.tuples(HEADS, st.integers(0, 40), st.integers(-1, 1), st.integers(0, 200)), max_size=5
    )
)
@example(answers=[(HEAD, 5, 0, 0), (HEAD, 12, 0, 0), (HEAD, 12, 0, 90), (HEAD, 3, 1, 0)])
def test_both_ways_end_alike(answers: list[tuple[bytes, int, int, int]]) -> None:
    """Each: header, bytes of the body, by how much the length that is told is wrong, where it is cut in two."""
    pieces = []
    for head, size, wrong, cut in answers:
        data = whole(b"x" * size, head, max(0, size + wrong))
        alone = data.index(b"\r\n\r\n") + 4  # many send the header by itself
        place = cut if cut < len(data) else alone
        pieces.append([data[:place], data[place:]] if 0 < place < len(data) else [data])

    short, long = both(pieces)

    assert short == long
