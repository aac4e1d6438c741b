"""What is left of a row policy's conditions once the caller is known, as a value that others can apply. Pure.

Cedar's JSON policy form is read node by node, and only what `core.predicate` can say is taken: a field
of the row compared with something known, and `&&`, `||`, `!`, `has`, `like`, `contains`, `if` around it.
Everything else is refused, whoever the caller is: both sides of each operator are always read, so a
policy that can be read for one caller can be read for all (docs/decisions/0009-rows.md).
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal, final

import msgspec

from yett.authorization.conditions import Uid
from yett.authorization.port import Caller, Matter
from yett.core.predicate import (
    All,
    Any,
    Compare,
    Comparison,
    Has,
    Like,
    Not,
    OneOf,
    Predicate,
    Scalar,
    Truth,
    is_like,
)
from yett.core.target import JSON

ROW: Final = "Row"
DEPTH_MAX: Final = 50

_YES: Final = Truth(holds=True)
_NO: Final = Truth(holds=False)
_ENTITIES: Final = frozenset({"principal", "resource", "action"})
_KNOWN: Final = frozenset({"principal", "context", "action"})
_MIRRORED: Final[dict[str, Comparison]] = {
    "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=",
}  # fmt: skip
_ORDER: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": int.__lt__, "<=": int.__le__, ">": int.__gt__, ">=": int.__ge__,
}  # fmt: skip


class InexpressibleError(ValueError):
    """A condition says what no row can be judged by. The message ends the sentence "it …"."""


@final
class Known(msgspec.Struct, frozen=True):
    value: Scalar


@final
class Field(msgspec.Struct, frozen=True):
    path: tuple[str, ...]


@final
class Facts:
    """What is known of one question about rows: all that policies may say of a caller and a tool."""

    __slots__ = ("above", "attributes", "types")

    def __init__(self, caller: Caller, matter: Matter) -> None:
        self.attributes: Final[dict[tuple[str, str], Scalar]] = {
            ("principal", "tenant"): caller.tenant,
            ("principal", "environment"): caller.environment,
            ("context", "environment"): caller.environment,
        }
        self.types: Final = {"principal": "Key", "resource": ROW, "action": "Action"}
        self.above: Final[dict[str, frozenset[Uid]]] = {
            "principal": frozenset(
                {
                    ("Key", caller.id),
                    ("Tenant", caller.tenant),
                    *(("Role", role) for role in caller.roles),
                }
            ),
            "resource": frozenset({("Tool", matter.id), ("Server", matter.server)}),
            "action": frozenset({("Action", "row")}),
        }


def translate(conditions: Iterable[dict[str, JSON]], facts: Facts) -> Predicate:
    """Return when a policy with these conditions matches a row.

    Raises:
        InexpressibleError: that cannot be said.
    """
    translation = _Translation(facts)
    parts: list[Predicate] = []
    for condition in conditions:
        part = translation.truth(condition["body"])
        parts.append(part if condition["kind"] == "when" else negated(part))
    return all_of(parts)


def all_of(parts: Iterable[Predicate]) -> Predicate:
    """Return the conjunction. What stands before a `false` is kept: it may err, and then nothing holds."""
    return _joined(parts, All, neutral=_YES, final=_NO)


def any_of(parts: Iterable[Predicate]) -> Predicate:
    """Return the disjunction; see `all_of`."""
    return _joined(parts, Any, neutral=_NO, final=_YES)


def negated(part: Predicate) -> Predicate:
    if isinstance(part, Truth):
        return _NO if part.holds else _YES
    return part.part if isinstance(part, Not) else Not(part)


def _joined(
    parts: Iterable[Predicate], kind: type[All] | type[Any], *, neutral: Truth, final: Truth
) -> Predicate:
    kept: list[Predicate] = []
    for part in parts:
        if isinstance(part, kind):
            kept += part.parts
        elif part != neutral:
            kept.append(part)
        if kept and kept[-1] == final:
            break
    if not kept:
        return neutral
    return kept[0] if len(kept) == 1 else kind(tuple(kept))


@final
class _Translation:
    __slots__ = ("_facts",)

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def truth(self, node: JSON, depth: int = 0) -> Predicate:
        """Translate what stands where a truth value belongs."""
        if depth > DEPTH_MAX:
            raise InexpressibleError(f"is nested deeper than {DEPTH_MAX}")
        operator, body = next(iter(node.items()))
        match operator:
            case "&&" | "||":
                parts = [self.truth(part, depth + 1) for part in _chain(node, operator)]
                return all_of(parts) if operator == "&&" else any_of(parts)
            case "!":
                return negated(self.truth(body["arg"], depth + 1))
            case "if-then-else":
                return self._choice(body, depth)
            case "==" | "!=":
                return self._equality(operator, body["left"], body["right"])
            case "<" | "<=" | ">" | ">=":
                return self._ordered(operator, body)
            case "contains" | "like" | "has":
                return self._about_field(operator, body)
            case "in" | "is":
                return _truth(self._belongs(operator, body))
            case _:
                return self._plain(node)

    def _choice(self, body: JSON, depth: int) -> Predicate:
        condition = self.truth(body["if"], depth + 1)
        then, otherwise = self.truth(body["then"], depth + 1), self.truth(body["else"], depth + 1)
        if isinstance(condition, Truth):
            return then if condition.holds else otherwise
        return any_of((all_of((condition, then)), all_of((negated(condition), otherwise))))

    def _plain(self, node: JSON) -> Predicate:
        """A field, or something known, that is a truth value itself."""
        term = self._term(node)
        if isinstance(term, Field):
            return Compare(term.path, "==", value=True)
        if not isinstance(term.value, bool):
            raise InexpressibleError("has a text or a number where a truth value belongs")
        return _truth(term.value)

    def _equality(self, operator: Literal["==", "!="], left: JSON, right: JSON) -> Predicate:
        for one, other in ((left, right), (right, left)):
            variable = _entity_variable(one)
            if variable is not None:
                return _truth(self._is_same(variable, other) == (operator == "=="))
        return self._compared(operator, self._term(left), self._term(right))

    def _ordered(self, operator: Comparison, body: JSON) -> Predicate:
        left, right = self._term(body["left"]), self._term(body["right"])
        for term in (left, right):
            if isinstance(term, Known) and type(term.value) is not int:
                raise InexpressibleError(f"uses `{operator}` with what is no whole number")
        return self._compared(operator, left, right)

    def _compared(
        self, operator: Comparison, left: Known | Field, right: Known | Field
    ) -> Predicate:
        if isinstance(left, Field):
            if isinstance(right, Field):
                raise InexpressibleError("compares two fields of the row with each other")
            return Compare(left.path, operator, right.value)
        if isinstance(right, Field):
            return Compare(right.path, _MIRRORED[operator], left.value)
        return _truth(_holds(operator, left.value, right.value))

    def _about_field(self, operator: str, body: JSON) -> Predicate:
        if operator == "has":
            return self._presence(body["left"], body["attr"])
        if operator == "like":
            return self._form(self._term(body["left"]), body["pattern"])
        values = _values(body["left"])
        term = self._term(body["right"])
        if isinstance(term, Field):
            return OneOf(term.path, values)
        if type(term.value) is not type(values[0]):
            raise InexpressibleError("compares values of two types")
        return _truth(term.value in values)

    def _presence(self, left: JSON, attribute: str) -> Predicate:
        variable = _variable(left)
        if variable in _KNOWN:
            return _truth((variable, attribute) in self._facts.attributes)
        return Has((*self._path(left), attribute))

    def _form(self, term: Known | Field, pattern: JSON) -> Predicate:
        parts = [""]
        for piece in pattern:
            if piece == "Wildcard":
                parts.append("")
            else:
                parts[-1] += piece["Literal"]
        if isinstance(term, Field):
            return Like(term.path, tuple(parts))
        if not isinstance(term.value, str):
            raise InexpressibleError("uses `like` with what is no text")
        return _truth(is_like(term.value, tuple(parts)))

    def _belongs(self, operator: str, body: JSON) -> bool:
        """`in` and `is`: of a caller, a tool and this action all is known."""
        variable = _entity_variable(body["left"])
        if variable is None:
            raise InexpressibleError(f"uses `{operator}` with a field, and no field is an entity")
        above = body.get("in") if operator == "is" else body["right"]
        is_type = operator == "in" or body["entity_type"] == self._facts.types[variable]
        is_within = above is None or any(
            self._is_above(variable, uid) for uid in _entities_of(above)
        )
        return is_type and is_within

    def _is_above(self, variable: str, uid: Uid) -> bool:
        if uid[0] == ROW:
            raise InexpressibleError("names a row, and rows have no names")
        return uid in self._facts.above[variable]

    def _is_same(self, variable: str, other: JSON) -> bool:
        if variable == "resource":
            raise InexpressibleError("compares the row itself, and rows have no names")
        uid = _entity(other)
        return uid[0] == self._facts.types[variable] and uid in self._facts.above[variable]

    def _term(self, node: JSON) -> Known | Field:
        """Translate what stands where a text, a number or a truth value belongs."""
        operator, body = next(iter(node.items()))
        if operator == "Value":
            return Known(_scalar(body))
        if operator != ".":
            raise InexpressibleError(f"uses `{operator}`")
        variable = _variable(body["left"])
        if variable not in _KNOWN:
            return Field((*self._path(body["left"]), body["attr"]))
        known = self._facts.attributes.get((variable, body["attr"]))
        if known is None:
            raise _unknown(variable, body["attr"])
        return Known(known)

    def _path(self, node: JSON) -> tuple[str, ...]:
        """Return the path from the row to a field that is an object itself."""
        names: list[str] = []
        while _variable(node) != "resource":
            operator, body = next(iter(node.items()))
            if operator == "Var":
                raise _unknown(body, names[-1])
            if operator != ".":
                raise InexpressibleError("reads a member of what is no field of the row")
            if len(names) >= DEPTH_MAX:
                raise InexpressibleError(f"is nested deeper than {DEPTH_MAX}")
            names.append(body["attr"])
            node = body["left"]
        return tuple(reversed(names))


def _chain(node: JSON, operator: str) -> list[JSON]:
    """Return `a`, `b`, `c` of `a && b && c`, which hangs to the left and may be long."""
    parts: list[JSON] = []
    while operator in node:
        parts.append(node[operator]["right"])
        node = node[operator]["left"]
    parts.append(node)
    return parts[::-1]


def _holds(operator: Comparison, left: Scalar, right: Scalar) -> bool:
    if type(left) is not type(right):
        raise InexpressibleError("compares values of two types")
    if operator in {"==", "!="}:
        return (left == right) == (operator == "==")
    return isinstance(left, int) and isinstance(right, int) and _ORDER[operator](left, right)


def _unknown(variable: str, attribute: str) -> InexpressibleError:
    return InexpressibleError(f"reads `{variable}.{attribute}`, which is not known of rows")


def _truth(holds: bool) -> Truth:  # noqa: FBT001 - it is the value
    return _YES if holds else _NO


def _variable(node: JSON) -> str | None:
    found = node.get("Var")
    return found if isinstance(found, str) else None


def _entity_variable(node: JSON) -> str | None:
    variable = _variable(node)
    return variable if variable in _ENTITIES else None


def _scalar(value: JSON) -> Scalar:
    if isinstance(value, (str, int, bool)):
        return value
    raise InexpressibleError("compares a field with an entity, and no field is one")


def _values(node: JSON) -> tuple[Scalar, ...]:
    """Return the values of a set that is written out. All are of one type, as Cedar wants it."""
    members = node.get("Set")
    if not members or not all("Value" in member for member in members):
        raise InexpressibleError("uses `contains` with what is no set of values, written out")
    values = tuple(_scalar(member["Value"]) for member in members)
    if len({type(value) for value in values}) != 1:
        raise InexpressibleError("has a set with values of two types")
    return values


def _entities_of(node: JSON) -> list[Uid]:
    """Return the entities that are written out: one, or a set of them."""
    return [_entity(member) for member in node.get("Set", [node])]


def _entity(node: JSON) -> Uid:
    value = node.get("Value")
    entity = value.get("__entity") if isinstance(value, dict) else None
    if entity is None:
        raise InexpressibleError("asks about an entity that is not written out")
    return (entity["type"], entity["id"])
