"""What a call costs: by its arguments, by its result, and never less than nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.core.errors import Denied
from yett.core.reasons import Reason
from yett.limits.config import Cost
from yett.limits.prices import ArgumentPrice, ResultPrice, read_price


def by_argument(per: str, most: str | None = None, base: str | None = None) -> ArgumentPrice:
    found = read_price(Cost(amount="0.002 USD", per=per, most=most, base=base)).by_argument
    assert found
    return found


@pytest.mark.parametrize(
    ("per", "arguments", "micros"),
    [
        ("1000 characters of /text", {"text": "x" * 1500}, 3_000),
        ("1000 characters of /text", {"text": ""}, 0),
        ("1000 characters of /text", {"text": "x"}, 2),
        ("3 characters of /text", {"text": "x"}, 667),  # rounded up
        ("1 bytes of /text", {"text": "ü"}, 4_000),
        ("1 bytes of /list", {"list": [1, 2]}, 10_000),
        ("1 items of /a/0/b", {"a": [{"b": [1, 2, 3]}]}, 6_000),
        ("1 units of /n", {"n": 5}, 10_000),
        ("1 units of /n", {"n": 2.5}, 6_000),
        ("60 units of /n", {"n": 61}, 2_034),
    ],
)
def test_it_goes_by_what_is_at_the_pointer(
    per: str, arguments: dict[str, Any], micros: int
) -> None:
    assert by_argument(per).of(arguments) == micros


@pytest.mark.parametrize(
    ("per", "arguments"),
    [
        ("1 characters of /text", {}),
        ("1 characters of /text", {"text": 5}),
        ("1 items of /list", {"list": "abc"}),
        ("1 units of /n", {"n": -1}),
        ("1 units of /n", {"n": True}),
        ("1 units of /n", {"n": "5"}),
        ("1 units of /n", {"n": 1e300}),
        ("1 units of /a/9", {"a": [1]}),
    ],
)
def test_a_price_that_cannot_be_told_is_the_most_or_the_call_is_refused(
    per: str, arguments: dict[str, Any]
) -> None:
    """Threat D07."""
    assert by_argument(per, most="0.5 USD").of(arguments) == 500_000
    with pytest.raises(Denied) as caught:
        by_argument(per).of(arguments)
    assert caught.value.reason is Reason.INVALID_INPUT


def test_a_price_beyond_all_money_is_refused_before_anybody_adds_it_up() -> None:
    """Attack: one call whose price is no number of a database ends the calls of others that are asked with it."""
    found = read_price(Cost(amount="1000 USD", per="1 units of /n")).by_argument
    assert found
    assert found.of({"n": 1_000_000}) == 10**15
    for n in (1_000_001, 999_999_999_999):
        with pytest.raises(Denied) as caught:
            found.of({"n": n})
        assert caught.value.reason is Reason.INVALID_INPUT


def test_a_base_is_added_and_the_most_is_the_most() -> None:
    price = by_argument("1 characters of /text", most="0.05 USD", base="0.01 USD")

    assert [price.of({"text": "x" * size}) for size in (0, 1, 10_000)] == [10_000, 12_000, 50_000]


PRICE = ResultPrice("/usage/usd", 500_000)


@pytest.mark.parametrize(
    ("told", "micros"),
    [
        (0, 0), (0.0123, 12_300), (0.5, 500_000), ("0.0123", 12_300), (1e-9, 1),
        (-1, None), (0.500001, None), (1e300, None), (True, None), (None, None), ([], None),
        ("NaN", None), ("Infinity", None), ("1e309", None), ("1e9999999", None), ("-0.1", None), ("0x1", None),
        ("9" * 100, None), ("", None), ({"usd": 1}, None),
    ],
)  # fmt: skip
def test_only_what_can_be_is_believed_of_a_result(told: object, micros: int | None) -> None:
    """Threat D07."""
    assert PRICE.of({"structuredContent": {"usage": {"usd": told}}}) == micros


def test_a_single_text_that_is_json_counts_as_content() -> None:
    text = [{"type": "text", "text": '{"usage":{"usd":0.1}}'}]

    assert PRICE.of({"content": text}) == 100_000
    assert PRICE.of({"content": text * 2}) is None
    assert PRICE.of({"content": [{"type": "text", "text": "0.1"}]}) is None
    assert PRICE.of({"content": text, "structuredContent": {}}) is None
    assert PRICE.of(None) is None


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_whatever_a_result_says_it_costs_between_nothing_and_the_most(said: object) -> None:
    found = PRICE.of({"structuredContent": {"usage": {"usd": said}}})

    assert found is None or 0 <= found <= PRICE.most_micros


@pytest.mark.parametrize(
    "cost",
    [
        Cost(),
        Cost(amount="1 USD"),
        Cost(per="1 items of /a"),
        Cost(amount="0 USD", per="1 items of /a"),
        Cost(amount="1 USD", per="0 items of /a"),
        Cost(amount="1 USD", per="1 miles of /a"),
        Cost(amount="1 USD", per="1 items of a"),
        Cost(amount="1 USD", per="1 items of /a", most="1 EUR"),
        Cost(amount="1 USD", per="1 items of /a", base="1 EUR"),
        Cost(result="/a"),
        Cost(result="a", most="1 USD"),
        Cost(result="/a", most="0 USD"),
        Cost(result="/a", most="1 USD", base="1 USD"),
        Cost(result="/a", most="-1 USD"),
    ],
    ids=repr,
)
def test_what_is_no_price_does_not_read(cost: Cost) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_price(cost)
