"""What a call costs: known before by its arguments, or after by its result. Pure.

All amounts are whole micros and rounded up. What a caller or a server says never makes a call cheaper
than nothing nor dearer than what was put aside for it.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Final, Literal, final

import msgspec

from yett.core.document import DocumentError, encode, parse
from yett.core.errors import Denied
from yett.core.pointer import split_pointer
from yett.core.quantities import Money
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.limits.config import PER_PATTERN, Cost

_MICROS: Final = 1_000_000
_ANY_MICROS_MAX: Final = 10**15
"""More than any budget can be; beyond it a database of several gates could not add it up any more, nor what others
ask of it at the same time."""
_TEXT_MAX: Final = 40
_MISSING: Final = object()
Measure = Literal["characters", "bytes", "items", "units"]


@final
class ArgumentPrice(msgspec.Struct, frozen=True):
    """base + amount for each `per` of what is at `pointer`. most_micros: None: there is no end to it."""

    base_micros: int
    amount_micros: int
    per: int
    measure: Measure
    pointer: str
    most_micros: int | None

    def of(self, arguments: dict[str, JSON]) -> int:
        """Return what a call with these arguments costs.

        Raises:
            Denied: INVALID_INPUT, it cannot be told or is beyond all money, and no most is set.
        """
        size = _measure(_find(arguments, self.pointer), self.measure)
        micros = 0 if size is None else self.base_micros + -(-size * self.amount_micros // self.per)
        if size is None or micros > _ANY_MICROS_MAX:
            if self.most_micros is None:
                raise Denied(
                    Reason.INVALID_INPUT,
                    f"the price goes by the {self.measure} of {self.pointer}",
                    pointer=self.pointer,
                )
            return self.most_micros
        return micros if self.most_micros is None else min(micros, self.most_micros)


@final
class ResultPrice(msgspec.Struct, frozen=True):
    """The number at `pointer` of the structured content, in units of the currency."""

    pointer: str
    most_micros: int

    def of(self, result: dict[str, JSON] | None) -> int | None:
        """Return what the call did cost; None if the result does not say so, or says what cannot be: then
        it costs the most."""
        found = _find(_content(result), self.pointer)
        if isinstance(found, bool) or not isinstance(found, int | float | Decimal | str):
            return None
        if isinstance(found, str) and len(found) > _TEXT_MAX:
            return None
        try:
            number = Decimal(str(found))
        except InvalidOperation:
            return None
        # Compared before it is multiplied: of 1e9999999 even the product has no value.
        if not number.is_finite() or not 0 <= number <= Decimal(self.most_micros) / _MICROS:
            return None
        return int((number * _MICROS).to_integral_value(rounding="ROUND_CEILING"))


@final
class Price(msgspec.Struct, frozen=True):
    """most_micros: what is put aside when nothing varies it. varying: how it is told otherwise."""

    currency: str
    most_micros: int
    by_argument: ArgumentPrice | None = None
    by_result: ResultPrice | None = None

    def describe(self) -> str:
        return str(Money(self.most_micros, self.currency))


def read_price(cost: str | Cost) -> Price:
    """Read the `cost` of a tool.

    Raises:
        ValueError: it does not read; says how it should.
    """
    if isinstance(cost, str):
        money = Money.parse(cost)
        return Price(money.currency, money.micros)
    if cost.result is not None:
        return _by_result(cost, cost.result)
    if cost.amount is None or cost.per is None:
        raise ValueError("a cost has `amount` and `per`, or `result` and `most`")
    amount = Money.parse(cost.amount)
    base = Money.parse(cost.base) if cost.base else Money(0, amount.currency)
    most = Money.parse(cost.most) if cost.most else None
    if {amount.currency, base.currency, most.currency if most else amount.currency} != {
        amount.currency
    }:
        raise ValueError("a cost is in one currency")
    found = re.fullmatch(PER_PATTERN, cost.per)
    if found is None or not amount.micros:
        raise ValueError("`per` reads like `1000 characters of /text`, and `amount` is not nothing")
    number, measure = cost.per.split(" ")[:2]
    rule = ArgumentPrice(
        base.micros,
        amount.micros,
        int(number),
        _MEASURES[measure],
        found.group(2),
        most.micros if most else None,
    )
    return Price(amount.currency, most.micros if most else base.micros, by_argument=rule)


_MEASURES: Final[dict[str, Measure]] = {
    "characters": "characters",
    "bytes": "bytes",
    "items": "items",
    "units": "units",
}


def _by_result(cost: Cost, pointer: str) -> Price:
    if cost.most is None or cost.amount or cost.per or cost.base:
        raise ValueError(
            "a cost that the result tells needs `most`, which is put aside before, and nothing else"
        )
    if not pointer.startswith("/"):
        raise ValueError("`result` is a JSON pointer such as /usage/usd")
    most = Money.parse(cost.most)
    if not most.micros:
        raise ValueError("`most` is not nothing")
    return Price(most.currency, most.micros, by_result=ResultPrice(pointer, most.micros))


def _content(result: dict[str, JSON] | None) -> JSON:
    """Return the structured content of a result, or of a single text what it says as JSON."""
    if result is None:
        return None
    content = result.get("structuredContent")
    if content is not None:
        return content
    match result.get("content"):
        case [{"type": "text", "text": str(text)}]:
            try:
                return parse(text.encode())
            except (DocumentError, UnicodeEncodeError):
                return None
        case _:
            return None


def _find(document: JSON, pointer: str) -> JSON:
    found = document
    for name in split_pointer(pointer):
        if isinstance(found, dict):
            found = found.get(name, _MISSING)
        elif isinstance(found, list) and name.isascii() and name.isdigit() and len(name) < 10:  # noqa: PLR2004 - digits
            index = int(name)
            found = found[index] if index < len(found) else _MISSING
        else:
            return _MISSING
    return found


def _measure(found: JSON, measure: Measure) -> int | None:
    """Return how much there is of it; None if it cannot be told."""
    match measure:
        case "characters":
            return len(found) if isinstance(found, str) else None
        case "bytes":
            if found is _MISSING:
                return None
            return len(found.encode()) if isinstance(found, str) else len(encode(found))
        case "items":
            return len(found) if isinstance(found, list | dict) else None
        case "units":
            return _whole(found)


def _whole(found: JSON) -> int | None:
    """Round a number up. One that is negative or not a number says nothing about a price."""
    if isinstance(found, bool) or not isinstance(found, int | float | Decimal):
        return None
    number = Decimal(str(found))
    if not number.is_finite() or not 0 <= number < _MICROS * _MICROS:
        return None
    return int(number.to_integral_value(rounding="ROUND_CEILING"))
