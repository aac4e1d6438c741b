"""What limits tell the operator: a breaker that opened, a budget that is nearly spent, a price that is untold."""

from typing import Final

from yett.core.identity import Principal
from yett.core.proofs import Cleaned
from yett.core.quantities import Money
from yett.limits.breaker import Caller
from yett.limits.demand import Demand
from yett.limits.notices import Notices
from yett.limits.plans import Plan
from yett.limits.port import Purse
from yett.limits.prices import ResultPrice

NEAR_PERCENT: Final = 95
"""From here on a warning about a budget is urgent."""


def tell_of_opening(notices: Notices, caller: Caller, principal: Principal) -> None:
    notices.tell(
        {
            "event": "breaker.opened",
            "alert": "high",
            "actor": "gate",
            "caller": principal.id,
            "key": principal.name,
            "tenant": principal.tenant,
            "why": caller.why.rstrip(","),
            "seconds": caller.cooldown_seconds,
            "openings": caller.openings,
        }
    )


def tell_of_shared_opening(notices: Notices, demand: Demand) -> None:
    """As `tell_of_opening`, of a breaker that several gates share."""
    notices.tell(
        {
            "event": "breaker.opened",
            "alert": "high",
            "actor": "gate",
            "caller": demand.caller,
            "tenant": demand.tenant,
            "why": f"{demand.breaker.failures_max} failures in a row",
        }
    )


def tell_of_budgets(notices: Notices, purse: Purse) -> None:
    """Tell what `Purse.reserve` noticed, and take it out."""
    for one in purse.warnings:
        budget = one.budget
        notices.tell(
            {
                "event": "budget.warning",
                "alert": "high" if one.percent >= NEAR_PERCENT else "low",
                "actor": "gate",
                "account": one.account,
                "budget": budget.text,
                "percent": one.percent,
                "spent": str(Money(one.spent_micros, budget.currency)),
            }
        )
    purse.warnings.clear()


def told_cost(notices: Notices, plan: Plan, price: ResultPrice, cleaned: Cleaned, most: int) -> int:
    """Return what the result says that it cost; all that was put aside if it says nothing that can be."""
    found = price.of(cleaned.result)
    if found is not None:
        return found
    target = plan.demand.target
    notices.tell_at_times(
        {
            "event": "cost.untold",
            "alert": "low",
            "actor": "gate",
            "target": target,
            "at": price.pointer,
            "counted": str(Money(most, plan.demand.currency)),
        },
        target,
    )
    return most


def note_overruns(notices: Notices, plan: Plan, micros: int) -> None:
    """Count what only observed limits would have refused; the call is among those under way."""
    if plan.meter is not None:
        for one in plan.meter.overruns():
            notices.overrun(one.key)
    for gauge, place in plan.places:
        if place.observed and gauge.active > place.most:
            notices.overrun(f"{place.text} {place.key}")
    if micros and plan.purse is not None:
        for budget in plan.purse.overruns():
            notices.overrun(f"budget {budget.text} {plan.demand.caller}")
