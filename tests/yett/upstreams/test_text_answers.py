"""What is read of an answer by comparing it with the one before is what is read of it from its beginning."""

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.core.document import encode
from yett.sanitising.shape import is_plain
from yett.upstreams import text_answers
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import InvalidAnswer, read_result
from yett.upstreams.text_answers import NO_FORM, TextForm, form_of

MODERN = [True, False]
LONG = st.sampled_from([0, 1024])
"""From how many bytes on a text is read as a long one."""


def result_of(
    text: str, *, is_error: bool | None = None, first: bool = False, typed: str = "no"
) -> dict[str, Any]:
    """Return a result of one text. typed: where `resultType` stands."""
    error = {} if is_error is None else {"isError": is_error}
    content = {"content": [{"type": "text", "text": text}]}
    plain = {**error, **content} if first else {**content, **error}
    kind = {"resultType": "complete"}
    return {"no": plain, "first": {**kind, **plain}, "last": {**plain, **kind}}[typed]


def message_of(result: dict[str, Any], identifier: int, *, backwards: bool = False) -> bytes:
    if backwards:
        return encode({"result": result, "jsonrpc": "2.0", "id": identifier})
    return encode({"jsonrpc": "2.0", "id": identifier, "result": result})


@st.composite
def servers(draw: st.DrawFn) -> Any:
    """Draw how a server writes; return what makes its answer of a text and an id."""
    is_error = draw(st.sampled_from([None, True, False]))
    first, backwards = draw(st.booleans()), draw(st.booleans())
    typed = draw(st.sampled_from(["no", "first", "last"]))

    def answer(text: str, identifier: int) -> bytes:
        result = result_of(text, is_error=is_error, first=first, typed=typed)
        return message_of(result, identifier, backwards=backwards)

    return answer


TEXTS = st.text() | st.sampled_from(
    ["", "content", "text", '"text":""', '\\"}]', "%(id)b", "%d", "\u0000\u007f", "\ud7ff", "[[[[{"]
)
NUMBERS = st.integers(1, 10**12)


def learn(body: bytes, identifier: int, *, modern: bool) -> TextForm | None:
    exchange = read_result(body, identifier, modern)
    return form_of(body, b"%d" % identifier, exchange)


def read_at_length(body: bytes, identifier: int, *, modern: bool) -> Exchange | None:
    try:
        return read_result(body, identifier, modern)
    except InvalidAnswer:
        return None


@given(
    server=servers(), before=TEXTS, first=NUMBERS, text=TEXTS, second=NUMBERS, long=LONG, modern=st.booleans()
)  # fmt: skip
def test_an_answer_like_the_one_before_is_read_in_the_short_way_as_in_the_long_one(
    server: Any, before: str, first: int, text: str, second: int, long: int, *, modern: bool
) -> None:
    form, body = learn(server(before, first), first, modern=modern), server(text, second)
    full = read_result(body, second, modern)
    if form is None:  # a legacy result with a type is none that is known
        assert not modern
        assert not is_plain(full.result or {})
        return

    with patch.object(text_answers, "_LONG", long):
        short = form.read(body, b"%d" % second)

    assert short is not None
    assert short.is_text
    assert (short.result, short.error, short.bytes_received, short.encoded) == (
        full.result, full.error, full.bytes_received, full.encoded,
    )  # fmt: skip
    assert list(short.result or {}) == list(full.result or {})
    assert is_plain(short.result or {})
    assert encode(short.result) == short.encoded


@given(
    server=servers(),
    before=TEXTS,
    identifier=NUMBERS,
    text=TEXTS,
    data=st.data(),
    long=LONG,
    modern=st.booleans(),
)
def test_what_was_changed_on_the_way_is_read_as_in_the_long_way_or_not_at_all(
    server: Any, before: str, identifier: int, text: str, data: st.DataObject, long: int, *, modern: bool
) -> None:  # fmt: skip
    form = learn(server(before, identifier), identifier, modern=modern) or NO_FORM
    body = server(text, identifier)
    place = data.draw(st.integers(0, len(body)))
    gone = data.draw(st.integers(0, 3))
    put = data.draw(
        st.binary(max_size=3)
        | st.sampled_from([b'"', b"\\", b"\\u0041", b"\\/", b"\n", b'"}', b'"},{"type":"image"', b'","x":"', b'"}],"x":[{"y":"', b" "])
    )  # fmt: skip
    body = body[:place] + put + body[place + gone :]

    with patch.object(text_answers, "_LONG", long):
        short = form.read(body, b"%d" % identifier)

    if short is not None:
        full = read_at_length(body, identifier, modern=modern)
        assert full is not None
        assert (short.result, short.encoded) == (full.result, full.encoded)
        assert is_plain(full.result or {})


