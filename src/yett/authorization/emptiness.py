"""Finds conditions that cannot hold, whoever calls what and with which arguments. Pure.

It only looks at comparisons of one thing with values that are written down, joined by `&&`, `||` and
`!`. What it says is so; what it does not say may still be so.
"""

from collections.abc import Iterator
from typing import Final, final

import orjson

from yett.authorization.policies import Policy
from yett.core.target import JSON

_BRANCHES_MAX: Final = 64
_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_OPPOSITE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}

_RANGES: Final[dict[str, tuple[int, int | None]]] = {
    "hour": (0, 23),
    "weekday": (1, 7),
    "time": (0, None),
    "key_age": (0, None),
}
_CHOICES: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("context", "door"): ("mcp", "rest"),
    ("context", "environment"): ("live", "test"),
    ("principal", "environment"): ("live", "test"),
    ("resource", "access"): ("read", "write"),
}

Atom = tuple[JSON, bool]
"""A part of a condition, and whether it has to hold."""


def never_holds(policy: Policy) -> str:
    """Return why the policy never applies; empty if that cannot be told."""
    conditions = policy.form["conditions"]
    atoms = [(condition["body"], condition["kind"] == "when") for condition in conditions]
    return _Search().contradiction([*_facts(policy), *atoms])


def _facts(policy: Policy) -> Iterator[Atom]:
    """What the head says about attributes."""
    if policy.resource is not None:
        kind, name = policy.resource
        server, slash, own = name.partition("/")
        if kind == "Server" or kind.startswith("is ") or slash:
            if server:
                yield _is("resource", "server", server), True
            if slash and kind != "Server":
                yield _is("resource", "name", own), True
    if policy.principal is not None and policy.principal[0] == "Tenant":
        yield _is("principal", "tenant", policy.principal[1]), True


def _is(variable: str, attribute: str, value: str) -> JSON:
    left = {".": {"left": {"Var": variable}, "attr": attribute}}
    return {"==": {"left": left, "right": {"Value": value}}}


@final
class _Search:
    def __init__(self) -> None:
        self._branches = 0

    def contradiction(self, atoms: list[Atom]) -> str:
        """Return why these cannot hold together; empty if that cannot be told."""
        plain: list[Atom] = []
        choices: list[tuple[Atom, Atom]] = []
        stack = list(reversed(atoms))
        while stack:
            body, wanted = stack.pop()
            operator, parts = next(iter(body.items()))
            if operator == "!":
                stack.append((parts["arg"], not wanted))
            elif operator == ("&&" if wanted else "||"):
                stack += [(parts["right"], wanted), (parts["left"], wanted)]
            elif operator in {"&&", "||"}:
                choices.append(((parts["left"], wanted), (parts["right"], wanted)))
            else:
                plain.append((body, wanted))
        if why := _clash(plain):
            return why
        return self._each_way(plain, choices)

    def _each_way(self, plain: list[Atom], choices: list[tuple[Atom, Atom]]) -> str:
        """Every way of one choice must lead into a contradiction; the others then do not matter."""
        for one, other in choices:
            self._branches += 2
            if self._branches > _BRANCHES_MAX:
                return ""
            first = self.contradiction([*plain, one])
            if first and self.contradiction([*plain, other]):
                return first
        return ""


@final
class _Limits:
    """What one thing may be. values: one of these; None: anything."""

    def __init__(self) -> None:
        self.low: int | None = None
        self.high: int | None = None
        self.values: set[tuple[type, JSON]] | None = None
        self.not_values: set[tuple[type, JSON]] = set()

    def one_of(self, values: set[tuple[type, JSON]]) -> None:
        self.values = values if self.values is None else self.values & values

    def at_least(self, number: int) -> None:
        self.low = number if self.low is None else max(self.low, number)

    def at_most(self, number: int) -> None:
        self.high = number if self.high is None else min(self.high, number)

    def impossible(self) -> bool:
        if self.low is not None and self.high is not None and self.low > self.high:
            return True
        if self.values is None:
            return False
        return not any(self._fits(value) for value in self.values - self.not_values)

    def _fits(self, value: tuple[type, JSON]) -> bool:
        kind, content = value
        if self.low is None and self.high is None:
            return True
        if kind is not int:
            return False
        return (self.low is None or content >= self.low) and (
            self.high is None or content <= self.high
        )


def _clash(atoms: list[Atom]) -> str:
    limits: dict[bytes, _Limits] = {}
    members: dict[bytes, bool] = {}
    for body, wanted in atoms:
        operator, parts = next(iter(body.items()))
        if operator == "Value" and parts is not wanted:
            return f"`{'true' if parts else 'false'}` is not what it has to be"
        if operator == "has":
            if members.setdefault(_key(parts), wanted) is not wanted:
                return f"it wants `{parts['attr']}` to be there and not to be there"
            continue
        known = _comparison(operator, parts, wanted=wanted)
        if known is None:
            continue
        thing, operator, values = known
        limit = limits.setdefault(_key(thing), _known_limits(thing))
        _narrow(limit, operator, values)
        if limit.impossible():
            return f"`{_name(thing)}` cannot be all that it says"
    return ""


def _comparison(operator: str, parts: JSON, *, wanted: bool) -> tuple[JSON, str, list[JSON]] | None:
    """Return what is compared, how, and with which values; None if it is nothing that is known here."""
    if operator == "contains" and "Set" in parts["left"] and _is_place(parts["right"]):
        items = parts["left"]["Set"]
        if wanted and all(_is_literal(item) for item in items):
            return parts["right"], "in", [item["Value"] for item in items]
        return None
    if operator == "." and _is_place({operator: parts}):
        return {operator: parts}, "==", [wanted]
    if operator not in _OPPOSITE:
        return None
    left, right = parts["left"], parts["right"]
    if _is_literal(left) and _is_place(right):
        left, right, operator = right, left, _FLIPPED.get(operator, operator)
    if not (_is_place(left) and _is_literal(right)):
        return None
    return left, operator if wanted else _OPPOSITE[operator], [right["Value"]]


def _narrow(limit: _Limits, operator: str, values: list[JSON]) -> None:
    value = values[0] if values else None
    match operator:
        case "==" | "in":
            limit.one_of({(type(item), item) for item in values})
        case "!=":
            limit.not_values.add((type(value), value))
        case _ if type(value) is not int:
            limit.one_of(set())  # Cedar orders numbers only
        case "<" | "<=":
            limit.at_most(value - (operator == "<"))
        case _:
            limit.at_least(value + (operator == ">"))


def _known_limits(thing: JSON) -> _Limits:
    limits = _Limits()
    match thing:
        case {".": {"left": {"Var": "context"}, "attr": name}} if name in _RANGES:
            limits.low, limits.high = _RANGES[name]
        case {".": {"left": {"Var": variable}, "attr": name}} if (variable, name) in _CHOICES:
            limits.values = {(str, choice) for choice in _CHOICES[variable, name]}
    return limits


def _is_literal(body: JSON) -> bool:
    return isinstance(body.get("Value"), str | int)


def _is_place(body: JSON) -> bool:
    """Say whether it is an attribute of something, which is the same wherever it stands."""
    while isinstance(body, dict) and "." in body:
        body = body["."]["left"]
    return body in ({"Var": "context"}, {"Var": "principal"}, {"Var": "resource"})


def _name(thing: JSON) -> str:
    names: list[str] = []
    while "." in thing:
        names.append(thing["."]["attr"])
        thing = thing["."]["left"]
    return ".".join([thing["Var"], *reversed(names)])


def _key(body: JSON) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
