"""How much work a schema can make, found before anything is compiled (CWE-400, CWE-674, CWE-1333).

A short schema can double itself thirty times by `$ref`, or apply ten branches to each level of a
nested argument. So it is counted, per depth of the instance, how many subschemas can meet on the
way to one node; size of the arguments times that bounds the work of one validation.
"""

from collections import Counter
from typing import Final, final

from yett.core.bounds import (
    DOCUMENT_DEPTH_MAX,
    SCHEMA_DEPTH_MAX,
    SCHEMA_EXPANSION_MAX,
    SCHEMA_NODES_MAX,
    SCHEMA_PATTERNS_MAX,
)
from yett.core.target import JSON
from yett.validation.costs import cost_of_keywords
from yett.validation.references import References, SchemaRefused, subschemas

_BESIDE: Final = frozenset(
    {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"}
)
"""Keywords whose subschemas judge the same value; the others judge what lies inside it."""

_UNTESTED: Final = frozenset({"$defs", "definitions", "contentSchema"})
_ARRAY_WIDE: Final = frozenset({"additionalItems", "unevaluatedItems", "contains"})
_SATURATED: Final = 10**12


def check_size(schema: JSON) -> None:
    """Count what is written, of any keyword, without recursion.

    Raises:
        SchemaRefused: too deep, too large, or too many patterns.
    """
    level: list[JSON] = [schema]
    nodes = patterns = 0
    for _ in range(SCHEMA_DEPTH_MAX + 1):
        nodes += len(level)
        if nodes > SCHEMA_NODES_MAX:
            raise SchemaRefused(f"the schema has more than {SCHEMA_NODES_MAX} parts")
        patterns += sum(_patterns(item) for item in level if isinstance(item, dict))
        if patterns > SCHEMA_PATTERNS_MAX:
            raise SchemaRefused(f"the schema has more than {SCHEMA_PATTERNS_MAX} patterns")
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise SchemaRefused(f"the schema is nested deeper than {SCHEMA_DEPTH_MAX}")


def _patterns(schema: dict[str, JSON]) -> int:
    named = schema.get("patternProperties")
    return isinstance(schema.get("pattern"), str) + (len(named) if isinstance(named, dict) else 0)


@final
class Effort:
    """Counts for one document.

    Raises:
        SchemaRefused: a reference that leaves the document, a schema that applies itself to the
            same value without end, or more expansion than the budget allows.
    """

    def __init__(self, root: dict[str, JSON]) -> None:
        self._references = References(root)
        self._schemas: dict[int, JSON] = {}
        self._beside: dict[int, Counter[int]] = {}
        self._total = 0
        self._check_references(root)
        self.by_depth = self._by_depth(root)

    def declares_properties(self, schema: JSON) -> bool:
        """Tell whether this schema, or one that judges the same value with it, has `properties`."""
        return any(
            isinstance(part := self._schemas[one], dict) and "properties" in part
            for one in self._judging(schema)
        )

    def declared_names(self, schema: JSON) -> tuple[set[str], set[str]] | None:
        """Return the names and patterns that are declared; None if a part lets any name through."""
        names: set[str] = set()
        patterns: set[str] = set()
        for one in self._judging(schema):
            part = self._schemas[one]
            if isinstance(part, dict):
                if part.get("additionalProperties", False) is not False:
                    return None
                names |= part.get("properties", {}).keys()
                patterns |= part.get("patternProperties", {}).keys()
        return names, patterns

    def _check_references(self, root: JSON) -> None:
        """Also where nothing applies them: what is written must not lead out."""
        waiting = [root]
        seen: set[int] = set()
        while waiting:
            schema = waiting.pop()
            if isinstance(schema, dict) and id(schema) not in seen:
                seen.add(id(schema))
                waiting += self._references.targets(schema)
                waiting += [sub for _, _, sub in subschemas(schema)]

    def _judging(self, schema: JSON, above: tuple[int, ...] = ()) -> Counter[int]:
        """Return every subschema that judges the same value as `schema`, and how many times."""
        key = id(schema)
        known = self._beside.get(key)
        if known is not None:
            return known
        if key in above:
            raise SchemaRefused("the schema refers to itself without going deeper")
        if len(above) > SCHEMA_DEPTH_MAX:
            raise SchemaRefused(f"references follow one another more than {SCHEMA_DEPTH_MAX} times")
        self._schemas[key] = schema
        found = Counter({key: 1})
        if isinstance(schema, dict):
            for part in self._parts_beside(schema):
                found.update(self._judging(part, (*above, key)))
        self._total += found.total()
        if self._total > SCHEMA_EXPANSION_MAX:
            raise SchemaRefused(f"the schema expands to more than {SCHEMA_EXPANSION_MAX} parts")
        self._beside[key] = found
        return found

    def _parts_beside(self, schema: dict[str, JSON]) -> list[JSON]:
        return [
            sub for word, _, sub in subschemas(schema) if word in _BESIDE
        ] + self._references.targets(schema)

    def _by_depth(self, root: JSON) -> tuple[int, ...]:
        """Return, for each depth of the instance, how many subschemas meet on the way to one node."""
        inside: dict[int, _Inside] = {}
        waiting = [root]
        while waiting:
            schema = waiting.pop()
            if id(schema) not in inside:
                inside[id(schema)] = _Inside(
                    [(self._schemas[one], count) for one, count in self._judging(schema).items()]
                )
                waiting += inside[id(schema)].schemas
        counts = {key: one.judging for key, one in inside.items()}
        found = [counts[id(root)]]
        for _ in range(DOCUMENT_DEPTH_MAX):
            deeper = {key: one.count(counts) for key, one in inside.items()}
            if deeper == counts:
                break
            counts = deeper
            found.append(counts[id(root)])
        return tuple(found)


@final
class _Inside:
    """What judges the members of one value: by name, by index, or whatever the name is."""

    def __init__(self, parts: list[tuple[JSON, int]]) -> None:
        self.judging = sum(count * cost_of_keywords(schema) for schema, count in parts)
        self.schemas: list[JSON] = []
        self._named: dict[str | int, Counter[int]] = {}
        self._any_name: Counter[int] = Counter()
        self._any_index: Counter[int] = Counter()
        for schema, count in parts:
            if isinstance(schema, dict):
                self._add(schema, count)

    def _add(self, schema: dict[str, JSON], count: int) -> None:
        for keyword, name, sub in subschemas(schema):
            if keyword in _BESIDE or keyword in _UNTESTED:
                continue
            self.schemas.append(sub)
            if name is not None and keyword != "patternProperties":
                self._named.setdefault(name, Counter())[id(sub)] += count
            elif keyword in _ARRAY_WIDE or keyword == "items":
                self._any_index[id(sub)] += count
            else:
                self._any_name[id(sub)] += count
        self._except_named(schema, count)

    def _except_named(self, schema: dict[str, JSON], count: int) -> None:
        """`additionalProperties` does not judge what `properties` beside it names."""
        others = schema.get("additionalProperties")
        if isinstance(others, dict):
            for name in schema.get("properties", {}):
                self._named.setdefault(name, Counter())[id(others)] -= count

    def count(self, counts: dict[int, int]) -> int:
        def total(one: Counter[int]) -> int:
            return sum(counts[key] * times for key, times in one.items())

        wide = {str: total(self._any_name), int: total(self._any_index)}
        worst = max(
            [*wide.values(), *(wide[type(name)] + total(one) for name, one in self._named.items())]
        )
        return min(self.judging + worst, _SATURATED)
