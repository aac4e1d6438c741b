import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.inbound import decode_header_value

from yett.upstreams.backends.http.headers import encode_value, is_session_id
from yett.upstreams.backends.http.response import JSON_TYPE, STREAM_TYPE, media_type


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_name_survives_as_a_header_of_one_line(value: str) -> None:
    encoded = encode_value(value)

    assert decode_header_value(encoded) == value
    assert encoded.isascii()
    assert encoded.isprintable()
    assert encoded == encoded.strip()


@pytest.mark.parametrize("value", ["create_issue", "file:///a b", "=?base64?", "x?="])
def test_plain_text_stays_as_it_is(value: str) -> None:
    assert encode_value(value) == value


@pytest.mark.parametrize("value", ["", "=?base64?eA==?=", "é", " x", "a\r\nX: y", "\x7f"])
def test_what_is_not_plain_is_wrapped(value: str) -> None:
    assert encode_value(value).startswith("=?base64?")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"application/json", JSON_TYPE),
        (b"APPLICATION/JSON ; CHARSET=UTF-8", JSON_TYPE),
        (b'application/json; charset="utf-8"; x=y', JSON_TYPE),
        (b"text/event-stream;charset=utf-8", STREAM_TYPE),
        (b"application/json; charset=latin-1", None),
        (b"application/json; charset", None),
        (b"application/jsonx", None),
        (b"application/problem+json", None),
        (b"text/html", None),
        (b"", None),
    ],
)
def test_only_json_and_event_streams_in_utf8_are_read(value: bytes, expected: str | None) -> None:
    assert media_type(value) == expected


@pytest.mark.parametrize("value", [b"", b"a b", b"a\x7f", b"\xe9", b"x" * 1025])
def test_a_session_id_is_visible_ascii_and_not_endless(value: bytes) -> None:
    assert not is_session_id(value)
    assert is_session_id(b"1868a90c-...~!")
