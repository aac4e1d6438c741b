"""Where the references of a schema lead: always to a place inside the same document, or nowhere.

A tool's schema is written by its server, so a reference that leaves the document would make the
gate fetch what a stranger names (MCP 2026-07-28, Basic: `$ref` resolution MUST NOT; CWE-918).
JSON Schema 2020-12 §8.2 and §9; draft-07 §8.
"""

from collections.abc import Iterator
from typing import Any, Final, final
from urllib.parse import unquote, urljoin

from yett.core.pointer import split_pointer
from yett.core.target import JSON

ONE_SCHEMA: Final = frozenset(
    {
        "not", "if", "then", "else", "additionalProperties", "unevaluatedProperties",
        "propertyNames", "items", "additionalItems", "unevaluatedItems", "contains", "contentSchema",
    }
)  # fmt: skip
LIST_OF_SCHEMAS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
NAMED_SCHEMAS: Final = frozenset(
    {"properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions"}
)

METASCHEMAS: Final = frozenset(
    {"https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema"}
)
"""The compiler carries these itself; nothing is fetched for them."""


_INDEX_DIGITS_MAX: Final = 9
"""Of a list; and Python reads no number of 4,301 digits."""


class SchemaRefused(ValueError):
    """The schema cannot be used. `problem`: a sentence for the operator; quotes names, no values."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def subschemas(schema: dict[str, JSON]) -> Iterator[tuple[str, str | int | None, JSON]]:
    """Yield (keyword, name or index, subschema) for each place where a schema stands."""
    for keyword, value in schema.items():
        if keyword in NAMED_SCHEMAS and isinstance(value, dict):
            # A list under draft-07 `dependencies` names properties; it is no schema.
            yield from ((keyword, name, sub) for name, sub in value.items() if _is_schema(sub))
        elif keyword in LIST_OF_SCHEMAS and isinstance(value, list):
            yield from ((keyword, index, sub) for index, sub in enumerate(value) if _is_schema(sub))
        elif keyword in ONE_SCHEMA and _is_schema(value):
            yield keyword, None, value


def _is_schema(value: JSON) -> bool:
    return isinstance(value, (dict, bool))


@final
class References:
    """The identifiers of one document (`$id`, `$anchor`, `$dynamicAnchor`), found once.

    Raises:
        SchemaRefused: from any method, when a reference leads out of the document or nowhere.
    """

    def __init__(self, root: dict[str, JSON]) -> None:
        self._bases: dict[int, str] = {}
        self._resources: dict[str, JSON] = {"": root}
        self._anchors: dict[tuple[str, str], dict[str, JSON]] = {}
        self._dynamic: dict[str, list[dict[str, JSON]]] = {}
        self._found: dict[tuple[str, str], JSON] = {}
        self._enter(root, "")

    def targets(self, schema: dict[str, JSON]) -> list[JSON]:
        """Return what `$ref` and `$dynamicRef` of this schema may apply."""
        found: list[JSON] = []
        reference = schema.get("$ref")
        if isinstance(reference, str):
            found.append(self._resolve(reference, schema))
        reference = schema.get("$dynamicRef")
        if isinstance(reference, str):
            first = self._resolve(reference, schema)
            named = self._dynamic.get(reference.partition("#")[2], [])
            found += named if any(first is one for one in named) else [first]
        return found

    def _enter(self, root: JSON, base: str) -> None:
        waiting: list[tuple[JSON, str]] = [(root, base)]
        while waiting:
            schema, base = waiting.pop()
            if not isinstance(schema, dict) or id(schema) in self._bases:
                continue
            base = self._identify(schema, base)
            self._bases[id(schema)] = base
            waiting += [(sub, base) for _, _, sub in subschemas(schema)]

    def _identify(self, schema: dict[str, JSON], base: str) -> str:
        identifier = schema.get("$id")
        if isinstance(identifier, str):
            address, _, fragment = identifier.partition("#")
            if fragment:  # draft-07: `"$id": "#name"` is an anchor
                self._anchors[base, fragment] = schema
            if address:
                base = _join(base, address)
                self._resources[base] = schema
        for keyword in ("$anchor", "$dynamicAnchor"):
            name = schema.get(keyword)
            if isinstance(name, str):
                self._anchors[base, name] = schema
        name = schema.get("$dynamicAnchor")
        if isinstance(name, str):
            self._dynamic.setdefault(name, []).append(schema)
        return base

    def _resolve(self, reference: str, at: dict[str, JSON]) -> JSON:
        place = self._bases.get(id(at), ""), reference
        if place not in self._found:
            self._found[place] = self._look_up(*place)
        return self._found[place]

    def _look_up(self, base: str, reference: str) -> JSON:
        address, _, fragment = reference.partition("#")
        address = _join(base, address) if address else base
        if address in METASCHEMAS:
            return True
        resource = self._resources.get(address)
        if resource is None:
            raise SchemaRefused(f"the reference `{reference[:200]}` leads out of the schema")
        if not fragment:
            return resource
        if not fragment.startswith("/"):
            if (address, fragment) in self._anchors:
                return self._anchors[address, fragment]
            raise SchemaRefused(f"the reference `{reference[:200]}` leads nowhere")
        return self._follow(resource, address, unquote(fragment), reference)

    def _follow(self, place: Any, base: str, pointer: str, reference: str) -> JSON:
        for key in split_pointer(pointer):
            if isinstance(place, dict) and key in place:
                place = place[key]
            elif (
                isinstance(place, list)
                and key.isascii()
                and key.isdigit()
                and len(key) <= _INDEX_DIGITS_MAX
                and int(key) < len(place)
            ):
                place = place[int(key)]
            else:
                raise SchemaRefused(f"the reference `{reference[:200]}` leads nowhere")
            if isinstance(place, dict):
                base = self._bases.get(id(place), base)
        if not _is_schema(place):
            raise SchemaRefused(f"the reference `{reference[:200]}` leads to no schema")
        self._enter(place, base)  # a schema under a keyword that is not of the standard
        return place


def _join(base: str, address: str) -> str:
    try:
        return urljoin(base, address) if base else address
    except ValueError:
        raise SchemaRefused(f"`{address[:200]}` cannot be an address") from None
