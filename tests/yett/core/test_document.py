"""One unambiguous reading of every document, or none (CWE-436, CWE-674, RFC 8259)."""

import base64
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.needs import CORPORA, needs_corpus
from yett.core.bounds import DOCUMENT_DEPTH_MAX, INTEGER_DIGITS_MAX
from yett.core.document import DocumentError, check_depth, encode, parse, parse_compact

CORPUS = CORPORA / "json_parsing.jsonl"

# RFC 8259 §4: names SHOULD be unique. Whoever reads the first and whoever reads the last see two
# different calls, so what the suite calls acceptable is refused here.
AMBIGUOUS = frozenset({"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"})


def _corpus() -> list[Any]:
    if not CORPUS.exists():
        return [pytest.param(b"", "", marks=needs_corpus(CORPUS.name))]
    rows = map(json.loads, CORPUS.read_text(encoding="utf-8").splitlines())
    return [
        pytest.param(base64.b64decode(row["b64"]), row["label"], id=Path(row["source_ref"]).name)
        for row in rows
    ]


def as_python_reads(body: bytes) -> str:
    """Types and values in one comparable text: 1, 1.0, True and -0.0 all differ."""
    return repr(json.loads(body))


JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**63, max_value=2**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | JSON_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(JSON_TEXT, inner),
    max_leaves=20,
)


@pytest.mark.parametrize(("body", "label"), _corpus())
def test_the_public_suite_is_judged_as_it_says(
    body: bytes, label: str, request: pytest.FixtureRequest
) -> None:
    try:
        value = parse(body)
    except DocumentError:
        assert label != "must_accept" or request.node.callspec.id in AMBIGUOUS
    else:
        assert label != "must_reject"
        assert request.node.callspec.id not in AMBIGUOUS
        assert as_python_reads(encode(value)) == as_python_reads(body)


@given(JSON_VALUES)
def test_what_is_encoded_is_read_back_the_same(value: Any) -> None:
    assert repr(parse(encode(value))) == repr(value)


@given(JSON_VALUES, st.sampled_from([None, 1]), st.booleans())
def test_however_it_is_written_it_is_forwarded_with_the_same_meaning(
    value: Any,
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001 - drawn
) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()

    assert as_python_reads(encode(parse(body))) == as_python_reads(body)


NEARLY_JSON = st.text('{}[]",:0123456789.eE+-\\u \ntrufalsn\u200b\ud800').map(
    lambda text: text.encode("utf-8", "surrogatepass")
)


@settings(max_examples=500)
@given(st.binary() | NEARLY_JSON)
@example(b"")
@example(b"\xff\xfe[\x00]\x00")
@example(b'"\\ud800"')
@example(b"1e999999999999999999999")
@example(b"0." + b"0" * 400 + b"1")
@example(b"-")
def test_any_bytes_are_a_value_or_a_document_error(body: bytes) -> None:
    try:
        value = parse(body)
    except DocumentError:
        return
    assert as_python_reads(encode(value)) == as_python_reads(body)
    assert parse(encode(value)) == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"read","name":"write"}',
        b'{"name":"read","n\\u0061me":"write"}',
        b'{"n\\u0061me":"read","n\\u0061me":"write"}',
        b'{"a":1,"a":1}',
        b'{"params":{"arguments":{"path":"a","path":"b"}}}',
        b'{"params":{"_meta":[{"x":1,"x":1}]}}',
        b'[[[{"":1,"":2}]]]',
        b'{"\xc3\xa9":1,"\\u00e9":2}',
        b'{"\\ud83d\\ude00":1,"\xf0\x9f\x98\x80":2}',
    ],
)
def test_a_key_that_stands_twice_is_refused_at_any_depth_and_in_any_spelling(body: bytes) -> None:
    with pytest.raises(DocumentError, match="duplicate key"):
        parse(body)


