"""What a pattern may cost on a long text, and a copy of a schema that counts it while it judges.

The engine takes linear time, but linear in the text times the places in the pattern: a counted
repetition such as `(a|b)*a(a|b){9000}` costs a tenth of a millisecond for each character, so a text
of a hundred thousand stops everybody for ten seconds (CWE-1333). A server writes its patterns itself.
"""

import re
from typing import Any, Final, final

from yett.core.target import JSON

COUNTING: Final = "yett:text"
"""The keyword that counts; no schema of a server can use it, since compiling decides what it does."""

FORMAT_PLACES: Final = 16
"""Checking a format takes up to 200 ns for each character."""

_COUNT: Final = re.compile(r"\{\s*([0-9]{1,9})\s*(?:,\s*([0-9]{0,9})\s*)?\}")
_THING: Final = re.compile(r"\\.|\[\^?(?:[^\]\\]|\\.)*\]", re.DOTALL)
"""An escape or a class; a class that a `]` begins ends there, so nothing is taken for its inside."""
_PLACES_MAX: Final = 10**9
_KEPT: Final = frozenset(
    {"$schema", "$id", "$anchor", "$dynamicAnchor", "$ref", "$dynamicRef", "$vocabulary"}
)
_KEPT_NAMED: Final = frozenset({"$defs", "definitions", "properties"})
_KEPT_LISTS: Final = frozenset({"allOf", "prefixItems", "items"})
_KEPT_SCHEMAS: Final = frozenset(
    {"items", "additionalItems", "additionalProperties", "propertyNames"}
)
_BRANCHES: Final = frozenset({"anyOf", "oneOf"})
_BRANCH: Final = frozenset({"not", "if", "then", "else"})
_DEPENDENT: Final = frozenset({"dependentSchemas", "dependencies"})
_ITEMS: Final = frozenset({"contains", "unevaluatedItems"})
_KNOWN: Final = (
    _KEPT_SCHEMAS
    | _BRANCHES
    | _BRANCH
    | _DEPENDENT
    | _ITEMS
    | {"const", "enum", "default", "examples", "required", "dependentRequired", "type"}
    | {"unevaluatedProperties", "patternProperties", "contentSchema"}
)


def places(pattern: str) -> int:
    """Return at least the number of places in a pattern, counted repetitions written out."""
    above: list[int] = []  # what each open group has before it
    inside = last = 0  # of the group that is open; of the thing that a repetition would repeat
    position = 0
    while position < len(pattern):
        character = pattern[position]
        count = _COUNT.match(pattern, position) if character == "{" else None
        if count is not None:
            last = min(last * max(int(count[1]), int(count[2] or 0), 1), _PLACES_MAX)
            inside = min(inside + last, _PLACES_MAX)
            position = count.end()
        elif character in "*+?":
            position += 1
        elif character == "(":
            above.append(inside)
            inside = last = 0
            position += 1
        elif character == ")":
            last = inside  # of a group that nobody opened, everything so far
            inside += above.pop() if above else 0
            position += 1
        else:
            thing = _THING.match(pattern, position)
            position = position + 1 if thing is None else thing.end()
            last = 1
            inside += 1
    return min(sum(above) + inside + 1, _PLACES_MAX)


def most_places(schema: JSON) -> int:
    """Return the most places that one pattern has, or all patterns for names of one object together;
    0 without any. Whatever stands where a pattern may stand is taken for one.
    """
    most = 0
    waiting = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(pattern := item.get("pattern"), str):
                most = max(most, places(pattern))
            if isinstance(item.get("format"), str):
                most = max(most, FORMAT_PLACES)
            if isinstance(patterns := item.get("patternProperties"), dict):
                most = max(most, sum(map(places, patterns)))
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return most


def counting(schema: JSON) -> JSON:
    """Return a schema that judges nothing and tells `Counter` of each text that a pattern of this one
    may see, wherever the judgement of this one would end.

    What a reference leads to stays where it is, or the copy does not compile.
    """
    if not isinstance(schema, dict):
        return True
    copied: dict[str, JSON] = {}
    added: list[JSON] = []
    for keyword, value in schema.items():
        if keyword in _KEPT:
            copied[keyword] = value
        elif keyword in _KEPT_NAMED and isinstance(value, dict):
            copied[keyword] = {name: counting(sub) for name, sub in value.items()}
        elif keyword in _KEPT_LISTS and isinstance(value, list):
            copied[keyword] = [counting(sub) for sub in value]
        else:
            added += _added(keyword, value)
            if keyword not in _KNOWN and isinstance(value, (dict, list)):
                copied[keyword] = _unknown(value)
            elif keyword in _KEPT_SCHEMAS:
                copied[keyword] = counting(value)
    if not added:
        return copied
    before = copied.get("allOf")
    return copied | {"allOf": [*(before if isinstance(before, list) else ()), *added]}


def _added(keyword: str, value: JSON) -> list[JSON]:
    """Return what stands in the place of a keyword: every branch is taken, every member is looked at."""
    found: list[JSON] = []
    if keyword == "pattern" and isinstance(value, str):
        found = [{COUNTING: places(value)}]
    elif keyword == "format":
        found = [{COUNTING: FORMAT_PLACES}]
    elif keyword in _BRANCHES and isinstance(value, list):
        found = [counting(sub) for sub in value]
    elif keyword in _BRANCH:
        found = [counting(value)]
    elif keyword in _DEPENDENT and isinstance(value, dict):
        found = [counting(sub) for sub in value.values()]
    elif keyword in _ITEMS:
        found = [{"items": counting(value)}]
    elif keyword == "unevaluatedProperties":
        found = [{"additionalProperties": counting(value)}]
    elif keyword == "patternProperties" and isinstance(value, dict):
        names = sum(map(places, value))
        found = [{"propertyNames": {COUNTING: names}}]
        found += [{"additionalProperties": counting(sub)} for sub in value.values()]
    return found


def _unknown(value: JSON) -> JSON:
    """A reference may lead to a schema under a keyword that is not of the standard."""
    return [counting(item) for item in value] if isinstance(value, list) else counting(value)


@final
class Counter:
    """What is left for the texts of one value. `exhausted`: there was more."""

    def __init__(self, units_max: int) -> None:
        self._units_max = units_max
        self._left = 0
        self.exhausted = False

    def begin(self) -> None:
        self._left = self._units_max
        self.exhausted = False

    def spend(self, units: int) -> None:
        """Raises:
        ValueError: there is nothing left, which makes the value unfit.
        """
        self._left -= units
        if self._left < 0:
            self.exhausted = True
            raise ValueError("too much text for its patterns")

    def keyword(self) -> dict[str, type[Any]]:
        """Return the keyword for the compiler."""

        @final
        class CountedText:
            def __init__(inner, parent: JSON, value: int, path: object) -> None:  # noqa: N805 - beside the outer self
                del parent, path
                inner.places = value

            def validate(inner, instance: JSON) -> None:  # noqa: N805 - as above
                if isinstance(instance, str):
                    self.spend(len(instance) * inner.places)

        return {COUNTING: CountedText}
