"""Refuse what a schema does not declare (deny by default; AISVS 10.4.3).

The outermost object is always closed. An object inside is closed when its schema declares
`properties` and says nothing about others; one that declares none is a free-form map and stays
open. What the author wrote about `additionalProperties` or `unevaluatedProperties` is kept. Closing
only adds conditions, at places where a value must fit; under `not`, `if` and `contains` nothing is
changed.
"""

from typing import Final, final

from yett.core.target import JSON
from yett.validation.effort import Effort
from yett.validation.references import LIST_OF_SCHEMAS, NAMED_SCHEMAS, ONE_SCHEMA

_UNTOUCHED: Final = frozenset({"not", "if", "contains", "contentSchema", "propertyNames"})
_BESIDE: Final = frozenset(
    {"allOf", "anyOf", "oneOf", "then", "else", "dependentSchemas", "dependencies"}
)
_DEFINITIONS: Final = frozenset({"$defs", "definitions"})
_COMPOSED: Final = _BESIDE | {"$ref", "$dynamicRef"}
_SAYS_SO: Final = ("additionalProperties", "unevaluatedProperties")

# Closing a branch of these can make the whole fit where it did not before.
_NOT_MONOTONE: Final = frozenset({"oneOf", "not", "if", "contains"})


def close(root: dict[str, JSON], effort: Effort, *, draft7: bool) -> dict[str, JSON]:
    """Return a copy that refuses undeclared properties. References keep their meaning."""
    closing = _Closing(effort, draft7=draft7)
    return closing.closed(root, closing.copy(root))


def may_loosen(schema: JSON) -> bool:
    """Tell whether the closed copy could let through what the original refuses."""
    waiting = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if not _NOT_MONOTONE.isdisjoint(item):
                return True
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return False


@final
class _Closing:
    def __init__(self, effort: Effort, *, draft7: bool) -> None:
        self._effort = effort
        self._draft7 = draft7

    def copy(self, schema: dict[str, JSON]) -> dict[str, JSON]:
        return {keyword: self._under(keyword, value) for keyword, value in schema.items()}

    def closed(self, schema: dict[str, JSON], copied: dict[str, JSON]) -> dict[str, JSON]:
        if any(keyword in schema for keyword in _SAYS_SO):
            return copied
        if _COMPOSED.isdisjoint(schema):
            return copied | {"additionalProperties": False}
        if not self._draft7:
            return copied | {"unevaluatedProperties": False}
        declared = self._effort.declared_names(schema)
        return copied if declared is None else _closed_by_name(copied, *declared)

    def _under(self, keyword: str, value: JSON) -> JSON:
        """Copy what stands under one keyword, closing each schema that judges a member."""
        if keyword in _UNTOUCHED:
            return value
        visit = self._beside if keyword in _BESIDE or keyword in _DEFINITIONS else self._member
        if keyword in NAMED_SCHEMAS and isinstance(value, dict):
            return {name: visit(sub) for name, sub in value.items()}
        if keyword in LIST_OF_SCHEMAS and isinstance(value, list):
            return [visit(sub) for sub in value]
        return visit(value) if keyword in ONE_SCHEMA else value

    def _beside(self, schema: JSON) -> JSON:
        return self.copy(schema) if isinstance(schema, dict) else schema

    def _member(self, schema: JSON) -> JSON:
        if isinstance(schema, dict) and self._effort.declares_properties(schema):
            return self.closed(schema, self.copy(schema))
        return self._beside(schema)


def _closed_by_name(
    copied: dict[str, JSON], names: set[str], patterns: set[str]
) -> dict[str, JSON]:
    """Draft-07 has no `unevaluatedProperties`: allow the names that any part declares."""
    allowed = [{"enum": sorted(names)}, *({"pattern": pattern} for pattern in sorted(patterns))]
    only = {"propertyNames": {"anyOf": allowed}}
    if "$ref" not in copied:
        return copied | {"allOf": [*copied.get("allOf", ()), only]}
    # In draft-07 a reference silences what stands beside it, so it moves one level down.
    kept = {key: copied[key] for key in ("$schema", "$id", *_DEFINITIONS) if key in copied}
    return kept | {"allOf": [{"$ref": copied["$ref"]}, only]}
