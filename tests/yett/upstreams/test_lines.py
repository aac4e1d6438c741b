import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.upstreams.backends.stdio.lines import LastWords, LineReader, LineTooLong


@given(st.lists(st.sampled_from([b"a", b"\n", b"bb\n", b"\r\n", b""]), max_size=30))
def test_lines_are_the_same_however_they_are_cut(pieces: list[bytes]) -> None:
    reader = LineReader()

    lines = [line for piece in pieces for line in reader.feed(piece)]

    assert lines == b"".join(pieces).split(b"\n")[:-1]


@pytest.mark.parametrize(
    "pieces", [[b"x" * 11], [b"x" * 6, b"x" * 6], [b"x" * 11 + b"\n"], [b"\n" + b"x" * 11]]
)
def test_a_line_beyond_the_bound_is_refused_before_it_ends(pieces: list[bytes]) -> None:
    reader = LineReader(bytes_max=10)

    with pytest.raises(LineTooLong):
        _ = [reader.feed(piece) for piece in pieces]


def test_last_words_include_what_has_no_line_end_yet() -> None:
    words = LastWords()
    words.feed(b"first\nsecond\xff \x1b[1mbold")

    assert words.take() == ("first", "second\ufffd [1mbold")
    assert words.take() == ("first", "second\ufffd [1mbold")
