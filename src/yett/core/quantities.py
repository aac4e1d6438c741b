"""Rates, money and durations as an operator writes them: `10/minute`, `0.002 USD`, `90d`."""

import re
from decimal import Decimal
from typing import Annotated, Final, final

import msgspec

RATE_PATTERN: Final = (
    r"^[1-9][0-9]{0,8}/(second|minute|hour|day|week|[1-9][0-9]{0,5}(s|m|h|d))"
    r"( burst [1-9][0-9]{0,8})?$"
)
BYTES_PATTERN: Final = (
    r"^[1-9][0-9]{0,5} (B|kB|MB|GB)/(second|minute|hour|day|week|[1-9][0-9]{0,5}(s|m|h|d))$"
)
MONEY_PATTERN: Final = r"^[0-9]{1,9}(\.[0-9]{1,6})? [A-Z]{3}$"
BUDGET_PATTERN: Final = r"^[0-9]{1,9}(\.[0-9]{1,6})? [A-Z]{3}/(day|week|month|total)$"
DURATION_PATTERN: Final = r"^[0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h|d)$"

Duration = Annotated[str, msgspec.Meta(pattern=DURATION_PATTERN)]
"""How a duration stands in the configuration; `duration_seconds` reads it."""

_PERIOD_SECONDS: Final = {
    "second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0,
}  # fmt: skip
_UNIT_BYTES: Final = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_UNIT_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@final
class Rate(msgspec.Struct, frozen=True):
    """So many in a period, evenly: one each period_seconds / count. burst: that many may come at once after
    a pause; 0: as many as `count`."""

    count: int
    period_seconds: float
    burst: int = 0

    @property
    def at_once(self) -> int:
        return self.burst or self.count

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read `10/minute`, `10/90s` or `60/minute burst 5`.

        Raises:
            ValueError: the text is not a rate, or lets more come at once than in its period.
        """
        if not re.fullmatch(RATE_PATTERN, text):
            raise ValueError(
                f"`{text}` is not a rate such as 10/minute, 10/90s or 60/minute burst 5"
            )
        plain, _, burst = text.partition(" burst ")
        count, period = plain.split("/")
        rate = cls(int(count), _period_seconds(period), int(burst or 0))
        if rate.burst > rate.count:
            raise ValueError(f"`{text}` lets more come at once than in its period")
        return rate

    @classmethod
    def parse_bytes(cls, text: str) -> "Rate":
        """Read `10 MB/day` as a rate of bytes.

        Raises:
            ValueError: the text is not one.
        """
        if not re.fullmatch(BYTES_PATTERN, text):
            raise ValueError(f"`{text}` is not a rate of bytes such as 10 MB/day")
        amount, period = text.split("/")
        number, unit = amount.split(" ")
        return cls(int(number) * _UNIT_BYTES[unit], _period_seconds(period))


@final
class Money(msgspec.Struct, frozen=True):
    """An exact amount: `micros` are millionths of one unit of `currency` (ISO 4217)."""

    micros: int
    currency: str

    @classmethod
    def parse(cls, text: str) -> "Money":
        """Read `0.002 USD`.

        Raises:
            ValueError: the text is not an amount.
        """
        if not re.fullmatch(MONEY_PATTERN, text):
            raise ValueError(f"`{text}` is not an amount such as 0.002 USD")
        number, currency = text.split(" ")
        return cls(int(Decimal(number) * 1_000_000), currency)

    def __str__(self) -> str:
        return f"{Decimal(self.micros) / 1_000_000:f} {self.currency}"


def duration_seconds(text: str) -> float:
    """Read `90d`, `30s` or `250ms` as seconds.

    Raises:
        ValueError: the text is not a duration.
    """
    if not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"`{text}` is not a duration such as 30s or 90d")
    unit = text.lstrip("0123456789.")
    return float(text[: -len(unit)]) * _UNIT_SECONDS[unit]


def _period_seconds(word: str) -> float:
    return _PERIOD_SECONDS.get(word) or duration_seconds(word)
