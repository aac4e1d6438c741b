"""From the configuration to rules: every quantity is read, and what contradicts is refused."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, TypeVar

import msgspec

from yett.core.errors import ConfigurationError, Problem
from yett.core.quantities import Money, Rate, duration_seconds
from yett.limits.breaker import DIFFERENT_MAX, Breaker, FailureRate
from yett.limits.calendar import Zone
from yett.limits.config import BreakerConfig, Budgets, LimitsConfig, ServerLimits, ToolLimits
from yett.limits.currencies import CODES
from yett.limits.demand import PERIODS, Budget, Unit
from yett.limits.prices import Price, read_price
from yett.limits.rules import CURRENCY_DEFAULT, Holding, NamedRate, Rules, ServerRules, ToolRules

_Path = tuple[str | int, ...]
_Given = TypeVar("_Given")
_Parsed = TypeVar("_Parsed")
_EXAMPLE = "Write it in the form of the example"


class _Held(Protocol):
    """The fields that a key, a team and a tenant have in common."""

    @property
    def rate(self) -> str | tuple[str, ...]: ...
    @property
    def input(self) -> str | None: ...
    @property
    def output(self) -> str | None: ...
    @property
    def concurrency(self) -> int | None: ...
    @property
    def budget(self) -> Budgets: ...
    @property
    def observe(self) -> bool: ...


def parse(
    config: LimitsConfig,
    tools: Mapping[str, ToolLimits],
    servers: Mapping[str, ServerLimits] | None = None,
) -> Rules:
    """Read every quantity. tools: by `server/tool`. servers: by name.

    Raises:
        ConfigurationError: a quantity does not read, or prices and budgets contradict each other.
    """
    reader = _Reader(config.time_zone)
    every = reader.holding(config.every_key, ("limits", "every_key"))
    every_tenant = reader.holding(config.every_tenant, ("limits", "every_tenant"))
    holdings = {
        "keys": reader.holdings(config.keys, "keys", every),
        "teams": reader.holdings(config.teams, "teams", None),
        "tenants": reader.holdings(config.tenants, "tenants", every_tenant),
    }
    tool_rules = reader.tools(tools)
    budgets = dict(_budgets(every, every_tenant, holdings))
    prices = {key: rules.price for key, rules in tool_rules.items() if rules.price}
    reader.problems += _contradictions(budgets, prices)
    reader.problems += _beyond_reach("key", [every, *holdings["keys"].values()], prices)
    reader.problems += _beyond_reach(
        "tenant", [every_tenant, *holdings["tenants"].values()], prices
    )
    reader.problems += _unknown_currencies(budgets, prices, CODES | set(config.currencies))
    breaker = reader.breaker(config.breaker)
    server_rules = reader.servers(servers or {})
    if reader.problems:
        raise ConfigurationError(reader.problems)
    currencies = {one.currency for one in budgets.values()}
    return Rules(
        every_key=every,
        keys=holdings["keys"],
        teams=holdings["teams"],
        teams_of=_teams_of(config),
        every_tenant=every_tenant,
        tenants=holdings["tenants"],
        tools=tool_rules,
        servers=server_rules,
        breaker=breaker,
        warn_percents=tuple(sorted({int(share[:-1]) for share in config.warn})),
        zone=config.time_zone,
        currency=min(currencies, default=CURRENCY_DEFAULT),
        currencies=tuple(sorted(currencies | {one.currency for one in prices.values()})),
    )


class _Reader:
    """Collects what does not read, so that all of it is told at once."""

    def __init__(self, zone: str) -> None:
        self.problems: list[Problem] = []
        self._zone = self._read(_zone_name, zone, ("limits", "time_zone")) or "UTC"

    def holdings(
        self, given: Mapping[str, _Held], section: str, fallback: Holding | None
    ) -> dict[str, Holding]:
        return {
            name: self.holding(one, ("limits", section, name), fallback)
            for name, one in given.items()
        }

    def holding(self, given: _Held, path: _Path, fallback: Holding | None = None) -> Holding:
        """What a section of its own leaves empty holds as for everybody."""
        fallback = fallback or Holding(zone=self._zone)
        rates = (
            *self.rates(given.rate, (*path, "rate")),
            *self._bytes(given.input, "input", path),
            *self._bytes(given.output, "output", path),
        )
        if given.observe:
            rates = tuple(msgspec.structs.replace(one, observed=True) for one in rates)
        own_zone = getattr(given, "time_zone", None)
        zone = self._read(_zone_name, own_zone, (*path, "time_zone")) if own_zone else None
        zone = zone or (fallback.zone if fallback.zone != "UTC" else self._zone)
        budgets = tuple(
            msgspec.structs.replace(read, zone=zone, observed=given.observe)
            for text in ((given.budget,) if isinstance(given.budget, str) else given.budget)
            for read in [self._read(parse_budget, text, (*path, "budget"))]
            if read is not None
        )
        return Holding(
            rates=rates or fallback.rates,
            concurrency=fallback.concurrency if given.concurrency is None else given.concurrency,
            budgets=budgets or fallback.budgets,
            observed=fallback.observed if given.concurrency is None else given.observe,
            zone=zone,
        )

    def servers(self, given: Mapping[str, ServerLimits]) -> dict[str, ServerRules]:
        return {
            name: ServerRules(self.rates(one.rate, ("servers", name, "rate")), one.concurrency)
            for name, one in given.items()
            if one != ServerLimits()
        }

    def tools(self, given: Mapping[str, ToolLimits]) -> dict[tuple[str, str], ToolRules]:
        return {
            (server, tool): self.tool(limits, ("servers", server, "tools", tool))
            for key, limits in given.items()
            for server, _, tool in [key.partition("/")]
        }

    def tool(self, limits: ToolLimits, path: _Path) -> ToolRules:
        price = None
        if limits.cost is not None:
            price = self._read(read_price, limits.cost, (*path, "cost"))
        free = price is not None and not price.most_micros and price.by_argument is None
        return ToolRules(
            rates=self.rates(limits.rate, (*path, "rate")),
            rates_total=self.rates(limits.rate_total, (*path, "rate_total")),
            concurrency=limits.concurrency,
            price=None if free else price,
            observed=limits.observe,
        )

    def rates(self, given: str | tuple[str, ...], path: _Path) -> tuple[NamedRate, ...]:
        texts = (given,) if isinstance(given, str) else given
        read = [(text, self._read(Rate.parse, text, path)) for text in dict.fromkeys(texts)]
        return tuple(NamedRate(text, rate) for text, rate in read if rate is not None)

    def _bytes(self, given: str | None, unit: Unit, path: _Path) -> tuple[NamedRate, ...]:
        if given is None:
            return ()
        rate = self._read(Rate.parse_bytes, given, (*path, unit))
        return () if rate is None else (NamedRate(given, rate, unit),)

    def breaker(self, given: BreakerConfig) -> Breaker:
        path = ("limits", "breaker")
        cooldown = self._read(duration_seconds, given.cooldown, (*path, "cooldown"))
        longest = self._read(duration_seconds, given.cooldown_max, (*path, "cooldown_max"))
        rates = {
            name: self._read(Rate.parse, text, (*path, name))
            for name, text in (
                ("identical", given.identical),
                ("tools", given.tools),
                ("records", given.records),
            )
            if text is not None
        }
        for name in ("tools", "records"):
            rate = rates.get(name)
            if rate is not None and rate.count > DIFFERENT_MAX:
                self.problems.append(
                    Problem(
                        f"more than {DIFFERENT_MAX:,} different ones are not remembered for each caller",
                        fix="Name fewer, in a shorter time.",
                        path=(*path, name),
                    )
                )
        failures = None
        if given.failure_rate is not None:
            percent, _, calls = given.failure_rate.partition("% of ")
            failures = FailureRate(int(percent), int(calls))
        default = Breaker()
        cooldown = cooldown or default.cooldown_seconds
        return Breaker(
            failures_max=given.failures,
            cooldown_seconds=cooldown,
            cooldown_max_seconds=max(cooldown, longest or default.cooldown_max_seconds),
            failure_rate=failures,
            identical=rates.get("identical"),
            tools=rates.get("tools"),
            records=rates.get("records"),
        )

    def _read(
        self, reader: Callable[[_Given], _Parsed], given: _Given, path: _Path
    ) -> _Parsed | None:
        try:
            return reader(given)
        except ValueError as error:
            self.problems.append(Problem(str(error), fix=_EXAMPLE, path=path))
            return None


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


def _zone_name(text: str) -> str:
    return Zone(text).name


def _teams_of(config: LimitsConfig) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for team, limits in config.teams.items():
        for key in dict.fromkeys(limits.keys):
            found[key] = (*found.get(key, ()), team)
    return found


def _budgets(
    every: Holding, every_tenant: Holding, holdings: Mapping[str, Mapping[str, Holding]]
) -> Iterator[tuple[_Path, Budget]]:
    """Yield each budget with the place where it stands; several at one place by their number."""
    named = [
        (("limits", "every_key"), every),
        (("limits", "every_tenant"), every_tenant),
        *(
            (("limits", section, name), held)
            for section, of in holdings.items()
            for name, held in of.items()
        ),
    ]
    for path, held in named:
        for number, budget in enumerate(held.budgets):
            yield (*path, "budget", *((number,) if number else ())), budget


def _contradictions(
    budgets: Mapping[_Path, Budget], prices: Mapping[tuple[str, str], Price]
) -> Iterator[Problem]:
    """Money is not converted, so a budget can only bound prices in its own currency."""
    for (server, tool), price in prices.items():
        path = ("servers", server, "tools", tool, "cost")
        told: set[str] = set()
        for where, budget in budgets.items():
            written = ".".join(map(str, where))
            if budget.currency != price.currency and budget.currency not in told:
                told.add(budget.currency)
                yield Problem(
                    f"the price is in {price.currency}, but `{written}` is in {budget.currency}, "
                    "and money is not converted",
                    fix="Write all prices and budgets in one currency",
                    path=path,
                )


def _beyond_reach(
    kind: str, held: list[Holding], prices: Mapping[tuple[str, str], Price]
) -> Iterator[Problem]:
    """A price that no key's budget has room for, or no tenant's, says that one of the two is wrong."""
    for (server, tool), price in prices.items():
        narrow = [_too_narrow(one, price) for one in held]
        if all(narrow):
            yield Problem(
                f"one call may cost {price.describe()}, and no {kind} has a budget with room for it: "
                f"{', '.join(dict.fromkeys(budget.text for budget in narrow if budget))}",
                fix="Lower the price or raise a budget; 0 says that nothing may be spent",
                path=("servers", server, "tools", tool, "cost"),
            )


def _too_narrow(held: Holding, price: Price) -> Budget | None:
    """Return a budget that is smaller than the price; one of nothing is meant so."""
    for budget in held.budgets:
        if 0 < budget.micros < price.most_micros and not budget.observed:
            return budget
    return None


def _unknown_currencies(
    budgets: Mapping[_Path, Budget],
    prices: Mapping[tuple[str, str], Price],
    known: frozenset[str] | set[str],
) -> Iterator[Problem]:
    found: dict[str, _Path] = {}
    for (server, tool), price in prices.items():
        found.setdefault(price.currency, ("servers", server, "tools", tool, "cost"))
    for path, budget in budgets.items():
        found.setdefault(budget.currency, path)
    for code, path in found.items():
        if code not in known:
            yield Problem(
                f"{code} is no currency of ISO 4217",
                fix=f"Correct it, or declare your own: limits: {{currencies: [{code}]}}",
                path=path,
            )
