"""Whether two definitions mean the same, though they are not written alike. Pure.

Harmless is: the order of keys, of `required`, `enum` and a list of types, of the parts of a list that has
no order; and white space in texts that only a model reads. What callers are shown stays the pinned text,
byte for byte, so an edit that is taken for harmless changes nothing for anybody. White space is what ASCII
calls so: characters that cannot be seen carry text, and are never taken for it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from yett.core.document import encode
from yett.core.target import JSON

_SPACES: Final = re.compile(r"[ \t\r\n]+")
_TEXTS: Final = frozenset({"description", "title", "$comment"})
_UNORDERED: Final = frozenset({"required", "enum", "type"})
_BY_NAME: Final = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependentRequired", "dependencies"}
)  # fmt: skip
"""Members whose own members have names that somebody chose; `description` may be one of them."""
_VALUES: Final = frozenset({"default", "const", "examples", "example", "_meta"})
"""Members that hold any value; nothing in it is a schema."""


def same_meaning(one: Mapping[str, JSON], other: Mapping[str, JSON]) -> bool:
    """Tell whether two definitions of one kind and name differ in nothing but harmless things."""
    return ordered(_of_schema(one)) == ordered(_of_schema(other))


def ordered(value: JSON) -> bytes:
    """Return compact JSON with sorted keys: equal for equal JSON only; in Python 1, 1.0 and true are the
    same."""
    return encode(_sorted(value))


def _sorted(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _of_schema(value: JSON) -> JSON:
    """A definition, a schema, or a list of them."""
    if isinstance(value, list):
        return [_of_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _FORMS.get(key, _of_schema)(item) for key, item in value.items()}


def _of_text(value: JSON) -> JSON:
    return _SPACES.sub(" ", value).strip(" ") if isinstance(value, str) else _of_schema(value)


def _of_names(value: JSON) -> JSON:
    if not isinstance(value, dict):
        return _of_schema(value)
    return {name: _without_order(item) for name, item in value.items()}


def _without_order(value: JSON) -> JSON:
    if isinstance(value, list):
        return sorted(value, key=ordered)
    return _of_schema(value)


def _as_it_is(value: JSON) -> JSON:
    return value


_FORMS: Final[dict[str, Callable[[JSON], JSON]]] = {
    **dict.fromkeys(_TEXTS, _of_text),
    **dict.fromkeys(_UNORDERED, _without_order),
    **dict.fromkeys(_BY_NAME, _of_names),
    **dict.fromkeys(_VALUES, _as_it_is),
}
