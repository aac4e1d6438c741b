"""Definitions without the arguments that the gate sets itself: nobody is asked for them. Pure."""

from collections.abc import Sequence
from typing import Final

from yett.core.target import JSON

_BESIDE: Final = ("allOf", "anyOf", "oneOf")


def without_forced(
    definition: dict[str, JSON], places: Sequence[tuple[str, ...]]
) -> dict[str, JSON]:
    """Return a copy whose `inputSchema` no longer declares the arguments at these places, each by the
    names that lead there. What a reference leads to stays: it may stand for other arguments, too."""
    schema = definition.get("inputSchema")
    for place in places:
        schema = _without(schema, place)
    return {**definition, "inputSchema": schema}


def _without(schema: JSON, place: tuple[str, ...]) -> JSON:
    if not isinstance(schema, dict):
        return schema
    name, inner = place[0], place[1:]
    shown = dict(schema)
    properties = schema.get("properties")
    if isinstance(properties, dict) and name in properties:
        others = {key: sub for key, sub in properties.items() if key != name or inner}
        if inner:
            others[name] = _without(properties[name], inner)
        shown["properties"] = others
    required = schema.get("required")
    if not inner and isinstance(required, list) and name in required:
        shown["required"] = [other for other in required if other != name]
    for keyword in _BESIDE:
        if isinstance(parts := schema.get(keyword), list):
            shown[keyword] = [_without(part, place) for part in parts]
    return shown
