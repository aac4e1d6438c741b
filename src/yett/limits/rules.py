"""The configuration, parsed once, and what of it one caller's calls to one target ask for."""

from collections.abc import Iterator
from typing import Final, final

import msgspec

from yett.core.identity import Principal
from yett.core.operations import Kind
from yett.core.quantities import Rate
from yett.core.target import Target
from yett.limits.balances import account_name
from yett.limits.breaker import Breaker
from yett.limits.demand import (
    AccountDemand,
    Budget,
    Demand,
    PlaceDemand,
    RateDemand,
    Unit,
)
from yett.limits.prices import Price

CURRENCY_DEFAULT: Final = "USD"
_TOOL: Final = Kind.TOOL


@final
class NamedRate(msgspec.Struct, frozen=True):
    """text: as the operator wrote it."""

    text: str
    rate: Rate
    unit: Unit = "calls"
    observed: bool = False


@final
class Holding(msgspec.Struct, frozen=True):
    """What a key, a team or a tenant has room for. observed: its concurrency; rates and budgets say so
    themselves. zone: by whose calendar its account is kept."""

    rates: tuple[NamedRate, ...] = ()
    concurrency: int | None = None
    budgets: tuple[Budget, ...] = ()
    observed: bool = False
    zone: str = "UTC"

    def demand_rates(self, kind: str, name: str) -> Iterator[RateDemand]:
        for one in self.rates:
            unit = "" if one.unit == "calls" else f"{one.unit} "
            key = f"{kind} {unit}{one.text} {name}"
            yield RateDemand(key, one.rate, one.text, one.unit, one.observed)

    def demand_places(self, kind: str, name: str) -> Iterator[PlaceDemand]:
        if self.concurrency is not None:
            text = f"{self.concurrency} at once for the {kind}"
            yield PlaceDemand(f"{kind} {name}", self.concurrency, text, self.observed)

    def demand_account(self, currency: str, kind: str, name: str) -> AccountDemand:
        budgets = tuple(one for one in self.budgets if one.currency == currency)
        return AccountDemand(account_name(currency, kind, name), self.zone, budgets)


@final
class ToolRules(msgspec.Struct, frozen=True):
    """price: None is free."""

    rates: tuple[NamedRate, ...] = ()
    rates_total: tuple[NamedRate, ...] = ()
    concurrency: int | None = None
    price: Price | None = None
    observed: bool = False


@final
class ServerRules(msgspec.Struct, frozen=True):
    rates: tuple[NamedRate, ...] = ()
    concurrency: int | None = None


@final
class Rules(msgspec.Struct, frozen=True):
    """keys: by the name of the key; `every_key` for all others; tenants likewise. teams: by their name.
    teams_of: by the name of a key, the names of its teams. tools: by (server, name). warn_percents: rising.
    currency: of all budgets; the usual one if there is none. currencies: that anything is priced in."""

    every_key: Holding
    keys: dict[str, Holding]
    teams: dict[str, Holding]
    teams_of: dict[str, tuple[str, ...]]
    every_tenant: Holding
    tenants: dict[str, Holding]
    tools: dict[tuple[str, str], ToolRules]
    servers: dict[str, ServerRules]
    breaker: Breaker
    warn_percents: tuple[int, ...]
    zone: str
    currency: str
    currencies: tuple[str, ...]

    def of_key(self, name: str) -> Holding:
        return self.keys.get(name, self.every_key)

    def of_tenant(self, name: str) -> Holding:
        return self.tenants.get(name, self.every_tenant)

    def holders(self, principal: Principal) -> list[tuple[str, str, Holding]]:
        """Return kind, name and holding of the key, its teams and its tenant."""
        teams = self.teams_of.get(principal.name, ())
        return [
            ("key", principal.id, self.of_key(principal.name)),
            *(("team", team, self.teams[team]) for team in teams),
            ("tenant", principal.tenant, self.of_tenant(principal.tenant)),
        ]

    def tool(self, target: Target) -> ToolRules | None:
        """Only tools have rates and prices of their own: a prompt may be called like one."""
        if target.kind is not _TOOL:
            return None
        return self.tools.get((target.server, target.name))

    def demand(self, principal: Principal, target: Target | None) -> Demand:
        """Return what a call asks for. target: None for what reaches no server."""
        holders = self.holders(principal)
        rates = [one for kind, name, held in holders for one in held.demand_rates(kind, name)]
        places: list[PlaceDemand] = []
        accounts: list[AccountDemand] = []
        currency = self.currency
        if target is not None:
            tool = self.tool(target) or ToolRules()
            server = self.servers.get(target.server, ServerRules())
            currency = tool.price.currency if tool.price else currency
            rates += _rates_of(principal, target, tool, server)
            places = [
                *(one for kind, name, held in holders for one in held.demand_places(kind, name)),
                *_places_of(target, tool, server),
            ]
            accounts = [held.demand_account(currency, kind, name) for kind, name, held in holders]
            if tool.price is not None:
                account = account_name(currency, "tool", target.key)
                accounts.append(AccountDemand(account, self.zone))
        return Demand(
            tenant=principal.tenant,
            caller=principal.id,
            target=target.key if target else "",
            rates=tuple(rates),
            places=tuple(places),
            accounts=tuple(accounts),
            currency=currency,
            breaker=self.breaker.demand(),
        )


def _rates_of(
    principal: Principal, target: Target, tool: ToolRules, server: ServerRules
) -> Iterator[RateDemand]:
    # The length of the id keeps two pairs of id and tool from running into one name.
    own = f"{len(principal.id)} {principal.id} {target.key}"
    for kind, name, rates in (("tool", own, tool.rates), ("total", target.key, tool.rates_total)):
        for one in rates:
            key = f"{kind} {one.text} {name}"
            yield RateDemand(key, one.rate, one.text, observed=tool.observed)
    for one in server.rates:
        yield RateDemand(f"server {one.text} {target.server}", one.rate, one.text)


def _places_of(target: Target, tool: ToolRules, server: ServerRules) -> Iterator[PlaceDemand]:
    if tool.concurrency is not None:
        text = f"{tool.concurrency} at once for the tool"
        yield PlaceDemand(f"tool {target.key}", tool.concurrency, text, tool.observed)
    if server.concurrency is not None:
        text = f"{server.concurrency} at once for the server"
        yield PlaceDemand(f"server {target.server}", server.concurrency, text)
