"""A row rule as a function that is quick to ask: made once for a rule, called for all rows at once. Pure.

For each row it answers True (show it), False (do not) or None: the row cannot be compared, because a
field that is looked at is not there or is of another type; such a row is not shown either. All policies
are always asked, so that no row is shown while one of them cannot tell.

It goes through the rows once for each condition, and not through the conditions once for each row:
then a row costs no call of a function, and an answer of 1,000 rows a fifth of the time.
"""

import operator
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

Rows = list[dict[str, JSON]]
Verdicts = list[bool | None]
Judge = Callable[[Rows], Verdicts]
Column = Callable[[Rows], list[JSON]]

JUDGES_MAX: Final = 1_024
JUDGING_MAX: Final = 2_000_000
"""Rows times conditions in one answer: about a fifth of a second, in which nobody else is served."""
_LONG_MIN: Final = -(2**63)
_LONG_MAX: Final = 2**63 - 1
_LONG_END: Final = 2.0**63
_COMPARE: Final[dict[Comparison, Callable[[JSON, JSON], bool]]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@final
class Judges:
    """Those that are in use, by the rule they were made from. Rules are kept by authorization, so the
    same one comes again and again."""

    __slots__ = ("_made",)

    def __init__(self) -> None:
        self._made: dict[int, tuple[RowRule, tuple[Judge, int]]] = {}

    def of(self, rule: RowRule) -> tuple[Judge, int]:
        """Return what judges by this rule, and how many conditions each row is held against."""
        found = self._made.get(id(rule))
        if found is not None:  # the rule is held here, so no other can have its id
            return found[1]
        if len(self._made) >= JUDGES_MAX:
            self._made.clear()
        made = judge_of(rule), sum(map(_size, (*rule.permits, *rule.forbids)))
        self._made[id(rule)] = (rule, made)
        return made


def _size(part: Predicate) -> int:
    match part:
        case All(parts) | Any(parts):
            return sum(map(_size, parts))
        case Not(inner):
            return _size(inner)
        case _:
            return 1


def judge_of(rule: RowRule) -> Judge:
    """Return what judges rows by this rule: one of `permits`, none of `forbids`, and nothing errs."""
    permitted = _one_at_least(tuple(_compile(part) for part in rule.permits))
    if not rule.forbids:
        return permitted
    forbidden = _one_at_least(tuple(_compile(part) for part in rule.forbids))

    def judge(rows: Rows) -> Verdicts:
        pairs = zip(permitted(rows), forbidden(rows), strict=True)
        return [None if yes is None or no is None else yes and not no for yes, no in pairs]

    return judge


def _one_at_least(policies: tuple[Judge, ...]) -> Judge:
    """Unlike in a condition, no policy keeps another one from being asked."""
    if not policies:
        return _always(holds=False)
    first, *others = policies

    def judge(rows: Rows) -> Verdicts:
        verdicts = first(rows)
        for other in others:
            pairs = zip(verdicts, other(rows), strict=True)
            verdicts = [None if a is None or b is None else a or b for a, b in pairs]
        return verdicts

    return judge


def _compile(part: Predicate) -> Judge:
    match part:
        case Truth(holds):
            return _always(holds=holds)
        case Compare(field, comparison, value):
            return _compare(_column(field), comparison, value)
        case OneOf(field, values):
            return _one_of(_column(field), values)
        case Has(field):
            return _has(field)
        case Like(field, parts):
            return _like(_column(field), parts)
        case Not(inner):
            return _not(_compile(inner))
        case All(parts):
            return _chain(tuple(_compile(inner) for inner in parts), goes_on=True)
        case Any(parts):
            return _chain(tuple(_compile(inner) for inner in parts), goes_on=False)
        case _:
            raise TypeError(type(part).__name__)


def _always(*, holds: bool) -> Judge:
    return lambda rows: [holds] * len(rows)


def _column(field: tuple[str, ...]) -> Column:
    """Return what finds a field of each row; what is not there is found as None, which is no value."""
    first, *inner = field
    if not inner:
        return lambda rows: [row.get(first) for row in rows]

    def find(rows: Rows) -> list[JSON]:
        column: list[JSON] = [row.get(first) for row in rows]
        for name in inner:
            column = [value.get(name) if type(value) is dict else None for value in column]
        return column

    return find


def _compare(column: Column, comparison: Comparison, value: Scalar) -> Judge:
    if isinstance(value, bool):
        wanted = value == (comparison == "==")
        return lambda rows: [
            found is wanted if type(found) is bool else None for found in column(rows)
        ]
    if isinstance(value, str):
        compare = _COMPARE[comparison]
        return lambda rows: [
            compare(found, value) if type(found) is str else None for found in column(rows)
        ]
    numbers, compare = _numbers(column), _COMPARE[comparison]
    return lambda rows: [
        None if number is None else compare(number, value) for number in numbers(rows)
    ]


def _numbers(column: Column) -> Column:
    return lambda rows: [
        value if type(value) is int and _LONG_MIN <= value <= _LONG_MAX else _whole(value)
        for value in column(rows)
    ]


def _whole(value: JSON) -> int | None:
    """Return a whole number of 64 bits that is written as `5.0`, as arguments may have it, too."""
    if type(value) is not float or not value.is_integer():
        return None
    return int(value) if _LONG_MIN <= value < _LONG_END else None


def _one_of(column: Column, values: tuple[Scalar, ...]) -> Judge:
    kind, allowed = type(values[0]), frozenset(values)
    if kind is int:
        numbers = _numbers(column)
        return lambda rows: [None if n is None else n in allowed for n in numbers(rows)]
    return lambda rows: [v in allowed if type(v) is kind else None for v in column(rows)]


def _has(field: tuple[str, ...]) -> Judge:
    *way, last = field
    if not way:
        return lambda rows: [row.get(last) is not None for row in rows]
    above = _column(tuple(way))
    return lambda rows: [
        found.get(last) is not None if type(found) is dict else None for found in above(rows)
    ]


def _like(column: Column, parts: tuple[str, ...]) -> Judge:
    return lambda rows: [
        is_like(found, parts) if type(found) is str else None for found in column(rows)
    ]


def _not(part: Judge) -> Judge:
    return lambda rows: [None if holds is None else not holds for holds in part(rows)]


def _chain(parts: tuple[Judge, ...], *, goes_on: bool) -> Judge:
    """Left to right: the first that is not `goes_on` decides, and then it is no matter if others err."""
    first, *others = parts

    def judge(rows: Rows) -> Verdicts:
        verdicts = first(rows)
        for other in others:
            pairs = zip(verdicts, other(rows), strict=True)
            verdicts = [right if left is goes_on else left for left, right in pairs]
        return verdicts

    return judge
