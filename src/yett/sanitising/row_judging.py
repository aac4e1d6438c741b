"""A row rule as a function that is quick to ask: made once for a rule, called for each row. Pure.

It answers True (show it), False (do not) or None: the row cannot be compared, because a field that is
looked at is not there or is of another type; such a row is not shown either. All policies are always
asked, so that no row is shown while one of them cannot tell.
"""

from collections.abc import Callable
from typing import Final, final

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
    RowRule,
    Scalar,
    Truth,
    is_like,
)
from yett.core.target import JSON

Row = dict[str, JSON]
Judge = Callable[[Row], bool | None]
_Find = Callable[[Row], JSON]

JUDGES_MAX: Final = 1_024
_LONG_MIN: Final = -(2**63)
_LONG_MAX: Final = 2**63 - 1


@final
class Judges:
    """Those that are in use, by the rule they were made from. Rules are kept by authorization, so the
    same one comes again and again."""

    __slots__ = ("_made",)

    def __init__(self) -> None:
        self._made: dict[int, tuple[RowRule, Judge]] = {}

    def of(self, rule: RowRule) -> Judge:
        found = self._made.get(id(rule))
        if found is not None:  # the rule is held here, so no other can have its id
            return found[1]
        if len(self._made) >= JUDGES_MAX:
            self._made.clear()
        judge = judge_of(rule)
        self._made[id(rule)] = (rule, judge)
        return judge


def judge_of(rule: RowRule) -> Judge:
    """Return what judges rows by this rule: one of `permits`, none of `forbids`, and nothing errs."""
    permits = tuple(_compile(part) for part in rule.permits)
    forbids = tuple(_compile(part) for part in rule.forbids)
    if len(permits) == 1 and not forbids:
        return permits[0]

    def judge(row: Row) -> bool | None:
        shown = False
        for permit in permits:
            holds = permit(row)
            if holds is None:
                return None
            shown |= holds
        for forbid in forbids:
            holds = forbid(row)
            if holds is None:
                return None
            if holds:
                shown = False
        return shown

    return judge


def _compile(part: Predicate) -> Judge:
    match part:
        case Truth(holds):
            return lambda _row: holds
        case Compare(field, comparison, value):
            return _compare(_finding(field), comparison, value)
        case OneOf(field, values):
            return _one_of(_finding(field), values)
        case Has(field):
            return _has(field)
        case Like(field, parts):
            return _like(_finding(field), parts)
        case Not(inner):
            return _not(_compile(inner))
        case All(parts):
            return _all(tuple(_compile(inner) for inner in parts))
        case Any(parts):
            return _any(tuple(_compile(inner) for inner in parts))
        case _:
            raise TypeError(type(part).__name__)


def _finding(field: tuple[str, ...]) -> _Find:
    """Return what finds a field; what is not there is found as None, which no value is equal to."""
    if len(field) == 1:
        name = field[0]
        return lambda row: row.get(name)
    *way, last = field

    def find(row: Row) -> JSON:
        value: JSON = row
        for name in way:
            value = value.get(name)
            if type(value) is not dict:
                return None
        return value.get(last)

    return find


def _compare(find: _Find, comparison: Comparison, value: Scalar) -> Judge:
    if isinstance(value, bool):
        wanted = value == (comparison == "==")
        return lambda row: found is wanted if type(found := find(row)) is bool else None
    if isinstance(value, str):
        if comparison == "==":
            return lambda row: found == value if type(found := find(row)) is str else None
        return lambda row: found != value if type(found := find(row)) is str else None
    return _compare_number(find, comparison, value)


def _compare_number(find: _Find, comparison: Comparison, value: int) -> Judge:
    match comparison:
        case "==":
            return lambda row: n == value if (n := _whole(find(row))) is not None else None
        case "!=":
            return lambda row: n != value if (n := _whole(find(row))) is not None else None
        case "<":
            return lambda row: n < value if (n := _whole(find(row))) is not None else None
        case "<=":
            return lambda row: n <= value if (n := _whole(find(row))) is not None else None
        case ">":
            return lambda row: n > value if (n := _whole(find(row))) is not None else None
        case ">=":
            return lambda row: n >= value if (n := _whole(find(row))) is not None else None


def _whole(value: JSON) -> int | None:
    """Return a whole number of 64 bits, as arguments have them too: `5.0` is one."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and _LONG_MIN <= value <= _LONG_MAX else None


def _one_of(find: _Find, values: tuple[Scalar, ...]) -> Judge:
    kind, allowed = type(values[0]), frozenset(values)
    if kind is int:
        return lambda row: n in allowed if (n := _whole(find(row))) is not None else None
    return lambda row: found in allowed if type(found := find(row)) is kind else None


def _has(field: tuple[str, ...]) -> Judge:
    *way, last = field
    if not way:
        return lambda row: row.get(last) is not None
    above = _finding(tuple(way))
    return lambda row: found.get(last) is not None if type(found := above(row)) is dict else None


def _like(find: _Find, parts: tuple[str, ...]) -> Judge:
    return lambda row: is_like(found, parts) if type(found := find(row)) is str else None


def _not(part: Judge) -> Judge:
    return lambda row: None if (holds := part(row)) is None else not holds


def _all(parts: tuple[Judge, ...]) -> Judge:
    def judge(row: Row) -> bool | None:
        for part in parts:
            holds = part(row)
            if holds is not True:
                return holds
        return True

    return judge


def _any(parts: tuple[Judge, ...]) -> Judge:
    def judge(row: Row) -> bool | None:
        for part in parts:
            holds = part(row)
            if holds is not False:
                return holds
        return False

    return judge
