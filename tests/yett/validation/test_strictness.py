"""How strict a schema is, in the words of whoever has to approve it."""

from typing import Any

import pytest

from yett.validation.strictness import ARGUMENTS_MAX, Strictness, strictness_of


def look(**properties: Any) -> Strictness:
    return strictness_of({"type": "object", "properties": properties}, open_=False)


@pytest.mark.parametrize(
    ("grade", "properties"),
    [
        ("strict", {}),
        ("strict", {"a": {"enum": ["x"]}, "b": {"type": "integer"}, "c": {"const": 1}}),
        ("strict", {"a": {"type": "string", "maxLength": 9}, "b": {"type": "string", "format": "uri"}}),
        ("strict", {"a": {"type": "array", "items": {"type": "boolean"}, "maxItems": 3}}),
        ("strict", {"a": {"anyOf": [{"type": "string", "pattern": "^a$"}, {"type": "null"}]}}),
        ("fair", {"a": {"type": "string"}}),
        ("fair", {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}),
        ("fair", {"a": {"type": "array", "items": {"type": "boolean"}}}),
        ("fair", {"a": {"type": "object"}}),
        ("fair", {"a": {"type": "object", "properties": {"b": {"type": "string"}}}}),
        ("fair", {"a": {"type": "array", "maxItems": 1, "items": {"type": "object", "properties": {"b": {"type": "string"}}}}}),
        ("loose", {"a": {}}),
        ("loose", {"a": True}),
        ("loose", {"a": {"anyOf": [{}]}}),
        ("loose", {"a": {"type": "object", "properties": {"b": {}}}}),
    ],
)  # fmt: skip
def test_the_grade_is_that_of_the_loosest_argument(grade: str, properties: dict[str, Any]) -> None:
    assert look(**properties).grade == grade


def test_references_are_followed() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/x"}},
        "$defs": {"x": {"type": "string", "maxLength": 5}},
    }
    (view,) = strictness_of(schema, open_=False).arguments
    assert (view.type, view.bounds) == ("string", ("maxLength 5",))


@pytest.mark.parametrize(
    ("schema", "open_", "grade", "says"),
    [
        ({"type": "object"}, False, "strict", "undeclared arguments are refused"),
        ({"type": "object"}, True, "loose", "undeclared arguments are let through, as the configuration says"),
        ({"type": "object", "additionalProperties": True}, False, "loose", "texts up to 100,000 characters"),
        ({"type": "object", "additionalProperties": False}, False, "strict", "texts up to 100,000 characters"),
    ],
)  # fmt: skip
def test_what_yett_adds_is_said(
    schema: dict[str, Any], *, open_: bool, grade: str, says: str
) -> None:
    found = strictness_of(schema, open_=open_)
    assert (found.grade, found.added[0]) == (grade, says)


def test_an_argument_without_a_bound_says_which_one_holds() -> None:
    (view,) = look(a={"type": "string"}).arguments
    assert (view.lacks, view.added) == ("a bound of its text", "at most 100,000 characters")


@pytest.mark.parametrize("schema", [None, [], {"$ref": "file:///x"}, {"properties": {"a": {"$ref": "#/nowhere"}}}])  # fmt: skip
def test_what_is_no_schema_is_looked_at_without_harm(schema: Any) -> None:
    assert strictness_of(schema, open_=False).arguments == ()


def test_the_dialect_is_told_and_a_long_list_is_cut() -> None:
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "properties": {f"a{n}": {} for n in range(500)}}  # fmt: skip
    found = strictness_of(schema, open_=False)
    assert (found.dialect, len(found.arguments)) == ("draft-07", ARGUMENTS_MAX)
