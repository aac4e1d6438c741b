"""What applies to one caller's calls of one target in this process: prepared once, then only counted."""

import sys
from collections.abc import Callable
from functools import partial
from typing import final

import msgspec

from yett.core.call import RateLeft, Usage
from yett.core.identity import Principal
from yett.core.operations import Kind
from yett.core.proofs import Validated
from yett.core.target import Target
from yett.limits.breaker import Caller
from yett.limits.demand import Demand, PlaceDemand
from yett.limits.port import Meter, Purse
from yett.limits.prices import ArgumentPrice, ResultPrice
from yett.limits.rules import Rules
from yett.limits.state import Gauge, LimitsState


@final
class Plan(msgspec.Struct, frozen=True):
    """rules: it was made of. caller: whose it is, until forgotten. is_plain: all that there is to ask is whether the
    key has a place, the rates room for one use, and `payer` a price that is known before. concurrency: of the key
    alone. places: all others. is_watched: what the caller does is looked at. has_observed: something is counted and
    does not refuse. has_more: any of these three. meter: counts by all rates; None where there is none. micros: the
    price, or what is put aside for one that the result tells. purse: who has an account that is charged or asked;
    None: nobody. payer: the same, where each call costs the same and more than nothing. used: what such a call used,
    or any where all are free. budget, rates: tell what is left of them."""

    rules: Rules
    state: LimitsState
    demand: Demand
    caller: Caller
    is_plain: bool
    concurrency: int
    places: tuple[tuple[Gauge, PlaceDemand], ...]
    has_more: bool
    has_observed: bool
    is_watched: bool
    meter: Meter | None
    counts_input: bool
    counts_output: bool
    micros: int
    by_argument: ArgumentPrice | None
    by_result: ResultPrice | None
    purse: Purse | None
    payer: Purse | None
    currency: str
    used: Usage
    budget: Callable[[], int | None] | None
    rates: Callable[[], RateLeft | None] | None

    def price_of(self, validated: Validated) -> int:
        """Return what these arguments cost.

        Raises:
            Denied: INVALID_INPUT, it cannot be told.
        """
        return self.micros if self.by_argument is None else self.by_argument.of(validated.arguments)

    def usage(self, micros: int) -> Usage:
        """Return what a call used that did cost so much."""
        return Usage(micros, self.currency, self.budget, self.rates)


@final
class OwnPlan(msgspec.Struct, frozen=True):
    """For what reaches no server."""

    principal: Principal
    demand: Demand
    meter: Meter | None


def prepare_own(rules: Rules, principal: Principal, state: LimitsState) -> OwnPlan:
    demand = rules.demand(principal, None)
    return OwnPlan(principal, demand, state.counter.meter(demand.rates) if demand.rates else None)


def prepare(rules: Rules, principal: Principal, target: Target, state: LimitsState) -> Plan:
    demand = rules.demand(principal, target)
    tool = rules.tool(target)
    price = tool.price if tool else None
    concurrency, places = _places(demand, state)
    budgets = [one for account in demand.accounts for one in account.budgets]
    purse = None
    if price is not None or budgets:
        purse = state.ledger.purse(demand.accounts, target.key, rules.warn_percents)
    observed = [one.observed for one in demand.rates] + [one.observed for one in demand.places]
    has_observed = any(observed) or any(one.observed for one in budgets)
    breaker = rules.breaker
    is_watched = any((breaker.identical, breaker.tools, breaker.records))
    meter = state.counter.meter(demand.rates) if demand.rates else None
    has_more = bool(places) or has_observed or is_watched
    counts_bytes = any(one.unit != "calls" for one in demand.rates)
    is_fixed = price is None or (price.by_argument is None and price.by_result is None)
    micros = price.most_micros if price else 0
    here = state.shared is None
    budget = None if purse is None or not here else partial(_budget_left, purse, state)
    rates = None if meter is None or not here else partial(_rate_left, meter, state)
    is_plain = here and is_fixed and not (has_more or counts_bytes) and target.kind is Kind.TOOL
    return Plan(
        rules=rules,
        state=state,
        demand=demand,
        caller=state.of(principal.id),
        is_plain=is_plain,
        concurrency=concurrency,
        places=places,
        has_more=has_more,
        has_observed=has_observed,
        is_watched=is_watched,
        meter=meter,
        counts_input=any(one.unit == "input" for one in demand.rates),
        counts_output=any(one.unit == "output" for one in demand.rates),
        micros=micros,
        by_argument=price.by_argument if price else None,
        by_result=price.by_result if price else None,
        purse=purse,
        payer=purse if is_fixed and micros else None,
        currency=demand.currency,
        used=Usage(micros if is_fixed else 0, demand.currency, budget, rates),
        budget=budget,
        rates=rates,
    )


def _budget_left(purse: Purse, state: LimitsState) -> int | None:
    return purse.left(state.wall())


def _rate_left(meter: Meter, state: LimitsState) -> RateLeft | None:
    return meter.left(state.monotonic())


def is_paid_for(validated: Validated) -> bool:
    """A round that goes on where the caller was asked something belongs to a call that is paid for, and so
    does a question about a task."""
    resumption, task = validated.resumption, validated.permitted.call.task
    return (resumption is not None and bool(resumption.seal)) or (
        task is not None and bool(task.id)
    )


def _places(
    demand: Demand, state: LimitsState
) -> tuple[int, tuple[tuple[Gauge, PlaceDemand], ...]]:
    """Return the key's own concurrency, which the caller's calls are counted for anyway, and the rest."""
    concurrency = sys.maxsize
    others = []
    for place in demand.places:
        if place.key == f"key {demand.caller}" and not place.observed:
            concurrency = place.most
        else:
            others.append((state.gauge(place), place))
    return concurrency, tuple(others)
