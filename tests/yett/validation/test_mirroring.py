"""What stands in a header and in the body stands there alike (MCP 2026-07-28, SEP-2243)."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.seals import SEALER
from tests.yett.validation.calls import permitted, tool
from yett.core.errors import Denied
from yett.core.reasons import Reason
from yett.validation import SchemaCache, Validator
from yett.validation.problems import schema_problem

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "X-Count"},
        "dry": {"type": "boolean", "x-mcp-header": "dry"},
        "query": {"type": "string"},
        "deep": {
            "type": "object",
            "properties": {"tenant": {"type": ["string"], "description": "not mirrored"}},
        },
        "inner": {
            "type": "object",
            "properties": {"zone": {"type": "string", "x-mcp-header": "Zone"}},
        },
    },
}


def check(arguments: dict[str, Any], mirrored: dict[str, str | None] | None) -> None:
    asked = permitted(arguments, tool(SCHEMA))
    call = msgspec.structs.replace(asked.call, mirrored=mirrored)
    Validator(SchemaCache(), SEALER).check(msgspec.structs.replace(asked, call=call))


def denied(arguments: dict[str, Any], mirrored: dict[str, str | None]) -> Denied:
    with pytest.raises(Denied) as caught:
        check(arguments, mirrored)
    assert caught.value.reason is Reason.HEADER_MISMATCH
    assert not caught.value.sent
    return caught.value


@pytest.mark.parametrize(
    ("arguments", "mirrored"),
    [
        ({}, {}),
        ({"query": "q"}, {"unknown": "x", "other": None}),
        ({"region": "eu"}, {"region": "eu"}),
        ({"region": ""}, {"region": ""}),
        ({"count": 42}, {"x-count": "42"}),
        ({"count": 42}, {"x-count": "42.0"}),
        ({"count": 42.0}, {"x-count": "42"}),
        ({"count": -7}, {"x-count": "-7"}),
        ({"count": 2**70}, {"x-count": str(2**70)}),
        ({"dry": True, "inner": {"zone": "a"}}, {"dry": "true", "zone": "a"}),
        ({"inner": {}}, {}),
    ],
)
def test_a_call_that_says_the_same_twice_goes_on(
    arguments: dict[str, Any], mirrored: dict[str, str | None]
) -> None:
    check(arguments, mirrored)


@pytest.mark.parametrize(
    ("arguments", "mirrored", "pointer"),
    [
        ({"region": "eu"}, {}, "/region"),
        ({"region": "eu"}, {"region": "us"}, "/region"),
        ({"region": "eu"}, {"region": "EU"}, "/region"),
        ({"region": "eu"}, {"region": None}, "/region"),
        ({}, {"region": "eu"}, "/region"),
        ({}, {"region": None}, "/region"),
        ({"count": 42}, {"x-count": "43"}, "/count"),
        ({"count": 42}, {"x-count": "4.2e1"}, "/count"),
        ({"count": 42}, {"x-count": "42.5"}, "/count"),
        ({"count": 1}, {"x-count": "true"}, "/count"),
        ({"count": 1}, {"x-count": "1" * 5000}, "/count"),
        ({"count": 2**53}, {"x-count": str(2**53 + 1)}, "/count"),
        ({"dry": True}, {"dry": "1"}, "/dry"),
        ({"dry": True}, {"dry": "True"}, "/dry"),
        ({"inner": {"zone": "a"}}, {"zone": "b"}, "/inner/zone"),
    ],
)
def test_a_call_that_says_two_things_is_refused_before_anything_is_sent(
    arguments: dict[str, Any], mirrored: dict[str, str | None], pointer: str
) -> None:
    assert denied(arguments, mirrored).pointer == pointer


def test_a_refusal_quotes_neither_of_the_two() -> None:
    refusal = denied({"region": "SECRET-ONE"}, {"region": "SECRET-TWO"})

    assert "SECRET" not in f"{refusal.private}{refusal.shown}"


def test_a_version_that_does_not_mirror_is_not_asked_to() -> None:
    check({"region": "eu"}, None)


@given(st.text(max_size=20), st.text(max_size=20))
def test_texts_are_compared_exactly(value: str, header: str) -> None:
    if value == header:
        check({"region": value}, {"region": header})
    else:
        denied({"region": value}, {"region": header})


def annotated(**more: Any) -> dict[str, Any]:
    return {"type": "string", "x-mcp-header": "Region"} | more


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": annotated(**{"x-mcp-header": ""})}},
        {"properties": {"a": annotated(**{"x-mcp-header": "two words"})}},
        {"properties": {"a": annotated(**{"x-mcp-header": "line\nbreak"})}},
        {"properties": {"a": annotated(**{"x-mcp-header": "Größe"})}},
        {"properties": {"a": annotated(**{"x-mcp-header": "a:b"})}},
        {"properties": {"a": annotated(**{"x-mcp-header": 7})}},
        {"properties": {"a": annotated(type="number")}},
        {"properties": {"a": annotated(type="object")}},
        {"properties": {"a": annotated(type=["string", "null"])}},
        {"properties": {"a": {"x-mcp-header": "Region"}}},
        {"properties": {"a": annotated(), "b": annotated()}},
        {"properties": {"a": annotated(), "b": annotated(**{"x-mcp-header": "rEGION"})}},
        {"properties": {"a": {"type": "array", "items": annotated()}}},
        {"properties": {"a": {"anyOf": [annotated(), {"type": "null"}]}}},
        {"allOf": [{"properties": {"a": annotated()}}]},
        {"if": {"properties": {"a": annotated()}}},
        {"$defs": {"a": annotated()}, "properties": {"b": {"$ref": "#/$defs/a"}}},
        {"patternProperties": {"a": annotated()}},
        {"x-mcp-header": "Region"},
    ],
    ids=repr,
)
def test_a_tool_with_a_meaningless_annotation_is_neither_listed_nor_called(
    schema: dict[str, Any],
) -> None:
    problem = schema_problem(tool({"type": "object"} | schema))

    assert problem is not None
    assert "x-mcp-header" in problem


@pytest.mark.parametrize(
    "schema",
    [
        SCHEMA,
        {"type": "object", "properties": {"x-mcp-header": {"type": "number"}}},
        {"type": "object", "properties": {"a": {"default": {"x-mcp-header": ""}}}},
        {"type": "object", "properties": {"a": {"enum": [{"x-mcp-header": 7}]}}},
    ],
)
def test_what_is_no_annotation_is_none(schema: dict[str, Any]) -> None:
    assert schema_problem(tool(schema)) is None
