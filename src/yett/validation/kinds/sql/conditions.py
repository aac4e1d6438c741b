"""A condition on rows, written as SQL that says the same of the same rows.

What errs in a policy hides the row: a field that is not there, or is null, or of another type. SQL has
NULL for "neither", but its AND, OR and NOT go on with it in their own way, while a policy is read from left
to right and errs at the first error. So what decides is a CASE that is TRUE, FALSE or NULL exactly where
the condition holds, does not hold, or errs (Cedar reference, "Semantics of conditions").
"""

from typing import Final, Protocol, final

from yett.core.predicate import (
    All,
    Any,
    Compare,
    Has,
    Like,
    Not,
    OneOf,
    Predicate,
    RowRule,
    Scalar,
    Truth,
)
from yett.validation.kinds.port import Unfit

ROW: Final = "yett_row"
"""What the row is called; no statement may use it otherwise."""

_DEPTH_MAX: Final = 12
_TEXT_MAX: Final = 8_000


class Unwritable(Unfit):
    """SQL cannot say it, so nothing is sent."""


class Dialect(Protocol):
    """Writes what databases say in different ways: TRUE, FALSE, or NULL where it errs."""

    def text(self, field: str, comparison: str, values: tuple[str, ...]) -> str:
        """comparison: = or !=; with =, one of several values is enough.

        Raises:
            Unwritable: it cannot be said here.
        """
        ...

    def number(self, field: str, comparison: str, values: tuple[int, ...]) -> str:
        """comparison: one of SQL's; with =, one of several values is enough.

        Raises:
            Unwritable: it cannot be said here.
        """
        ...

    def truth(self, field: str, *, value: bool) -> str:
        """Raises:
        Unwritable: it cannot be said here.
        """
        ...

    def like(self, field: str, parts: tuple[str, ...]) -> str:
        """Raises:
        Unwritable: it cannot be said here.
        """
        ...


def column(name: str) -> str:
    """Return a field of the row, so that no other table's can be meant."""
    if not name or "\0" in name:
        raise Unwritable("cannot be narrowed to the caller's rows: a field has no name")
    return '"{}"."{}"'.format(ROW, name.replace('"', '""'))


def literal(text: str) -> str:
    if "\0" in text:
        raise Unwritable("cannot be narrowed to the caller's rows: SQL has no such text")
    return "'{}'".format(text.replace("'", "''"))


def condition_of(rule: RowRule, dialect: Dialect) -> str:
    """Return what is true of a row exactly if the caller may see it.

    Raises:
        Unwritable: SQL cannot say it.
    """
    writer = _Writer(dialect)
    if not rule.permits:
        return "FALSE"
    if len(rule.permits) == 1 and not rule.forbids:
        return _bounded(writer.positive(rule.permits[0], 0))
    permits = [writer.write(part, 0) for part in rule.permits]
    forbids = [writer.write(part, 0) for part in rule.forbids]
    clauses = [f"({' OR '.join(_case(part, TRUE='TRUE') for part in permits)})"]
    clauses += [_case(part, TRUE="TRUE", FALSE="TRUE") for part in permits]
    clauses += [_case(part, FALSE="TRUE") for part in forbids]
    return _bounded(" AND ".join(clauses))


def _case(condition: str, *, TRUE: str = "FALSE", FALSE: str = "FALSE") -> str:  # noqa: N803 - as in SQL
    """Return what is this of a condition that is TRUE or FALSE, and FALSE where it errs. Only by CASE: the
    writers of SQL lose parentheses around what stands before IS."""
    return f"CASE ({condition}) WHEN TRUE THEN {TRUE} WHEN FALSE THEN {FALSE} ELSE FALSE END"


def _bounded(text: str) -> str:
    if len(text) > _TEXT_MAX:
        raise Unwritable("cannot be narrowed to the caller's rows: the condition is too long")
    return text


@final
class _Writer:
    __slots__ = ("_dialect",)

    def __init__(self, dialect: Dialect) -> None:
        self._dialect: Final = dialect

    def positive(self, part: Predicate, depth: int) -> str:
        """Where only TRUE counts, a plain AND says the same, and databases find an index for it."""
        if isinstance(part, All) and part.parts:
            return " AND ".join(f"({self.positive(inner, depth + 1)})" for inner in part.parts)
        return self.write(part, depth)

    def write(self, part: Predicate, depth: int) -> str:
        if depth > _DEPTH_MAX:
            raise Unwritable("cannot be narrowed to the caller's rows: the condition is too deep")
        match part:
            case Truth(holds):
                return "TRUE" if holds else "FALSE"
            case Compare(field, comparison, value):
                return self._compare(_only(field), comparison, value)
            case OneOf(field, values):
                return self._one_of(_only(field), values)
            case Has(field):
                return f"{column(_only(field))} IS NOT NULL"
            case Like(field, parts):
                return self._dialect.like(_only(field), parts)
            case Not(inner):
                text = self.write(inner, depth + 1)
                return f"CASE ({text}) WHEN TRUE THEN FALSE WHEN FALSE THEN TRUE END"
            case All(parts):
                return self._chain(parts, depth, goes_on="TRUE", ends="FALSE")
            case Any(parts):
                return self._chain(parts, depth, goes_on="FALSE", ends="TRUE")
            case _:
                raise Unwritable("cannot be narrowed to the caller's rows")

    def _chain(self, parts: tuple[Predicate, ...], depth: int, *, goes_on: str, ends: str) -> str:
        """Left to right, until one ends it or errs; a CASE without a match is NULL."""
        if not parts:
            return goes_on
        *before, last = (self.write(part, depth + 1) for part in parts)
        text = last
        for part in reversed(before):
            text = f"CASE ({part}) WHEN {goes_on} THEN ({text}) WHEN {ends} THEN {ends} END"
        return text

    def _compare(self, field: str, comparison: str, value: Scalar) -> str:
        sign = "=" if comparison == "==" else comparison
        if isinstance(value, bool):
            if sign not in ("=", "!="):
                raise Unwritable("cannot be narrowed to the caller's rows: truth has no order")
            return self._dialect.truth(field, value=value == (sign == "="))
        if isinstance(value, int):
            return self._dialect.number(field, sign, (value,))
        if sign not in ("=", "!="):
            raise Unwritable("cannot be narrowed to the caller's rows: texts have no order")
        return self._dialect.text(field, sign, (value,))

    def _one_of(self, field: str, values: tuple[Scalar, ...]) -> str:
        texts = tuple(value for value in values if isinstance(value, str))
        numbers = tuple(
            value for value in values if isinstance(value, int) and not isinstance(value, bool)
        )
        if values and len(texts) == len(values):
            return self._dialect.text(field, "=", texts)
        if values and len(numbers) == len(values):
            return self._dialect.number(field, "=", numbers)
        if not values:
            return f"CASE WHEN {column(field)} IS NOT NULL THEN FALSE END"
        raise Unwritable("cannot be narrowed to the caller's rows: the values are of several types")


def _only(field: tuple[str, ...]) -> str:
    if len(field) != 1:
        raise Unwritable("cannot be narrowed to the caller's rows: a column has no fields")
    return field[0]
