"""What a caller may know of its own limits and spending."""

from yett.core.clock import iso_time_or_none
from yett.core.identity import Principal
from yett.core.quantities import Money
from yett.core.target import JSON
from yett.limits.port import PERIODS
from yett.limits.rules import Budget, Rules, account_name
from yett.limits.state import LimitsState


def describe(principal: Principal, rules: Rules, state: LimitsState) -> dict[str, JSON]:
    plan = rules.plan(principal, state.counter)
    at = state.clock.wall()
    monotonic = state.clock.monotonic()
    rates = []
    for (key, rate), text in zip(plan.keys, plan.rules.rates, strict=True):
        room = state.counter.room(key, rate, monotonic)
        rates.append(
            {
                "limit": text,
                "remaining": room.remaining,
                "resets_in_seconds": room.resets_in_seconds,
            }
        )
    caller = state.callers.get(principal.id)
    budget = None
    if plan.budget is not None:
        spent = state.ledger.spent(plan.budget_account, plan.budget.period, at)
        budget = describe_budget(plan.budget, spent, state.ledger.resets_at(plan.budget.period, at))
    return {
        "limits": {"rate": rates, "concurrency": plan.rules.concurrency, "budget": budget},
        "usage": {
            "active_calls": caller.active if caller else 0,
            "spent": [
                {
                    period: str(Money(state.ledger.spent(account, period, at), currency))
                    for period in PERIODS
                }
                for currency in rules.currencies
                for account in [account_name(currency, principal.id)]
            ],
        },
    }


def describe_budget(budget: Budget, spent_micros: int, resets_at: float | None) -> dict[str, JSON]:
    """Amounts as the operator writes them; `resets_at` in ISO 8601, None for a total."""
    return {
        "limit": budget.text,
        "spent": str(Money(spent_micros, budget.currency)),
        "remaining": str(Money(max(0, budget.micros - spent_micros), budget.currency)),
        "resets_at": iso_time_or_none(resets_at),
    }
