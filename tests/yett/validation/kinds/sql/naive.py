"""A rule applied to one row, as plainly as it can be said (`core/predicate.py`)."""

import operator
import re
from collections.abc import Callable
from typing import Final

from yett.core.predicate import All, Any, Compare, Has, Like, Not, OneOf, Predicate, RowRule, Truth

_OPERATORS: Final[dict[str, Callable[..., bool]]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class Erring(Exception):
    """The field is not there, or of another type."""


def is_shown(row: dict[str, object], rule: RowRule) -> bool:
    try:
        permitted = [holds(row, part) for part in rule.permits]
        forbidden = [holds(row, part) for part in rule.forbids]
    except Erring:
        return False
    return any(permitted) and not any(forbidden)


def holds(row: dict[str, object], part: Predicate) -> bool:
    match part:
        case Truth(value):
            return value
        case Has(field):
            return row.get(field[0]) is not None
        case Compare(field, comparison, value):
            compare: Callable[[object, object], bool] = _OPERATORS[comparison]
            return compare(_value(row, field, type(value)), value)
        case OneOf(field, values):
            kind = type(values[0]) if values else object
            return _value(row, field, kind) in values
        case Like(field, parts):
            pattern = ".*".join(map(re.escape, parts))
            return bool(re.fullmatch(pattern, str(_value(row, field, str)), re.DOTALL))
        case Not(inner):
            return not holds(row, inner)
        case All(parts):
            return all(holds(row, inner) for inner in parts)
        case Any(parts):
            return any(holds(row, inner) for inner in parts)
        case _:
            raise AssertionError


def _value(row: dict[str, object], field: tuple[str, ...], kind: type) -> object:
    value = row.get(field[0])
    if value is None or (kind is not object and type(value) is not kind):
        raise Erring
    return value
