"""The configuration, parsed once, and what of it applies to one caller, prepared once per caller."""

import sys
from collections.abc import Callable, Mapping
from typing import Final, TypeVar, final

import msgspec

from yett.core.errors import ConfigurationError, Problem
from yett.core.identity import Principal
from yett.core.quantities import Money, Rate, duration_seconds
from yett.core.target import Target
from yett.limits.breaker import Breaker
from yett.limits.config import KeyLimits, LimitsConfig, Rates, ToolLimits
from yett.limits.port import PERIODS, Counter, Meter, Period

CURRENCY_DEFAULT: Final = "USD"

_Path = tuple[str | int, ...]
_Parsed = TypeVar("_Parsed")
Keys = tuple[tuple[str, Rate], ...]
"""Names of counted things, each with its rate, as `Counter.take` wants them."""


@final
class Budget(msgspec.Struct, frozen=True):
    """text: as the operator wrote it."""

    text: str
    micros: int
    currency: str
    period: Period


@final
class KeyRules(msgspec.Struct, frozen=True):
    """rates: by the text that the operator wrote. concurrency: None is no limit."""

    rates: dict[str, Rate] = {}
    concurrency: int | None = None
    budget: Budget | None = None


@final
class ToolRules(msgspec.Struct, frozen=True):
    rates: dict[str, Rate] = {}
    rates_total: dict[str, Rate] = {}
    price: Money = Money(0, CURRENCY_DEFAULT)


@final
class ToolPlan(msgspec.Struct, frozen=True):
    """One caller and one tool: every rate that applies, and the account that pays. meter: counts by
    all these rates; None where there is none."""

    keys: Keys
    meter: Meter | None = None
    cost_micros: int = 0
    currency: str = CURRENCY_DEFAULT
    account: str = ""


@final
class CallerPlan(msgspec.Struct, frozen=True):
    """One caller. tools: by `server/tool`, filled as they are called; plain: any other target."""

    name: str
    rules: KeyRules
    keys: Keys
    concurrency: int
    budget: Budget | None
    budget_account: str
    plain: ToolPlan
    tools: dict[str, ToolPlan]


@final
class Rules(msgspec.Struct, frozen=True):
    """keys: by the name of the key; `every_key` for all others. tools: by (server, name)."""

    every_key: KeyRules
    keys: dict[str, KeyRules]
    tools: dict[tuple[str, str], ToolRules]
    breaker: Breaker
    currencies: tuple[str, ...]

    def plan(self, principal: Principal, counter: Counter) -> CallerPlan:
        rules = self.keys.get(principal.name, self.every_key)
        keys = tuple((f"key {text} {principal.id}", rate) for text, rate in rules.rates.items())
        budget = rules.budget
        return CallerPlan(
            name=principal.name,
            rules=rules,
            keys=keys,
            concurrency=sys.maxsize if rules.concurrency is None else rules.concurrency,
            budget=budget,
            budget_account=account_name(budget.currency, principal.id) if budget else "",
            plain=ToolPlan(keys, counter.meter(keys) if keys else None),
            tools={},
        )

    def plan_tool(
        self, caller: CallerPlan, principal: Principal, target: Target, counter: Counter
    ) -> ToolPlan:
        """Prepare what `caller.tools` lacks. Only tools have rates and prices of their own."""
        rules = self.tools.get((target.server, target.name))
        if rules is None:
            plan = caller.plain
        else:
            # The length of the id keeps two pairs of id and tool from running into one name.
            own = f"{len(principal.id)} {principal.id} {target.key}"
            total = target.key
            keys = (
                *caller.keys,
                *((f"tool {text} {own}", rate) for text, rate in rules.rates.items()),
                *((f"total {text} {total}", rate) for text, rate in rules.rates_total.items()),
            )
            plan = ToolPlan(
                keys=keys,
                meter=counter.meter(keys) if keys else None,
                cost_micros=rules.price.micros,
                currency=rules.price.currency,
                account=account_name(rules.price.currency, principal.id),
            )
        caller.tools[target.key] = plan
        return plan


def account_name(currency: str, principal_id: str) -> str:
    """Name a caller's account in the ledger; a currency has three letters."""
    return f"{currency} {principal_id}"


