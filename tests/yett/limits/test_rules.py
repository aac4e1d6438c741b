"""The configuration of limits: what falls back to what, and what is refused."""

import pytest

from yett.core.errors import ConfigurationError
from yett.core.quantities import Rate
from yett.limits.breaker import Breaker
from yett.limits.config import BreakerConfig, KeyLimits, LimitsConfig, ToolLimits
from yett.limits.demand import Budget
from yett.limits.parsing import parse, parse_budget
from yett.limits.rules import NamedRate, Rules


def problems_of(config: LimitsConfig, tools: dict[str, ToolLimits]) -> list[tuple[object, str]]:
    with pytest.raises(ConfigurationError) as caught:
        parse(config, tools)
    assert all(problem.fix for problem in caught.value.problems)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def rules(**config: object) -> Rules:
    return parse(LimitsConfig(**config), {})  # type: ignore[arg-type]  # fields of LimitsConfig


def test_nothing_configured_is_no_limit() -> None:
    assert parse(LimitsConfig(), {}).every_key.rates == ()


def test_a_field_that_a_key_leaves_empty_is_that_of_every_key() -> None:
    every = KeyLimits(rate="60/minute", concurrency=8, budget="10 USD/day")
    parsed = rules(
        every_key=every,
        keys={
            "a": KeyLimits(),
            "b": KeyLimits(rate=("1/second", "5/hour")),
            "c": KeyLimits(concurrency=1),
            "d": KeyLimits(budget="1 USD/month"),
        },
    )

    assert parsed.keys["a"] == parsed.every_key
    assert parsed.keys["b"].rates == (
        NamedRate("1/second", Rate(1, 1.0)),
        NamedRate("5/hour", Rate(5, 3600.0)),
    )
    assert parsed.keys["b"].concurrency == 8
    assert parsed.keys["c"].concurrency == 1
    assert parsed.keys["c"].rates == (NamedRate("60/minute", Rate(60, 60.0)),)
    assert parsed.keys["d"].budgets == (Budget("1 USD/month", 1_000_000, "USD", "month"),)


def test_a_rate_that_is_written_twice_counts_once() -> None:
    assert len(rules(every_key=KeyLimits(rate=("1/hour", "1/hour"))).every_key.rates) == 1


def test_the_breaker_is_configurable() -> None:
    parsed = rules(breaker=BreakerConfig(failures=5, cooldown="2m"))

    assert parsed.breaker == Breaker(5, 120.0)
    assert rules().breaker == Breaker(50, 30.0, 3_600.0)


def test_a_budget_in_another_currency_than_a_price_is_a_problem() -> None:
    found = problems_of(
        LimitsConfig(
            every_key=KeyLimits(budget="10 USD/day"),
            keys={"paris": KeyLimits(budget="10 EUR/day"), "rome": KeyLimits(budget="5 EUR/total")},
        ),
        {
            "github/a": ToolLimits(cost="0.002 USD"),
            "github/b": ToolLimits(cost="0.002 GBP"),
            "github/free": ToolLimits(cost="0 CHF"),
        },
    )

    assert [path for path, _ in found] == [
        ("servers", "github", "tools", "a", "cost"),
        ("servers", "github", "tools", "b", "cost"),
        ("servers", "github", "tools", "b", "cost"),
    ]
    assert "`limits.keys.paris.budget` is in EUR" in found[0][1]


def test_without_a_budget_prices_may_be_in_any_currency() -> None:
    tools = {"s/a": ToolLimits(cost="1 USD"), "s/b": ToolLimits(cost="1 EUR")}

    assert parse(LimitsConfig(), tools).currencies == ("EUR", "USD")


@pytest.mark.parametrize("cost", ["-1 USD", "1e309 USD", "NaN USD", "0.0000001 USD", "1 usd", "1"])
def test_a_price_that_is_no_amount_is_a_problem(cost: str) -> None:
    """Threat D07."""
    found = problems_of(LimitsConfig(), {"github/a/b": ToolLimits(cost=cost)})

    assert [path for path, _ in found] == [("servers", "github", "tools", "a/b", "cost")]


def test_every_problem_is_reported_at_once() -> None:
    found = problems_of(
        LimitsConfig(
            every_key=KeyLimits(rate="0/minute", budget="10 USD"),
            keys={"a": KeyLimits(rate=("1/minute", "1/fortnight"))},
            breaker=BreakerConfig(cooldown="soon"),
        ),
        {"s/t": ToolLimits(rate="often", rate_total="seldom", cost="much")},
    )

    assert [path for path, _ in found] == [
        ("limits", "every_key", "rate"),
        ("limits", "every_key", "budget"),
        ("limits", "keys", "a", "rate"),
        ("servers", "s", "tools", "t", "cost"),
        ("servers", "s", "tools", "t", "rate"),
        ("servers", "s", "tools", "t", "rate_total"),
        ("limits", "breaker", "cooldown"),
    ]


@pytest.mark.parametrize(
    "text", ["10 USD/year", "10 USD", "USD/day", "10/day", "-1 USD/day", "10 USD/day/day"]
)
def test_what_is_no_budget_does_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="such as"):
        parse_budget(text)
