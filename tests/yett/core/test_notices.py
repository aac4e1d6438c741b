"""What a server says at once is what it says one by one, or is not taken at once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.core.document import DocumentError, encode, parse
from yett.core.notices import MESSAGE, PROGRESS, together

ODD = st.sampled_from(
    [
        b'"progress":1},{"progress":2', b'"message":"', b'","progress":1', b'"progress":1,"message":"},{"',
        b'"progress":1,"progress":1', b'"progress":1,"more":1', b'"message":"a","progress":1', b'"progress":1e3',
        b'"progress": 1', b'"progress":null', b'"progress":true', b'"progress":"1"', b'"progress":-0', b'"progress":1.0',
        b'"progress":1,"total":null', b'"progress":1,"message":""', b'"progress":1,"message":"\\u0041"',
        b'"progress":1,"message":"\\ud800"', b'"progress":1,"message":"\xff"', b'"progress":1,"message":"\xc3\xa9"',
        b'"progress":12345678901234567890123', b'"progress":0.1234567890123456789', b'"progress":1e400', b"",
        b'"progress":1,"total":2,"message":"\\\\"', b'"progress":1,"message":"\\n\\"\\u001f\x7f"',
    ]
)  # fmt: skip
PLAIN = st.builds(
    lambda step, total, text: encode({"progress": step} | total | text)[1:-1],
    st.integers(0, 9) | st.floats(0, 9).map(float),
    st.sampled_from([{}, {"total": 10}, {"total": 0.5}]),
    st.text(max_size=8).map(lambda text: {"message": text} if text else {}),
)
SAID = st.builds(
    lambda level, logger, text: encode({"level": level} | logger | {"data": text})[1:-1],
    st.sampled_from(["debug", "error", "loud"]),
    st.sampled_from([{}, {"logger": "x"}, {"logger": 1}]),
    st.text(max_size=8) | st.none(),
)


@given(st.sampled_from([PROGRESS, MESSAGE]), st.lists(PLAIN | SAID | ODD, min_size=1, max_size=6))
def test_what_is_taken_at_once_is_what_each_of_it_is(method: str, members: list[bytes]) -> None:
    several = together(method, members)
    if several is None:
        return
    singly = several.singly()

    assert [notice.method for notice in singly] == [method] * len(members)
    for notice, member in zip(singly, members, strict=True):
        assert notice.params == parse(b"{%b}" % member)
        assert encode(notice.params) == b"{%b}" % member
    texts: list[Any] = [notice.params.get("message", notice.params.get("data", "")) for notice in singly]  # fmt: skip
    assert [one.text for one in several.said] == texts


@pytest.mark.parametrize(
    ("method", "members"),
    [
        (PROGRESS, [b'"progress":1']),
        (PROGRESS, [b'"progress":1,"total":3,"message":"a b"', b'"progress":1.5', b'"progress":7']),
        (MESSAGE, [b'"level":"info","data":"x"', b'"level":"error","logger":"y","data":""']),
    ],
)
def test_what_is_plain_is_taken(method: str, members: list[bytes]) -> None:
    several = together(method, members)

    assert several is not None
    assert several.members == members
    assert parse(several.encoded) == [notice.params for notice in several.singly()]


@pytest.mark.parametrize(
    "members",
    [
        [b'"progress":1},{"progress":2', b'"message":"', b'","progress":3'],  # three, but not these three
        [b'"progress":1,"message":"', b'","total":2'],
        [b'"progress":1,"message":"}"', b'"progress":2'],
        [b'"progress":2', b'"progress":2'],
        [b'"progress":2', b'"progress":1'],
        [b'"progress":1,"_meta":1'],
        [b'"progress":1,"progressToken":8'],
        [b'"progress":1,"progress":1'],
    ],
)  # fmt: skip
def test_what_is_not_is_not(members: list[bytes]) -> None:
    assert together(PROGRESS, members) is None


def test_a_document_that_is_none_is_refused_one_by_one_as_well() -> None:
    with pytest.raises(DocumentError):
        parse(b'{"progress":1,"progress":1}')