def parse(config: LimitsConfig, tools: Mapping[str, ToolLimits]) -> Rules:
    """Read every quantity. `tools`: by `server/tool`.

    Raises:
        ConfigurationError: a quantity does not read, or prices and budgets differ in currency.
    """
    problems: list[Problem] = []
    every = _key_rules(config.every_key, KeyRules(), ("limits", "every_key"), problems)
    keys = {
        name: _key_rules(limits, every, ("limits", "keys", name), problems)
        for name, limits in config.keys.items()
    }
    tool_rules = {}
    for key, limits in tools.items():
        server, _, tool = key.partition("/")
        path = ("servers", server, "tools", tool)
        tool_rules[server, tool] = _tool_rules(limits, path, problems)
    breaker = Breaker(
        config.breaker.failures,
        _read(
            duration_seconds, config.breaker.cooldown, ("limits", "breaker", "cooldown"), problems
        )
        or Breaker().cooldown_seconds,
    )
    _check_currencies(every, keys, tool_rules, problems)
    if problems:
        raise ConfigurationError(problems)
    prices = {rules.price.currency for rules in tool_rules.values() if rules.price.micros}
    budgets = {rules.budget.currency for rules in (every, *keys.values()) if rules.budget}
    return Rules(every, keys, tool_rules, breaker, tuple(sorted(prices | budgets)))


def _key_rules(
    limits: KeyLimits, fallback: KeyRules, path: _Path, problems: list[Problem]
) -> KeyRules:
    """What a key's own section leaves empty holds as for every key."""
    rates = _rates(limits.rate, (*path, "rate"), problems)
    budget = fallback.budget
    if limits.budget is not None:
        budget = _read(parse_budget, limits.budget, (*path, "budget"), problems)
    return KeyRules(
        rates=rates or fallback.rates,
        concurrency=fallback.concurrency if limits.concurrency is None else limits.concurrency,
        budget=budget,
    )


def _tool_rules(limits: ToolLimits, path: _Path, problems: list[Problem]) -> ToolRules:
    price = None
    if limits.cost is not None:
        price = _read(Money.parse, limits.cost, (*path, "cost"), problems)
    return ToolRules(
        rates=_rates(limits.rate, (*path, "rate"), problems),
        rates_total=_rates(limits.rate_total, (*path, "rate_total"), problems),
        price=price or Money(0, CURRENCY_DEFAULT),
    )


def _rates(rates: Rates, path: _Path, problems: list[Problem]) -> dict[str, Rate]:
    texts = (rates,) if isinstance(rates, str) else rates
    read = {text: _read(Rate.parse, text, path, problems) for text in texts}
    return {text: rate for text, rate in read.items() if rate is not None}


def parse_budget(text: str) -> Budget:
    """Read `10 USD/day`.

    Raises:
        ValueError: the text is not a budget.
    """
    amount, _, word = text.partition("/")
    for period in PERIODS:
        if period == word:
            money = Money.parse(amount)
            return Budget(text, money.micros, money.currency, period)
    raise ValueError(f"`{text}` is not a budget such as 10 USD/day")


def _read(
    reader: Callable[[str], _Parsed], text: str, path: _Path, problems: list[Problem]
) -> _Parsed | None:
    try:
        return reader(text)
    except ValueError as error:
        problems.append(Problem(str(error), fix="Write it in the form of the example", path=path))
        return None


def _check_currencies(
    every: KeyRules,
    keys: Mapping[str, KeyRules],
    tools: Mapping[tuple[str, str], ToolRules],
    problems: list[Problem],
) -> None:
    """Money is not converted, so a budget can only bound prices in its own currency."""
    budgets: dict[str, _Path] = {}
    for name, rules in keys.items():
        if rules.budget is not None:
            budgets[rules.budget.currency] = ("limits", "keys", name, "budget")
    if every.budget is not None:
        budgets[every.budget.currency] = ("limits", "every_key", "budget")
    for (server, tool), tool_rules in tools.items():
        price = tool_rules.price
        others = sorted(budgets.keys() - {price.currency}) if price.micros else []
        problems.extend(
            Problem(
                f"the price is in {price.currency}, but `{'.'.join(map(str, budgets[other]))}` "
                f"is in {other}, and money is not converted",
                fix="Write all prices and budgets in one currency",
                path=("servers", server, "tools", tool, "cost"),
            )
            for other in others
        )
