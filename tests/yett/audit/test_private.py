"""What a tool's schema calls secret is not in the record, and equal secrets are known as equal."""

import json
from pathlib import Path
from typing import Any

import pytest

from yett.audit.private import (
    DIGEST_KEY_NAME,
    Digest,
    comparable,
    hide,
    open_digest,
    private_paths,
)
from yett.core.errors import CommandError

DIGEST = Digest(b"k" * 32)


def shown(schema: dict[str, Any], document: Any) -> Any:
    paths = private_paths({"inputSchema": schema})
    encoded = json.dumps(document, separators=(",", ":")).encode()
    return json.loads(encoded if paths is None else hide(encoded, paths, DIGEST))


@pytest.mark.parametrize(
    "mark", [{"writeOnly": True}, {"format": "password"}, {"x-secret": True}, {"x-sensitive": True}]
)
def test_a_marked_member_is_hidden_and_nothing_else(mark: dict[str, Any]) -> None:
    schema = {"properties": {"pin": {"type": "string"} | mark, "user": {"type": "string"}}}

    found = shown(schema, {"pin": "1234", "user": "ada", "other": 1})

    hidden = DIGEST(b'"1234"')
    assert found == {"pin": f"[private:{hidden}]", "user": "ada", "other": 1}
    assert shown(schema, {"pin": "1234"})["pin"] != shown(schema, {"pin": "1235"})["pin"]


@pytest.mark.parametrize(
    ("schema", "document", "left"),
    [
        ({"properties": {"a": {"properties": {"b": {"writeOnly": True}}}}}, {"a": {"b": 1, "c": 2}}, ["c"]),
        ({"properties": {"a": {"items": {"writeOnly": True}}}}, {"a": ["x", "y"]}, []),
        ({"properties": {"a": {"prefixItems": [{"format": "password"}]}}}, {"a": ["x"]}, []),
        ({"additionalProperties": {"writeOnly": True}}, {"a": "x", "b": "y"}, []),
        ({"patternProperties": {"^s": {"writeOnly": True}}}, {"s1": "x"}, []),
        ({"anyOf": [{"properties": {"a": {"writeOnly": True}}}, {}]}, {"a": "x"}, []),
        ({"allOf": [{"properties": {"a": {"writeOnly": True}}}]}, {"a": {"deep": "x"}}, []),
        ({"properties": {"a": {"$ref": "#/$defs/p~1q"}}, "$defs": {"p/q": {"writeOnly": True}}}, {"a": "x"}, []),
        ({"writeOnly": True}, {"a": "x"}, []),
        ({"if": {}, "then": {"properties": {"a": {"writeOnly": True}}}}, {"a": "x"}, []),
        ({"if": {}, "else": {"properties": {"a": {"writeOnly": True}}}}, {"a": "x"}, []),
        ({"dependentSchemas": {"b": {"properties": {"a": {"writeOnly": True}}}}}, {"a": "x"}, []),
        ({"unevaluatedProperties": {"writeOnly": True}}, {"a": "x"}, []),
        ({"properties": {"a": {"writeOnly": True}, "b": {"$ref": "#"}}}, {"b": {"b": {"a": "x"}}}, []),
        ({"properties": {"a": {"contains": {"writeOnly": True}}}}, {"a": ["x"]}, []),
        ({"properties": {"a": {"unevaluatedItems": {"writeOnly": True}}}}, {"a": ["x"]}, []),
        ({"properties": {"a": {"items": [{"writeOnly": True}]}}}, {"a": ["x"]}, []),
    ],
)  # fmt: skip
def test_wherever_the_mark_stands_it_is_obeyed(
    schema: dict[str, Any], document: Any, left: list[str]
) -> None:
    found = json.dumps(shown(schema, document))

    assert "private:" in found
    assert not any(value in found for value in ('"x"', '"y"', ": 1"))
    assert all(name in found for name in left)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"properties": {"a": {"writeOnly": False, "format": "uri"}}},
        {"properties": []},
        {"properties": {"a": 7, "b": {"$ref": "#/nowhere"}, "c": {"$ref": 3}}},
        {"anyOf": {"writeOnly": True}},
    ],
)
def test_without_a_mark_nothing_is_hidden(schema: dict[str, Any]) -> None:
    assert private_paths({"inputSchema": schema}) is None
    assert private_paths({}) is None


def test_a_schema_that_holds_itself_comes_to_an_end() -> None:
    loop = {"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}] * 3}}, "$ref": "#/$defs/a"}
    tree = {"properties": {"next": {"$ref": "#"}, "pin": {"writeOnly": True}}}

    assert private_paths({"inputSchema": loop}) is None
    assert shown(tree, {"pin": 1}) == {"pin": f"[private:{DIGEST(b'1')}]"}


def test_what_cannot_be_read_is_hidden_whole() -> None:
    assert hide(b'{"a":1,"a":2}', (("a",),), DIGEST).startswith(b'"[private:')


def test_the_key_is_made_once_and_guarded(tmp_path: Path) -> None:
    one, other = open_digest(tmp_path), open_digest(tmp_path)
    path = tmp_path / DIGEST_KEY_NAME
    assert one(b"x") == other(b"x") != DIGEST(b"x")
    assert len(one(b"x")) == 32
    path.chmod(0o644)
    with pytest.raises(CommandError, match="chmod 600"):
        open_digest(tmp_path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(CommandError, match="is damaged"):
        open_digest(tmp_path)


def test_what_was_taken_out_can_be_compared_and_the_rest_stays() -> None:
    original = {"a": ["key s3cret", "plain", 7], "b": {"s3cret": 1, "pin": 1234}}
    shown = {"a": ["key [redacted]", "plain", 7], "b": {"[redacted]": 1, "pin": "[redacted]"}}

    before, after = (json.dumps(one).encode() for one in (original, shown))
    found = json.loads(comparable(before, after, DIGEST))

    whole, pin = DIGEST(b'"key s3cret"'), DIGEST(b"1234")
    assert found["a"] == [f"key [redacted][digest:{whole}]", "plain", 7]
    assert found["b"] == {"[redacted]": 1, "pin": f"[redacted][digest:{pin}]"}
    assert comparable(b'{"a":1,"a":2}', b'"[redacted]"', DIGEST) == b'"[redacted]"'


def test_the_digest_is_the_one_that_is_published() -> None:
    """From the test vectors of BLAKE3 (`keyed_hash` of nothing, the first 128 bits)."""
    digest = Digest(b"whats the Elvish word for friend")

    assert digest(b"") == "92b2b75604ed3c761f9d6f62392c8a92"