@given(JSON_TEXT, JSON_VALUES, st.lists(st.booleans(), max_size=8), st.booleans())
def test_a_key_that_stands_twice_is_refused_wherever_it_is_nested(
    key: str,
    value: Any,
    road: list[bool],
    escaped: bool,  # noqa: FBT001 - drawn
) -> None:
    second = "".join(f"\\u{unit:04x}" for unit in _utf16(key)) if escaped else json.dumps(key)[1:-1]
    body = f'{{{json.dumps(key)}:{encode(value).decode()},"{second}":1}}'
    for in_list in road:
        body = f"[{body}]" if in_list else f'{{"outer":{body}}}'

    with pytest.raises(DocumentError):
        parse(body.encode())


def _utf16(text: str) -> list[int]:
    raw = text.encode("utf-16-be")
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]


@given(st.integers(min_value=-(10**307), max_value=10**307))
def test_an_integer_of_any_allowed_size_is_kept_exactly(number: int) -> None:
    value = parse(f'{{"n": {number}}}'.encode())

    assert value == {"n": number}
    assert type(value["n"]) is int
    assert encode(value) == f'{{"n":{number}}}'.encode()


@pytest.mark.parametrize(
    "body", [b"18446744073709551616", b"9007199254740993", b"-9223372036854775809"]
)
def test_integers_that_a_double_or_64_bits_cannot_hold_are_kept_exactly(body: bytes) -> None:
    assert encode(parse(body)) == body


def test_an_integer_with_absurdly_many_digits_is_refused_at_once() -> None:
    started = time.perf_counter()

    with pytest.raises(DocumentError):
        parse(b"1" * (INTEGER_DIGITS_MAX + 1))
    with pytest.raises(DocumentError):
        parse(b"[ " + b"1" * 4_000_000 + b"]")

    assert time.perf_counter() - started < 1


@given(st.decimals(allow_nan=False, allow_infinity=False, places=25))
def test_a_number_is_kept_exactly_or_refused(number: Any) -> None:
    text = f"{number:f}"
    try:
        value = parse(f"[ {text} ]".encode())[0]
    except DocumentError:
        return
    assert number == type(number)(repr(value))


@pytest.mark.parametrize(
    "body",
    [
        b"1e400",
        b"-1e400",
        b"[1e-400]",
        b"0.1000000000000000055",
        b"9007199254740993.0",
        b"1e999999999999999999999",
    ],
)
def test_a_number_that_would_be_altered_is_refused(body: bytes) -> None:
    with pytest.raises(DocumentError):
        parse(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"1.0", 1.0),
        (b"1", 1),
        (b"-0", 0),
        (b"-0.0", -0.0),
        (b"1E5", 100000.0),
        (b"0e5", 0.0),
        (b"1.50", 1.5),
        (b"123456789.12345678", 123456789.12345678),
        (b"true", True),
    ],
)
def test_a_number_keeps_its_type(body: bytes, value: Any) -> None:
    assert repr(parse(body)) == repr(value)


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-16-le"),
        '{"a":1}'.encode("utf-32"),
        '{"a":"é"}'.encode("latin-1"),
        b'"\xc0\xae"',
        b'"\xed\xa0\x80"',
        b'"\xf4\x90\x80\x80"',
        b'["\\ud800"]',
        b'["\\udc00\\ud800"]',
        b'{"\\ud800": 1}',
        b'{ "a" : "\\uD83D" }',
        b"NaN",
        b"[Infinity]",
        b"[ -Infinity ]",
        b'{"a": nan}',
        b'"\x00"',
        b'"a\nb"',
        b'"\x1f"',
        b"\x00",
        b'{"a":1}\x00',
        b'{"a":1}{"a":2}',
        b'{"a":1} x',
        b"[1,]",
        b'{"a":1,}',
        b"{'a':1}",
        b"[01]",
        b"[+1]",
        b"[.5]",
        b"[1.]",
        b"[0x10]",
        b"// comment\n1",
        b'"\\x41"',
        b"\x0b1",
        b"\xc2\xa01",
        b"",
        b" ",
    ],
    ids=repr,
)
def test_what_is_not_json_in_utf_8_is_refused(body: bytes) -> None:
    with pytest.raises(DocumentError):
        parse(body)


