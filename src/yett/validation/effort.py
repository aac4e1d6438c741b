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
    SCHEMA_PATTERN_CHARS_MAX,
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
_STEPS_MAX: Final = 40_000
"""Of counting itself, about a microsecond each: what counts the work must not be work without end."""


def check_size(schema: JSON) -> int:
    """Count what is written, of any keyword, without recursion; return the number of patterns.

    Raises:
        SchemaRefused: too deep, too large, or too many patterns.
    """
    level: list[JSON] = [schema]
    nodes = patterns = chars = 0
    for _ in range(SCHEMA_DEPTH_MAX + 1):
        nodes += len(level)
        if nodes > SCHEMA_NODES_MAX:
            raise SchemaRefused(f"the schema has more than {SCHEMA_NODES_MAX} parts")
        found = [p for item in level if isinstance(item, dict) for p in _patterns(item)]
        patterns += len(found)
        if patterns > SCHEMA_PATTERNS_MAX:
            raise SchemaRefused(f"the schema has more than {SCHEMA_PATTERNS_MAX} patterns")
        chars += sum(map(len, found))
        if chars > SCHEMA_PATTERN_CHARS_MAX:
            raise SchemaRefused(
                f"its patterns have more than {SCHEMA_PATTERN_CHARS_MAX} characters"
            )
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return patterns
    raise SchemaRefused(f"the schema is nested deeper than {SCHEMA_DEPTH_MAX}")


def _patterns(schema: dict[str, JSON]) -> list[str]:
    named = schema.get("patternProperties")
    found = list(named) if isinstance(named, dict) else []
    return [*found, pattern] if isinstance(pattern := schema.get("pattern"), str) else found


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
        self._steps = 0
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
                targets = self._references.targets(schema)
                self._spend(1 + len(targets))
                waiting += targets
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
                inner = self._judging(part, (*above, key))
                self._spend(1 + len(inner))
                found.update(inner)
        self._total += found.total()
        if self._total > SCHEMA_EXPANSION_MAX:
            raise SchemaRefused(f"the schema expands to more than {SCHEMA_EXPANSION_MAX} parts")
        self._beside[key] = found
        return found

    def _parts_beside(self, schema: dict[str, JSON]) -> list[JSON]:
        return [
            sub for word, _, sub in subschemas(schema) if word in _BESIDE
        ] + self._references.targets(schema)

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _STEPS_MAX:
            raise SchemaRefused("the schema is too entangled to say what it costs")

    def _by_depth(self, root: JSON) -> tuple[int, ...]:
        """Return, for each depth of the instance, how many subschemas meet on the way to one node."""
        costs, members = self._members(root)
        counts = {key: cost for key, (cost, _) in costs.items()}
        found = [counts[id(root)]]
        for _ in range(DOCUMENT_DEPTH_MAX):
            self._spend(len(costs) + sum(one.size for one in members.values()))
            inside = {group: one.count(counts) for group, one in members.items()}
            deeper = {
                key: min(cost + inside[group], _SATURATED) for key, (cost, group) in costs.items()
            }
            if deeper == counts:
                break
            counts = deeper
            found.append(counts[id(root)])
        return tuple(found)

    def _members(
        self, root: JSON
    ) -> tuple[dict[int, tuple[int, "_Group"]], dict["_Group", "_Members"]]:
        """Return what each schema costs on one value and which group judges the members of that value.

        A group is what of the schemas that judge a value looks inside it. A thousand references to
        one schema share one group, or counting them would take the square of a thousand.
        """
        costs: dict[int, tuple[int, _Group]] = {}
        members: dict[_Group, _Members] = {}
        own: dict[int, _Own] = {}
        waiting = [root]
        while waiting:
            schema = waiting.pop()
            if id(schema) in costs:
                continue
            cost = 0
            group = []
            for one, count in self._judging(schema).items():
                part = own.get(one) or own.setdefault(one, _Own(self._schemas[one]))
                cost += count * part.cost
                if part.schemas:
                    group.append((one, count))
            key = tuple(sorted(group))
            costs[id(schema)] = cost, key
            if key not in members:
                members[key] = _Members([(own[one], count) for one, count in key])
                self._spend(members[key].size)
                waiting += [sub for one, _ in key for sub in own[one].schemas]
        return costs, members


_Group = tuple[tuple[int, int], ...]
"""Identity of a schema, and how many times it judges."""


@final
class _Own:
    """One schema by itself: its cost on a value, and what judges the members of that value: by name,
    by index, or whatever the name is."""

    __slots__ = ("any_index", "any_name", "cost", "named", "schemas")

    def __init__(self, schema: JSON) -> None:
        self.cost = cost_of_keywords(schema)
        self.schemas: list[JSON] = []
        self.named: list[tuple[str | int, int, int]] = []
        self.any_name: list[int] = []
        self.any_index: list[int] = []
        if isinstance(schema, dict):
            for keyword, name, sub in subschemas(schema):
                if keyword not in _BESIDE and keyword not in _UNTESTED:
                    self.schemas.append(sub)
                    self._add(keyword, name, id(sub))
            self._except_named(schema)

    def _add(self, keyword: str, name: str | int | None, sub: int) -> None:
        if name is not None and keyword != "patternProperties":
            self.named.append((name, sub, 1))
        elif keyword in _ARRAY_WIDE or keyword == "items":
            self.any_index.append(sub)
        else:
            self.any_name.append(sub)

    def _except_named(self, schema: dict[str, JSON]) -> None:
        """`additionalProperties` does not judge what `properties` beside it names."""
        others = schema.get("additionalProperties")
        if isinstance(others, dict):
            self.named += [(name, id(others), -1) for name in schema.get("properties", {})]


@final
class _Members:
    """What judges the members of a value that several schemas judge together."""

    __slots__ = ("_any_index", "_any_name", "_named", "size")

    def __init__(self, parts: list[tuple[_Own, int]]) -> None:
        self._named: dict[str | int, Counter[int]] = {}
        self._any_name: Counter[int] = Counter()
        self._any_index: Counter[int] = Counter()
        self.size = 1
        for own, count in parts:
            self.size += len(own.named) + len(own.any_name) + len(own.any_index)
            for name, sub, sign in own.named:
                self._named.setdefault(name, Counter())[sub] += sign * count
            for sub in own.any_name:
                self._any_name[sub] += count
            for sub in own.any_index:
                self._any_index[sub] += count

    def count(self, counts: dict[int, int]) -> int:
        """Return how many subschemas meet in the member where most do."""
        by_name = sum([counts[key] * times for key, times in self._any_name.items()])
        by_index = sum([counts[key] * times for key, times in self._any_index.items()])
        most = max(by_name, by_index)
        for name, one in self._named.items():
            found = by_name if type(name) is str else by_index
            for key, times in one.items():
                found += counts[key] * times
            most = max(most, found)
        return most
