"""What policies see of a tool's arguments, read from its input schema (JSON Schema 2020-12). Pure.

A type is only given where the arguments of every call have it, once encoded (see encoding.py); what a
schema leaves open, policies may read, and nobody can say before a call whether they read it well.
"""

import re
from typing import Final, final

import msgspec

from yett.authorization.compile import quote
from yett.core.pointer import split_pointer
from yett.core.target import JSON

_DEPTH_MAX: Final = 8
_MEMBERS_MAX: Final = 500
_PARTS_MAX: Final = 5_000
"""A schema that refers to itself would not end."""
_PLAIN: Final = {"string": "String", "boolean": "Bool", "integer": "Long"}
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED: Final = frozenset({"in", "like", "has", "is", "if", "then", "else", "true", "false"})


@final
class Member(msgspec.Struct, frozen=True):
    """type: in Cedar; empty if the schema leaves it open. required: every call has it."""

    type: str
    required: bool


@final
class Shape(msgspec.Struct, frozen=True):
    """members: by name, as policies write it. open: there may be others."""

    members: dict[str, Member]
    open: bool

    def write(self) -> str:
        """Return the record type of those whose type is known."""
        return _record({name: member for name, member in self.members.items() if member.type})


def shape_of(definition: JSON, *, undeclared: bool) -> Shape:
    """Return the shape of a tool's arguments. undeclared: the operator lets undeclared ones through."""
    schema = definition.get("inputSchema") if isinstance(definition, dict) else None
    if not isinstance(schema, dict):
        return Shape({}, open=True)
    properties = schema.get("properties")
    simple = isinstance(properties, dict) and len(properties) <= _MEMBERS_MAX
    # Elsewhere in the schema more properties may be declared, or the same ones otherwise.
    joined = bool({"$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties"} & schema.keys())
    if not simple:
        return Shape({}, open=undeclared or joined or isinstance(properties, dict))
    reader = _Reader(schema)
    return Shape(reader.members(schema, 0), open=undeclared or joined)


@final
class _Reader:
    def __init__(self, root: dict[str, JSON]) -> None:
        self._root = root
        self._left = _PARTS_MAX

    def members(self, schema: dict[str, JSON], depth: int) -> dict[str, Member]:
        required = schema.get("required")
        needed = set(required) if isinstance(required, list) else set()
        return {
            f"_{name}" if name.startswith("__") else name: Member(
                self._type(part, depth + 1), name in needed and not _may_be_null(part)
            )
            for name, part in schema["properties"].items()
        }

    def _type(self, schema: JSON, depth: int) -> str:
        self._left -= 1
        if not isinstance(schema, dict) or depth > _DEPTH_MAX or self._left < 0:
            return ""
        if set(schema) & {"allOf", "oneOf", "not", "if", "$dynamicRef"}:
            return ""
        if "$ref" in schema:
            return self._type(self._resolve(schema["$ref"]), depth + 1)
        if "anyOf" in schema:
            return self._common(schema["anyOf"], depth)
        kinds = _kinds(schema) - {"null"}
        if len(kinds) != 1:
            return ""
        kind = kinds.pop()
        if kind == "array":
            inner = self._type(schema.get("items"), depth + 1)
            return f"Set<{inner}>" if inner else ""
        if kind == "object":
            return self._object(schema, depth)
        return _PLAIN.get(kind, "")

    def _object(self, schema: dict[str, JSON], depth: int) -> str:
        """Cedar's records are closed, so only an object that is closed as well has a type."""
        properties = schema.get("properties")
        if schema.get("additionalProperties") is not False or "patternProperties" in schema:
            return ""
        if not isinstance(properties, dict) or len(properties) > _MEMBERS_MAX:
            return ""
        members = self.members(schema, depth)
        return _record(members) if all(member.type for member in members.values()) else ""

    def _common(self, choices: JSON, depth: int) -> str:
        """`anyOf` one type and null is that type, and may be missing."""
        if not isinstance(choices, list):
            return ""
        found = {self._type(choice, depth + 1) for choice in choices if choice != {"type": "null"}}
        return found.pop() if len(found) == 1 else ""

    def _resolve(self, reference: JSON) -> JSON:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return None
        value: JSON = self._root
        for name in split_pointer(reference):
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value


def _kinds(schema: dict[str, JSON]) -> set[str]:
    """Return the JSON types that a value may have; "" stands for any."""
    kind = schema.get("type")
    if isinstance(kind, str):
        return {kind}
    if isinstance(kind, list):
        return {item if isinstance(item, str) else "" for item in kind}
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        return {"string"}
    return {""}


def _may_be_null(schema: JSON) -> bool:
    """A null is no member to policies, so such an argument may be missing."""
    if not isinstance(schema, dict) or {"$ref", "allOf", "oneOf"} & schema.keys():
        return True
    if "anyOf" in schema:
        choices = schema["anyOf"]
        return not isinstance(choices, list) or any(_may_be_null(choice) for choice in choices)
    return bool(_kinds(schema) & {"null", ""})


def _record(members: dict[str, Member]) -> str:
    inner = ", ".join(
        f"{_key(name)}{'' if member.required else '?'}: {member.type}"
        for name, member in members.items()
    )
    return f"{{ {inner} }}" if inner else "{}"


def _key(name: str) -> str:
    return name if _NAME.fullmatch(name) and name not in _RESERVED else quote(name)
