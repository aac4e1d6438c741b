"""The configuration of limits: what falls back to what, and what is refused."""

import pytest

from yett.core.errors import ConfigurationError
from yett.core.identity import Principal
from yett.core.operations import Kind
from yett.core.quantities import Rate
from yett.core.target import Target
from yett.limits.breaker import Breaker
from yett.limits.config import BreakerConfig, KeyLimits, LimitsConfig, TeamLimits, ToolLimits
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


def test_a_price_that_no_budget_has_room_for_is_a_problem() -> None:
    dear = {"s/t": ToolLimits(cost="2 USD")}
    found = problems_of(
        LimitsConfig(
            every_key=KeyLimits(budget="1 USD/day"), keys={"a": KeyLimits(budget="1.5 USD/month")}
        ),
        dear,
    )

    assert [path for path, _ in found] == [("servers", "s", "tools", "t", "cost")]
    assert "1 USD/day, 1.5 USD/month" in found[0][1]
    for good in (
        LimitsConfig(
            every_key=KeyLimits(budget="1 USD/day"), keys={"a": KeyLimits(budget="2 USD/day")}
        ),
        LimitsConfig(every_key=KeyLimits(budget="0 USD/day")),
        LimitsConfig(every_key=KeyLimits(budget="1 USD/day", observe=True)),
        LimitsConfig(keys={"a": KeyLimits(budget="1 USD/day")}),
    ):
        assert parse(good, dear).currency == "USD"


def test_a_currency_that_nobody_knows_is_a_problem_unless_it_is_declared() -> None:
    tools = {"s/t": ToolLimits(cost="1 CRD")}
    ((path, message),) = problems_of(LimitsConfig(), tools)

    assert path == ("servers", "s", "tools", "t", "cost")
    assert "CRD is no currency" in message
    assert parse(LimitsConfig(currencies=("CRD",)), tools).currencies == ("CRD",)


@pytest.mark.parametrize(
    "config",
    [
        LimitsConfig(time_zone="Mars/Base"),
        LimitsConfig(teams={"t": TeamLimits(keys=("a",), time_zone="../etc/passwd")}),
        LimitsConfig(every_key=KeyLimits(rate="10/minute burst 11")),
        LimitsConfig(every_key=KeyLimits(input="10 TB/day")),
        LimitsConfig(every_key=KeyLimits(output="10/day")),
        LimitsConfig(breaker=BreakerConfig(identical="often")),
    ],
    ids=repr,
)
def test_what_does_not_read_is_a_problem(config: LimitsConfig) -> None:
    assert len(problems_of(config, {})) == 1


def test_what_a_section_observes_is_what_it_says_itself() -> None:
    parsed = rules(
        every_key=KeyLimits(rate="1/second", budget="1 USD/day", concurrency=3),
        keys={"a": KeyLimits(rate="2/second", observe=True)},
    ).keys["a"]

    assert [rate.observed for rate in parsed.rates] == [True]
    assert [budget.observed for budget in parsed.budgets] == [False]
    assert not parsed.observed


def test_a_key_may_be_in_several_teams_and_pays_for_all() -> None:
    parsed = rules(
        teams={
            "red": TeamLimits(keys=("a", "b"), budget="1 USD/day"),
            "blue": TeamLimits(keys=("b",), rate="1/hour", time_zone="Asia/Tokyo"),
        }
    )
    target = Target(kind=Kind.TOOL, server="s", name="t", public_name="s__t")
    demand = parsed.demand(Principal(id="k", name="b", tenant="acme"), target)

    assert [one.account for one in demand.accounts] == [
        "USD key k",
        "USD team red",
        "USD team blue",
        "USD tenant acme",
    ]
    assert demand.accounts[2].zone == "Asia/Tokyo"
    assert [one.key for one in demand.rates] == ["team 1/hour blue"]
