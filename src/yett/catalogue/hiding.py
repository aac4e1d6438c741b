"""Definitions of tools some of whose rows and fields are not shown: nobody is promised them. Pure."""

from collections.abc import Sequence
from typing import Final

from yett.core.pointer import split_pointer
from yett.core.target import JSON

_COUNTS: Final = frozenset(
    {"minItems", "contains", "minContains", "minProperties", "default", "examples"}
)
"""What a list that lost rows, or a row that lost fields, need not keep to; and what quotes some."""
_NAMED: Final = frozenset({"$defs", "definitions", "patternProperties", "dependentSchemas"})
"""Hold schemas under names of their own."""
_CLOSING: Final = ("additionalProperties", "unevaluatedProperties")

Path = tuple[str, ...]


def without_hidden(definition: dict[str, JSON], fields: Sequence[str]) -> dict[str, JSON]:
    """Return a copy whose `outputSchema` fits what is left of the answers.

    fields: names, or JSON pointers from a row. Where in a schema a row is described cannot be told for
    sure, so a pointer is followed from everywhere.
    """
    schema = definition.get("outputSchema")
    if schema is None:
        return definition
    names = frozenset(field for field in fields if not field.startswith("/"))
    paths = [split_pointer(field) for field in fields if field.startswith("/")]
    return {**definition, "outputSchema": _schema(schema, names, paths)}


def _schema(schema: JSON, names: frozenset[str], paths: Sequence[Path]) -> JSON:
    if isinstance(schema, list):
        return [_schema(part, names, paths) for part in schema]
    if not isinstance(schema, dict):
        return schema
    for path in paths:
        schema = _without_path(schema, path)
    shown: dict[str, JSON] = {}
    for keyword, part in schema.items():
        if keyword in _NAMED and isinstance(part, dict):
            shown[keyword] = {name: _schema(sub, names, paths) for name, sub in part.items()}
        elif keyword not in _COUNTS and keyword != "properties":
            shown[keyword] = _schema(part, names, paths)
    properties = schema.get("properties")
    if isinstance(properties, dict):
        shown["properties"] = {
            name: _schema(part, names, paths)
            for name, part in properties.items()
            if name not in names
        }
        if not names.isdisjoint(properties):
            shown = _opened(shown)
    if isinstance(schema.get("required"), list):
        shown["required"] = [name for name in schema["required"] if name not in names]
    return shown


def _without_path(schema: JSON, path: Path) -> JSON:
    """Return a schema without the property at the end of a path that begins here."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or path[0] not in properties:
        return schema
    name, rest = path[0], path[1:]
    if rest:
        inner = _without_path(properties[name], rest)
        return {**schema, "properties": {**properties, name: inner}}
    shown = _opened(schema)
    shown["properties"] = {key: part for key, part in properties.items() if key != name}
    if isinstance(schema.get("required"), list):
        shown["required"] = [key for key in schema["required"] if key != name]
    return shown


def _opened(schema: dict[str, JSON]) -> dict[str, JSON]:
    """Where the property was not meant it is still there, and nobody should be told that it is wrong."""
    return {keyword: part for keyword, part in schema.items() if keyword not in _CLOSING}
