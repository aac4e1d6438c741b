"""What applies to one caller's calls of one target in this process: prepared once, then only counted."""

import sys
from collections.abc import Callable
from typing import final

import msgspec

from yett.core.call import RateLeft, Usage
from yett.core.identity import Principal
from yett.core.proofs import Validated
from yett.core.target import Target
from yett.limits.demand import Demand, PlaceDemand
from yett.limits.port import Meter, Purse
from yett.limits.prices import ArgumentPrice, ResultPrice
from yett.limits.rules import Rules
from yett.limits.state import Gauge, LimitsState


@final
class Plan(msgspec.Struct, frozen=True):
    """rules: it was made of, and ends with. caller: id of the principal. concurrency: of the key alone.
    places: all others. has_more: places, something observed, or a watch on what the caller does. meter:
    counts by all rates; None where there is none. micros: the price, or what is put aside for one that the
    result tells. rates: tells what is left of them. purse: who pays for it; None: nobody has a budget, and it is free. free: what a call that
    costs nothing used, if there is no budget."""

    rules: Rules
    demand: Demand
    caller: str
    concurrency: int
    places: tuple[tuple[Gauge, PlaceDemand], ...]
    has_more: bool
    has_observed: bool
    is_watched: bool
    meter: Meter | None
    counts_input: bool
    counts_output: bool
    is_fixed: bool
    micros: int
    by_argument: ArgumentPrice | None
    by_result: ResultPrice | None
    purse: Purse | None
    rates: Callable[[], RateLeft | None] | None
    free: Usage

    def price_of(self, validated: Validated) -> int:
        """Return what these arguments cost.

        Raises:
            Denied: INVALID_INPUT, it cannot be told.
        """
        return self.micros if self.by_argument is None else self.by_argument.of(validated.arguments)


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
    rates = None if meter is None or state.shared is not None else _asking(meter, state)
    return Plan(
        rules=rules,
        demand=demand,
        caller=principal.id,
        concurrency=concurrency,
        places=places,
        has_more=bool(places) or has_observed or is_watched,
        has_observed=has_observed,
        is_watched=is_watched,
        meter=meter,
        counts_input=any(one.unit == "input" for one in demand.rates),
        counts_output=any(one.unit == "output" for one in demand.rates),
        is_fixed=price is None or price.by_argument is None,
        micros=price.most_micros if price else 0,
        by_argument=price.by_argument if price else None,
        by_result=price.by_result if price else None,
        purse=purse,
        rates=rates,
        free=Usage(0, None, demand.currency, rates),
    )


def _asking(meter: Meter, state: LimitsState) -> Callable[[], RateLeft | None]:
    return lambda: meter.left(state.monotonic())


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
