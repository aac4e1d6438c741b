"""Where in the arguments a guard stands: a JSON Pointer (RFC 6901) with `*` for each item of a list. Pure."""

from collections.abc import Callable, Iterator
from typing import Final

from yett.core.pointer import split_pointer
from yett.core.target import JSON
from yett.validation.arguments import pointer_to
from yett.validation.references import References
from yett.validation.refusal import deny

Place = tuple[str, ...]
"""Names from the outermost object inwards; `*`: each item of the list, or member of the object, that stands
there."""

EACH: Final = "*"
_BESIDE: Final = ("allOf", "anyOf", "oneOf")
_BESIDE_ONE: Final = ("then", "else")
_ITEMS: Final = ("items", "contains", "additionalItems", "unevaluatedItems")
_PARTS_MAX: Final = 10_000


def place_of(name: str) -> Place:
    """Read what the operator wrote: a pointer if it begins with `/`, else the name of a property.

    Raises:
        ValueError: it names nothing.
    """
    parts: Place = split_pointer(name) if name.startswith("/") else (name,)
    if not all(parts):
        raise ValueError("it names no argument")
    return parts


def replaced(value: JSON, place: Place, change: Callable[[JSON, Place], JSON]) -> JSON:
    """Return the value with `change` of what stands there in its place; itself if nothing changes.

    change: takes the value that stands there and where exactly it does.

    Raises:
        Denied: invalid_input, a list stands on the way where an object is meant, so what is in it would be seen by nobody.
    """
    return _replaced(value, place, (), change)


def _replaced(
    value: JSON, place: Place, above: Place, change: Callable[[JSON, Place], JSON]
) -> JSON:
    if not place:
        return change(value, above)
    name, inner = place[0], place[1:]
    if isinstance(value, dict):
        names = list(value) if name == EACH else [name] if name in value else []
        found = {it: _replaced(value[it], inner, (*above, it), change) for it in names}
        same = all(after is value[it] for it, after in found.items())
        return value if same else {**value, **found}
    if not isinstance(value, list):
        return value
    if name != EACH:
        deny(pointer_to(above), "is a list where an object is meant")
    items = [
        _replaced(item, inner, (*above, str(index)), change) for index, item in enumerate(value)
    ]
    same = all(after is before for after, before in zip(items, value, strict=True))
    return value if same else items


def is_declared(schema: JSON, place: Place) -> bool:
    """Tell whether a schema has something to say of this place, whichever branch of it applies.

    Raises:
        SchemaRefused: its references lead nowhere.
    """
    references = References(schema)
    found = [schema]
    for name in place:
        found = [sub for part in _beside(found, references) for sub in _inside(part, name)]
        if not found:
            return False
    return True


def _beside(schemas: list[JSON], references: References) -> Iterator[dict[str, JSON]]:
    """Yield every schema that judges the same value as one of these."""
    waiting, seen = list(schemas), set[int]()
    while waiting and len(seen) < _PARTS_MAX:
        schema = waiting.pop()
        if not isinstance(schema, dict) or id(schema) in seen:
            continue
        seen.add(id(schema))
        yield schema
        waiting += references.targets(schema)
        for keyword in _BESIDE:
            waiting += schema.get(keyword) or ()
        waiting += [schema[keyword] for keyword in _BESIDE_ONE if keyword in schema]


def _inside(schema: dict[str, JSON], name: str) -> list[JSON]:
    properties = schema.get("properties")
    if isinstance(properties, dict) and name in properties:
        return [properties[name]]
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        return [others]
    if name != EACH:
        return []
    items = [schema[keyword] for keyword in _ITEMS if isinstance(schema.get(keyword), dict)]
    for keyword in ("prefixItems", "items"):
        listed = schema.get(keyword)
        items += listed if isinstance(listed, list) else ()
    return items
