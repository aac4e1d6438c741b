"""What a caller may know of its own limits and spending."""

from collections.abc import Callable, Iterator
from typing import final

import msgspec

from yett.core.clock import iso_time_or_none
from yett.core.identity import Principal
from yett.core.quantities import Money
from yett.core.target import JSON
from yett.limits.balances import Account, Balances, account_name
from yett.limits.demand import PERIODS, Budget, RateDemand
from yett.limits.forecast import used_up_at
from yett.limits.port import Room, SharedStore
from yett.limits.rules import Rules
from yett.limits.state import LimitsState

_FOREVER = 2.5e11  # seconds: as far as calendars go


@final
class Figures(msgspec.Struct, frozen=True):
    """What was counted, by this gate alone or by several. room: of one rate."""

    room: Callable[[RateDemand], Room]
    balances: Balances
    active_calls: int
    at: float


def own_figures(principal: Principal, state: LimitsState) -> Figures:
    """Return what this process has counted."""
    monotonic, caller = state.monotonic(), state.callers.get(principal.id)
    return Figures(
        lambda one: state.counter.room(one.key, one.rate, monotonic),
        state.ledger.balances,
        caller.active if caller else 0,
        state.wall(),
    )


async def shared_figures(
    principal: Principal, rules: Rules, state: LimitsState, store: SharedStore
) -> Figures:
    """Ask the store that several gates share.

    Raises:
        Fault: LIMITS_UNAVAILABLE, it cannot say.
    """
    held = list(rules.holders(principal))
    rates = [one for kind, name, holder in held for one in holder.demand_rates(kind, name)]
    rooms = await store.rooms(rates)
    found = {one.key: room for one, room in zip(rates, rooms, strict=True)}
    names = [account_name(code, kind, name) for kind, name, _ in held for code in rules.currencies]
    balances = await store.books(names)
    caller = state.callers.get(principal.id)
    return Figures(
        lambda one: found[one.key], balances, caller.active if caller else 0, state.wall()
    )


def describe(principal: Principal, rules: Rules, figures: Figures) -> dict[str, JSON]:
    """Return `limits` and `usage`. What is shared with others, of a team or a tenant, says so in `of`."""
    rates: list[JSON] = []
    concurrency = None
    for kind, name, held in rules.holders(principal):
        for one in held.demand_rates(kind, name):
            if one.observed:
                continue
            room = figures.room(one)
            described: dict[str, JSON] = {
                "limit": one.text,
                "remaining": room.remaining,
                "resets_in_seconds": room.resets_in_seconds,
            }
            if one.unit != "calls":
                described["counts"] = f"bytes of {one.unit}"
            rates.append(described | _of(kind))
        if kind == "key" and not held.observed:
            concurrency = held.concurrency
    budgets = list(_budgets(principal, rules, figures))
    at, balances = figures.at, figures.balances
    return {
        "limits": {
            "rate": rates,
            "concurrency": concurrency,
            "budget": budgets[0] if budgets else None,
            "budgets": budgets,
        },
        "usage": {
            "active_calls": figures.active_calls,
            "spent": [
                {
                    period: str(Money(balances.spent(account, period, at), currency))
                    for period in PERIODS
                }
                for currency in rules.currencies
                for account in [account_name(currency, "key", principal.id)]
            ],
        },
    }


def _budgets(principal: Principal, rules: Rules, figures: Figures) -> Iterator[dict[str, JSON]]:
    at, balances = figures.at, figures.balances
    for kind, name, held in rules.holders(principal):
        for budget in held.budgets:
            if not budget.observed:
                account = account_name(budget.currency, kind, name)
                found = balances.accounts.get(account) or Account(
                    account, balances.zone(held.zone), 0
                )
                yield describe_budget(budget, found, at) | _of(kind)


def describe_budget(budget: Budget, account: Account, at: float) -> dict[str, JSON]:
    """Amounts as the operator writes them; times in ISO 8601. resets_at: None for a total. used_up_at: by
    the pace so far; None: not in this period."""
    spent = account.spent(budget.period, at)
    used_up = used_up_at(account, budget, at)
    return {
        "limit": budget.text,
        "spent": str(Money(spent, budget.currency)),
        "remaining": str(Money(max(0, budget.micros - spent), budget.currency)),
        "resets_at": iso_time_or_none(account.zone.end_of(budget.period, account.today(at))),
        "used_up_at": iso_time_or_none(None if used_up is None or used_up > _FOREVER else used_up),
    }


def _of(kind: str) -> dict[str, JSON]:
    return {} if kind == "key" else {"of": kind}
