"""The event stream parser against a slow reading of the standard, however the bytes are cut."""

import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from yett.upstreams.backends.http.sse import EventParser

PIECES = st.lists(
    st.sampled_from(
        [b"data", b"event", b"id", b"message", b"other", b":", b": ", b" ", b"x", b"\n", b"\r",
         b"\r\n", b"\n\n", b"data: a\n\n", b"data:b\r\r", b"event: other\r\n", b"\xef\xbb\xbf", b"\xff",
         b"event: message\ndata: c\n\n", b"event: message\r\ndata: d\r\n\r\n", b"data: e\r\n\r\n"]
    ),
    max_size=30,
)  # fmt: skip


def slowly(stream: bytes) -> list[bytes]:
    """WHATWG HTML 9.2.6, word by word."""
    stream = stream.removeprefix(b"\xef\xbb\xbf")
    lines, line, index = [], b"", 0
    while index < len(stream):
        byte = stream[index : index + 1]
        if byte in (b"\r", b"\n"):
            lines.append(line)
            line = b""
            index += 2 if stream[index : index + 2] == b"\r\n" else 1
        else:
            line += byte
            index += 1
    events, data, kind = [], b"", b""
    for line in lines:
        if line == b"":
            if data and kind in (b"", b"message") and data[:-1]:
                events.append(data[:-1])
            data, kind = b"", b""
            continue
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data += value + b"\n"
        elif name == b"event":
            kind = value
    return events


@given(PIECES, st.lists(st.integers(min_value=0, max_value=60), max_size=8))
def test_events_are_those_of_the_standard_however_the_stream_is_cut(
    pieces: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(pieces)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    parser = EventParser()

    found = [event for start, end in pairwise(places) for event in parser.feed(stream[start:end])]

    assert found == slowly(stream)


@given(PIECES)
def test_events_are_the_same_one_byte_at_a_time(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    parser = EventParser()

    found = [event for byte in stream for event in parser.feed(bytes([byte]))]

    assert found == slowly(stream)


def test_a_long_line_in_small_pieces_costs_linear_time() -> None:
    parser = EventParser()
    began = time.process_time()
    for _ in range(100_000):
        parser.feed(b"data: xxxx")
    events = parser.feed(b"\n\n")

    assert len(events[0]) > 900_000
    assert time.process_time() - began < 1.0