def test_escaped_control_characters_are_data() -> None:
    assert parse(b'"\\u0000\\u001f\\t"') == "\x00\x1f\t"


@pytest.mark.parametrize("padding", [b"", b" "])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_depth_is_bounded_to_the_level(opening: bytes, closing: bytes, padding: bytes) -> None:
    def nested(depth: int, core: bytes) -> bytes:
        return padding + opening * depth + core + closing * depth

    assert parse(nested(DOCUMENT_DEPTH_MAX, b"1")) is not None
    for depth, core in [
        (DOCUMENT_DEPTH_MAX + 1, b"1"),
        (DOCUMENT_DEPTH_MAX, b"[]"),
        (1_000, b"1"),
        (100_000, b"1"),
    ]:
        with pytest.raises(DocumentError):
            parse(nested(depth, core))


def test_brackets_inside_strings_are_not_depth() -> None:
    assert parse(b'["' + b"[" * 1_000 + b'"]') == ["[" * 1_000]


def test_a_bare_value_has_depth_zero() -> None:
    check_depth("text", 0)
    check_depth([1, "a"], 1)
    with pytest.raises(DocumentError):
        check_depth([], 0)


def test_an_error_quotes_nothing_of_the_document() -> None:
    for body in (b'{"token": hunter2}', b'{"hunter2": 1, "hunter2": 1}', b'"hunter2\\ud800"'):
        with pytest.raises(DocumentError) as caught:
            parse(body)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 4_000_000,
        b"[" + b"1.00," * 400_000 + b"1]",
        b"[" + b"[]," * 500_000 + b" 1]",
        b"0." + b"0" * 4_000_000 + b"1",
        b"1e" + b"9" * 4_000_000,
        b'{"a":1,' * 500_000,
        b'"' + b"\\u0061" * 600_000 + b'"',
    ],
    ids=["deep", "floats", "lists", "digits", "exponent", "objects", "escapes"],
)
def test_the_worst_four_megabytes_are_judged_in_bounded_time(body: bytes) -> None:
    started = time.process_time()
    with contextlib.suppress(DocumentError):
        parse(body)
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    "part",
    [b'{"a":[1,"x"]}', b"{}", b'"\xc3\xa9"', b'{"text":"' + b"x" * 10_000 + b'"}'],
)
def test_a_part_that_is_compact_is_read_as_it_stands(part: bytes) -> None:
    value = parse_compact(part)

    assert value == parse(part)
    assert encode(value) == part


@pytest.mark.parametrize(
    "part",
    [b'{"a": 1}', b'{"a":1,"a":1}', b'{"a":1.0e1}', b'{"a":18446744073709551616}', b'"\\u0061"', b'{"a":1', b"1}", b"", b"\xff", b'"\\ud800"', b"1,2"],
)  # fmt: skip
def test_a_part_that_could_mean_another_thing_is_left_to_the_strict_parser(part: bytes) -> None:
    assert parse_compact(part) is None


def nested_lists(depth: int, core: bytes) -> bytes:
    return b"[" * depth + core + b"]" * depth


def test_a_part_is_as_deep_as_the_whole_may_be() -> None:
    assert parse_compact(nested_lists(DOCUMENT_DEPTH_MAX - 1, b"1")) is not None
    with pytest.raises(DocumentError):
        parse_compact(nested_lists(DOCUMENT_DEPTH_MAX, b'"' + b"x" * 5_000 + b'"'))
    with pytest.raises(DocumentError):
        parse_compact(nested_lists(DOCUMENT_DEPTH_MAX, b"1"))
    assert parse_compact(nested_lists(DOCUMENT_DEPTH_MAX - 2, b"1"), 2) is not None
    with pytest.raises(DocumentError):
        parse_compact(nested_lists(DOCUMENT_DEPTH_MAX - 1, b""), 2)
    with pytest.raises(DocumentError):
        parse(nested_lists(DOCUMENT_DEPTH_MAX + 1, b'"' + b"x" * 5_000 + b'"'))
