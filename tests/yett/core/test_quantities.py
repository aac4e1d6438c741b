"""Rates, money and durations mean exactly what is written."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.core.quantities import Money, Rate, duration_seconds


@pytest.mark.parametrize(
    ("text", "count", "period"),
    [
        ("1/second", 1, 1),
        ("10/minute", 10, 60),
        ("5/hour", 5, 3600),
        ("999999999/day", 999999999, 86400),
    ],
)
def test_a_rate_is_a_count_in_a_period(text: str, count: int, period: float) -> None:
    assert Rate.parse(text) == Rate(count, period)


@pytest.mark.parametrize(
    "text",
    ["", "0/minute", "-1/minute", "01/minute", "1.5/minute", "10/Minute", "10/fortnight", "10 / minute",
     "10/minute\n", "10", "/minute", "1e3/minute", "٣/minute", "1234567890/day"],
)  # fmt: skip
def test_what_is_not_a_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        Rate.parse(text)


@given(st.integers(0, 999_999_999), st.integers(0, 999_999))
def test_money_is_exact_to_the_millionth(whole: int, millionths: int) -> None:
    money = Money.parse(f"{whole}.{millionths:06} USD")

    assert money == Money(whole * 1_000_000 + millionths, "USD")
    assert Money.parse(str(money)) == money


@pytest.mark.parametrize(
    ("text", "micros"),
    [("0 USD", 0), ("0.000001 EUR", 1), ("0.1 USD", 100_000), ("10 JPY", 10_000_000)],
)
def test_an_amount_is_counted_in_millionths(text: str, micros: int) -> None:
    money = Money.parse(text)

    assert (money.micros, money.currency) == (micros, text[-3:])
    assert Decimal(str(money).split(" ", maxsplit=1)[0]) == Decimal(micros) / 1_000_000


@pytest.mark.parametrize(
    "text",
    ["", "1", "USD", "1 usd", "1USD", "-1 USD", "0.0000001 USD", "1e3 USD", "1. USD", ".5 USD",
     "1 USD\n", " 1 USD", "1,5 USD", "٣ USD", "NaN USD", "Infinity USD", "1234567890 USD"],
)  # fmt: skip
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        Money.parse(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("1.5m", 90), ("24h", 86_400), ("90d", 7_776_000), ("0s", 0)],
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "30", "s", "-1s", "1 s", "1S", "1w", "1s\n", "1.s", "1.2345s", "1e3s", "٣s", "infs"],
)
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        duration_seconds(text)
