"""What was read once is known again, and nothing else is taken for it."""

import itertools
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.core import bounds
from yett.edge.http.heads import Heads
from yett.edge.http.message import Request
from yett.edge.http.reader import Reader

HEAD = b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nAuthorization: Bearer x\r\n\r\n"
LAST = b"POST /mcp HTTP/1.1\r\nHost: a\r\ncontent-length: %d\r\n\r\n"
OTHER = b"POST /mcp HTTP/1.1\r\nHost: b\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST /mcp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


class Agent:
    """Keeps what was read."""

    def __init__(self) -> None:
        self.deadline = 0.0
        self.requests: list[Request] = []
        self.words = 0

    def accept(self, request: Request) -> None:
        self.requests.append(request)

    def encourage(self) -> None:
        self.words += 1


def read(*pieces: bytes) -> tuple[list[Request], bool]:
    agent = Agent()
    reader = Reader(agent, "127.0.0.1", Heads())
    good = all(reader.feed(piece) for piece in pieces)
    return agent.requests, good


def post(body: bytes, head: bytes = HEAD) -> bytes:
    return head % len(body) + body


def told(requests: list[Request]) -> list[tuple[object, ...]]:
    """What a route can see of them."""
    return [
        (
            request.head.method,
            request.head.path,
            {k: v for k, v in request.head.headers.items() if k != b"content-length"},
            request.head.keep_alive,
            request.body,
            request.unfit,
        )
        for request in requests
    ]


@pytest.mark.parametrize("head", [HEAD, LAST])
def test_a_header_that_was_sent_before_is_the_same_object_whatever_the_length(head: bytes) -> None:
    requests, good = read(post(b"{}", head), post(b"[1,2]", head), post(b"", head))

    assert good
    assert [request.body for request in requests] == [b"{}", b"[1,2]", b""]
    assert requests[0].head is requests[1].head is requests[2].head


def test_one_byte_more_in_the_header_is_another_header() -> None:
    requests, _ = read(post(b"{}"), post(b"{}").replace(b"Bearer x", b"Bearer y"))

    assert requests[0].head is not requests[1].head
    assert requests[1].head.headers[b"authorization"] == b"Bearer y"


def test_space_around_a_value_is_not_part_of_it() -> None:
    requests, good = read(post(b"{}", HEAD.replace(b"Bearer x", b"  \tBearer x \t ")))

    assert good
    assert requests[0].head.headers[b"authorization"] == b"Bearer x"


@pytest.mark.parametrize(
    "length", [b"+2", b"2 ", b" 2", b"0x2", b"2, 2", b"2;", b"-2", b"2\r\nContent-Length: 2", b""]
)
def test_a_length_in_another_spelling_is_left_to_the_parser(length: bytes) -> None:
    odd = HEAD.replace(b"%d", length) + b"{}"
    alone = read(odd)
    after = read(post(b"{}"), odd)

    assert told(after[0][1:]) == told(alone[0])
    assert after[1] == alone[1]


def test_a_header_that_only_looks_like_the_length_is_not_taken_for_it() -> None:
    head = HEAD.replace(b"Host", b"X-Content-Length: 2\r\nHost")
    other = HEAD.replace(b"Host", b"X-Content-Length: 3\r\nHost")
    requests, good = read(post(b"{}", head), post(b"{}", other), post(b"[1]", head))

    assert good
    assert [request.body for request in requests] == [b"{}", b"{}", b"[1]"]
    assert [request.head.headers[b"x-content-length"] for request in requests] == [b"2", b"3", b"2"]


def test_a_length_that_stands_in_what_follows_is_not_the_length_of_this_request() -> None:
    first = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
    requests, good = read(first + post(b""), first + post(b""), first + post(b"{}"))

    assert good
    assert [request.head.path for request in requests] == [b"/a", b"/mcp"] * 3


def test_what_follows_a_known_request_in_the_same_bytes_is_a_request_of_its_own() -> None:
    requests, good = read(post(b"{}"), post(b"{}") + post(b"[2]"), post(b"[3]"))

    assert good
    assert [request.body for request in requests] == [b"{}", b"{}", b"[2]", b"[3]"]


def test_a_known_header_whose_end_has_not_come_may_go_on() -> None:
    begun = (HEAD % 0).removesuffix(b"\r\n\r\n")
    more = b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    requests, good = read(post(b""), begun, b"\r\n\r\n", begun, more)

    assert not good
    assert [request.body for request in requests] == [b"", b""]


def test_a_header_may_hold_what_means_something_to_a_format() -> None:
    head = HEAD.replace(b"Host: a", b"Host: a%%20%%d%%%%")
    requests, good = read(post(b"{}", head), post(b"[1,2]", head))

    assert good
    assert requests[0].head is requests[1].head
    assert requests[1].head.headers[b"host"] == b"a%20%d%%"


