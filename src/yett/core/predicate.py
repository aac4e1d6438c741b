"""A condition on one row of data, as a value: whoever filters rows reads it, whoever rewrites SQL writes it.

Authorization makes it from what is left of a policy once the caller is known; sanitising applies it
to answers and validation to statements. It is closed: what cannot be said in it cannot be applied,
and then nothing is let through.
"""

from typing import Literal, final

import msgspec

Scalar = str | int | bool
"""Of what Cedar knows: strings, whole numbers of 64 bits, truth values."""

Comparison = Literal["==", "!=", "<", "<=", ">", ">="]


class Predicate(msgspec.Struct, frozen=True):
    """One of the classes below, and nothing else."""


@final
class Truth(Predicate, frozen=True):
    """Every row, or none."""

    holds: bool


@final
class Compare(Predicate, frozen=True):
    """Compare a field with a value. field: names from the row inwards. A field that is not there, or is of
    another type than the value, makes the comparison an error, and the row is not shown."""

    field: tuple[str, ...]
    comparison: Comparison
    value: Scalar


@final
class OneOf(Predicate, frozen=True):
    """The field has one of these values."""

    field: tuple[str, ...]
    values: tuple[Scalar, ...]


@final
class Has(Predicate, frozen=True):
    """The row has this field, and it is not null."""

    field: tuple[str, ...]


@final
class Like(Predicate, frozen=True):
    """The field is a text of this form. parts: literal texts, with anything between two of them."""

    field: tuple[str, ...]
    parts: tuple[str, ...]


@final
class Not(Predicate, frozen=True):
    part: Predicate


@final
class All(Predicate, frozen=True):
    """Left to right; the first that does not hold decides."""

    parts: tuple[Predicate, ...]


@final
class Any(Predicate, frozen=True):
    """Left to right; the first that holds decides."""

    parts: tuple[Predicate, ...]


@final
class RowRule(msgspec.Struct, frozen=True):
    """What a caller sees of the rows of one tool. permits, forbids: of each policy that applies; a row is
    shown if one of `permits` holds, none of `forbids` does, and nothing errs. policies: their ids."""

    permits: tuple[Predicate, ...]
    forbids: tuple[Predicate, ...]
    policies: tuple[str, ...]


def is_like(text: str, parts: tuple[str, ...]) -> bool:
    """Tell whether a text has the form that `Like` asks for."""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return text == first
    if not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in parts[1:-1]:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return place <= end
