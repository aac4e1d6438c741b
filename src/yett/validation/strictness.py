"""How strict the schema of a tool's arguments is, and which bounds hold because Yett adds them. Pure.

For the person who approves a tool: an argument that takes any text is where an attack fits (AISVS 10.4.3).
"""

from collections.abc import Iterator
from typing import Final, Literal, final

import msgspec

from yett.core.bounds import (
    ARGUMENT_ARRAY_ITEMS_MAX,
    ARGUMENT_BYTES_MAX,
    ARGUMENT_DEPTH_MAX,
    ARGUMENT_OBJECT_KEYS_MAX,
    ARGUMENT_STRING_CHARS_MAX,
)
from yett.core.pointer import join_pointer
from yett.core.target import JSON
from yett.validation.references import References, SchemaRefused

Grade = Literal["strict", "fair", "loose"]
"""strict: every argument has a type and a bound. fair: every one has a type. loose: one takes anything."""

ARGUMENTS_MAX: Final = 100
_DEPTH_MAX: Final = 4
_SHOWN_CHARS_MAX: Final = 60
_BOUNDS: Final = (
    "const", "enum", "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
)  # fmt: skip
_CHOICES: Final = ("anyOf", "oneOf", "allOf")
_SAYS_SO: Final = ("additionalProperties", "unevaluatedProperties")
_TYPE_OF_NOTHING: Final = "anything"


@final
class ArgumentView(msgspec.Struct, frozen=True, kw_only=True):
    """One argument. pointer: RFC 6901, into the arguments. bounds: what the schema demands. lacks: what
    it does not; empty: nothing. added: what holds because Yett adds it; empty: nothing."""

    pointer: str
    type: str
    required: bool
    bounds: tuple[str, ...]
    lacks: str = ""
    added: str = ""


@final
class Strictness(msgspec.Struct, frozen=True, kw_only=True):
    """dialect: of JSON Schema. added: bounds of the whole that Yett adds."""

    grade: Grade
    dialect: str
    arguments: tuple[ArgumentView, ...]
    added: tuple[str, ...]


def strictness_of(schema: JSON, *, open_: bool) -> Strictness:
    """Look at the schema of a tool's arguments. open_: the operator lets undeclared arguments through."""
    root = schema if isinstance(schema, dict) else {}
    try:
        references = References(root)
        views = tuple(_arguments(root, references, "", 0))[:ARGUMENTS_MAX]
    except SchemaRefused:
        views = ()
    declared = root.get("$schema", "")
    anything = any(view.type == _TYPE_OF_NOTHING for view in views) or _is_open(root, open_=open_)
    lacking = any(view.lacks for view in views)
    return Strictness(
        grade="loose" if anything else "fair" if lacking else "strict",
        dialect="draft-07" if "draft-07" in str(declared) else "2020-12",
        arguments=views,
        added=tuple(_added(root, open_=open_)),
    )


def _is_open(root: dict[str, JSON], *, open_: bool) -> bool:
    return open_ or any(root.get(keyword, False) is not False for keyword in _SAYS_SO)


def _added(root: dict[str, JSON], *, open_: bool) -> Iterator[str]:
    if open_:
        yield "undeclared arguments are let through, as the configuration says"
    elif not any(keyword in root for keyword in _SAYS_SO):
        yield "undeclared arguments are refused"
    yield f"texts up to {ARGUMENT_STRING_CHARS_MAX:,} characters"
    yield f"lists up to {ARGUMENT_ARRAY_ITEMS_MAX:,} items"
    yield f"objects up to {ARGUMENT_OBJECT_KEYS_MAX} members, {ARGUMENT_DEPTH_MAX} deep"
    yield f"all arguments together up to {ARGUMENT_BYTES_MAX // 1024:,} kB"


def _arguments(
    schema: dict[str, JSON], references: References, above: str, depth: int
) -> Iterator[ArgumentView]:
    required = schema.get("required")
    properties = schema.get("properties")
    for name, declared in properties.items() if isinstance(properties, dict) else ():
        pointer = above + join_pointer((name,))
        part = _followed(declared, references)
        kind = _type_of(part)
        lacks, added = _lacking(part, kind, references)
        yield ArgumentView(
            pointer=pointer,
            type=kind,
            required=isinstance(required, list) and name in required,
            bounds=tuple(f"{word} {_shown(part[word])}" for word in _BOUNDS if word in part),
            lacks=lacks,
            added=added,
        )
        if depth < _DEPTH_MAX:
            yield from _arguments(part, references, pointer, depth + 1)
            items = part.get("items")
            if isinstance(items, dict):
                yield from _arguments(
                    _followed(items, references), references, f"{pointer}/*", depth + 1
                )


def _followed(schema: JSON, references: References) -> dict[str, JSON]:
    for _ in range(_DEPTH_MAX):
        if not isinstance(schema, dict) or "$ref" not in schema:
            break
        found = references.targets(schema)
        target = found[0] if found else None
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**target, **rest} if isinstance(target, dict) else rest
    return schema if isinstance(schema, dict) else {}


def _type_of(schema: dict[str, JSON]) -> str:
    named = schema.get("type")
    if isinstance(named, str):
        return named
    if isinstance(named, list):
        return " or ".join(str(item) for item in named)
    if "enum" in schema or "const" in schema:
        return "value"
    branches = [
        item for word in _CHOICES for item in schema.get(word, ()) if isinstance(item, dict)
    ]
    found = dict.fromkeys(_type_of(branch) for branch in branches)
    found.pop(_TYPE_OF_NOTHING, None)
    return " or ".join(found) or _TYPE_OF_NOTHING


def _lacking(schema: dict[str, JSON], kind: str, references: References) -> tuple[str, str]:
    """Return what is not bounded, and what Yett does about it."""
    if any(word in schema for word in ("enum", "const")):
        return "", ""
    if kind == _TYPE_OF_NOTHING:
        return "a type", "the bounds of the whole"
    if "string" in kind and not any(w in schema for w in ("maxLength", "pattern", "format")):
        branches = [item for word in _CHOICES for item in schema.get(word, ())]
        if not branches or any(_lacking(_followed(b, references), _type_of(b), references)[0] for b in branches if isinstance(b, dict)):  # fmt: skip
            return "a bound of its text", f"at most {ARGUMENT_STRING_CHARS_MAX:,} characters"
    if "array" in kind and "maxItems" not in schema:
        return "a number of items", f"at most {ARGUMENT_ARRAY_ITEMS_MAX:,} items"
    if "object" in kind and "additionalProperties" not in schema:
        if "properties" in schema:
            return "", "undeclared members are refused"
        return "the names of its members", f"at most {ARGUMENT_OBJECT_KEYS_MAX} members"
    return "", ""


def _shown(value: JSON) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 1] + "…"