def test_a_body_that_ends_like_a_header_changes_nothing() -> None:
    hostile = b"\r\n\r\n" + post(b"{}")
    requests, good = read(post(b"{}"), post(hostile), post(hostile), post(b"{}"))

    assert good
    assert [request.body for request in requests] == [b"{}", hostile, hostile, b"{}"]


@pytest.mark.parametrize(
    "line", [b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"Host: b\r\n"]
)
def test_a_header_with_more_to_it_than_a_length_is_read_each_time(line: bytes) -> None:
    data = post(b"{}").replace(b"Host", line + b"Host")
    first, _ = read(data)
    requests, _ = read(data, data)

    assert all(request.head is not requests[0].head for request in requests[1:])
    assert told(requests[:1]) == told(first)


def test_few_headers_are_kept_and_no_large_one() -> None:
    agent, heads = Agent(), Heads(kept_max=4)
    reader = Reader(agent, "127.0.0.1", heads)
    for number in range(100):
        assert reader.feed(post(b"{}").replace(b"Bearer x", b"Bearer %d" % number))
    large = post(b"{}").replace(b"Bearer x", b"Bearer " + b"x" * 4000)
    assert reader.feed(large)
    assert reader.feed(large)

    assert 0 < len(heads) <= 4
    assert agent.requests[-1].head is not agent.requests[-2].head


def test_what_one_connection_sent_is_known_on_another_but_not_where_it_came_from() -> None:
    agent, heads = Agent(), Heads()
    for peer in ("192.0.2.1", "192.0.2.2"):
        assert Reader(agent, peer, heads).feed(post(b"{}"))

    assert agent.requests[0].head is agent.requests[1].head
    assert [request.peer for request in agent.requests] == ["192.0.2.1", "192.0.2.2"]


def test_what_is_forgotten_is_read_again() -> None:
    agent, heads = Agent(), Heads()
    reader = Reader(agent, "127.0.0.1", heads)
    assert reader.feed(post(b"{}"))
    heads.forget()
    reader.forget()
    assert reader.feed(post(b"{}"))

    assert agent.requests[0].head is not agent.requests[1].head


def test_a_header_whose_body_comes_apart_is_known_again_too() -> None:
    first, again, other = post(b"{}"), post(b"[1,2]"), post(b"[3]") + post(b"[4]", OTHER)
    requests, good = read(first[:-2], first[-2:], again[:-5], again[-5:], other[:-8], other[-8:])

    assert good
    assert [request.body for request in requests] == [b"{}", b"[1,2]", b"[3]", b"[4]"]
    assert requests[0].head is requests[1].head
    assert requests[3].head.headers[b"host"] == b"b"


@pytest.mark.parametrize("rest", [b"[1", b"[1,2]X", b"[1,2]\r\n\r\n", b"[", b"\r\n\r\n"])
def test_a_body_that_is_not_the_rest_is_left_to_the_parser(rest: bytes) -> None:
    header = HEAD % 5
    alone, after = read(header + rest), read(post(b"{}"), post(b"{}"), header, rest)

    assert told(after[0][2:]) == told(alone[0])
    assert after[1] == alone[1]


@pytest.mark.parametrize("length", [b"05", b"+5", b"5 ", b"", b"99999999", b"5\r\nX: y"])
def test_a_header_with_an_odd_length_is_not_waited_with(length: bytes) -> None:
    odd = HEAD.replace(b"%d", length)
    alone, after = read(odd, b"[1,2]"), read(post(b"{}"), post(b"{}"), odd, b"[1,2]")

    assert told(after[0][2:]) == told(alone[0])
    assert after[1] == alone[1]


def test_what_is_waited_with_has_as_long_as_any_body() -> None:
    agent = Agent()
    reader = Reader(agent, "127.0.0.1", Heads())
    assert reader.feed(post(b"{}"))
    agent.deadline = 0.0
    assert reader.feed(HEAD % 5)

    assert len(agent.requests) == 1
    left = agent.deadline - monotonic()
    assert 0 < left <= bounds.REQUEST_BODY_SECONDS_MAX


requests = st.lists(
    st.just(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    | st.tuples(st.sampled_from([HEAD, LAST, OTHER]), st.binary(max_size=40)).map(
        lambda drawn: post(drawn[1], drawn[0])
    )
    | st.binary(min_size=1, max_size=40).map(
        lambda body: CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    ),
    min_size=1,
    max_size=8,
)


@given(requests, st.lists(st.integers(0, 700), max_size=8))
def test_however_the_bytes_are_cut_the_requests_are_the_same(
    messages: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(messages)
    ends = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    pieces = [stream[a:b] for a, b in itertools.pairwise(ends)]
    halves = [
        half
        for message in messages
        for half in (message[: message.index(b"\r\n\r\n") + 4], message.partition(b"\r\n\r\n")[2])
        if half
    ]

    whole, one_by_one, cut, apart = read(stream), read(*messages), read(*pieces), read(*halves)

    assert told(whole[0]) == told(one_by_one[0]) == told(cut[0]) == told(apart[0])
    assert len(whole[0]) == len(messages)