@pytest.mark.parametrize("modern", MODERN)
@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":8,"result":{"content":[{"type":"text","text":"x"}]}}',
        b'{"jsonrpc":"2.0","id":71,"result":{"content":[{"type":"text","text":"x"}]}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"x"},{"type":"text","text":"y"}]}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"x"}],"isError":true}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"x","a":"y"}]}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"\\u0078"}]}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"\\ud800"}]}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"\xff"}]}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"x\n"}]}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"}]}}',
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":1}]}}',
        b"",
    ],
)
def test_what_is_not_like_the_one_before_is_not_read(body: bytes, *, modern: bool) -> None:
    form = learn(
        b'{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"a"}]}}',
        3,
        modern=modern,
    )

    assert form is not None
    assert form.read(body, b"7") is None


@pytest.mark.parametrize(
    "result",
    [
        {"content": []},
        {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"content": [{"text": "a", "type": "text"}]},
        {"content": [{"type": "text", "text": "a", "annotations": {}}]},
        {"content": [{"type": "text", "text": "a"}], "structuredContent": {"a": 1}},
        {"content": [{"type": "text", "text": "a"}], "isError": None},
        {"content": [{"type": "text", "text": "a"}], "isError": 0},
        {"content": {"type": "text", "text": "a"}},
        {"isError": False},
        {},
    ],
)
def test_only_one_text_makes_a_form(result: Any) -> None:
    assert learn(message_of(result, 7), 7, modern=True) is None
    assert learn(message_of(result, 7, backwards=True), 7, modern=True) is None


def test_an_answer_that_is_laid_out_makes_no_form() -> None:
    body = json.dumps(json.loads(message_of({"content": [{"type": "text", "text": "a"}]}, 7)))

    assert learn(body.encode(), 7, modern=True) is None


def test_a_form_keeps_nothing_of_the_text_that_it_was_made_of() -> None:
    """It is another caller's."""
    form = learn(
        message_of(result_of("secret"), 7),
        7,
        modern=True,
    )

    assert form is not None
    assert "secret" not in repr(form)


SPELT = st.lists(
    st.sampled_from(
        [b"a", b"abcdefgh" * 4, b"\\n", b"\\u0001", b"\\u001F", b"\\u00e9", b"\\ud800", b"\\udc00", b"\\ud83d\\ude00", b"\\/", b"\\x", b"\\",
         b'"', b'\\"', b"\x00", b"\x1f", b"\x7f", b"\n", b"\xc3\xa9", b"\xc3", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xf4\x90\x80\x80"]
    ),
    max_size=6,
).map(b"".join)  # fmt: skip


@given(spelt=SPELT)
def test_however_a_text_is_spelt_both_ways_say_the_same_of_it(spelt: bytes) -> None:
    body = message_of(result_of("a"), 1)
    form = learn(body, 1, modern=True)
    assert form is not None
    body = body.replace(b'"a"', b'"%b"' % spelt)

    short, full = form.read(body, b"1"), read_at_length(body, 1, modern=True)

    # What is not written as we would write it goes the long way, which may know what it means.
    as_we_write = full is not None and full.encoded != b""
    assert (short is not None) == (as_we_write and is_one_text(full))
    if short is not None and full is not None:
        assert (short.result, short.encoded) == (full.result, full.encoded)


def is_one_text(exchange: Exchange | None) -> bool:
    content = (exchange.result or {})["content"] if exchange is not None else []
    return isinstance(content, list) and len(content) == 1 and list(content[0]) == ["type", "text"]
