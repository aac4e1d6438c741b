"""When a budget will be used up, if spending goes on as it did. Pure."""

from yett.limits.balances import INDEX, Account
from yett.limits.demand import Budget

_DAY_SECONDS = 86_400.0
_DAYS_LOOKED_AT = 7
_ELAPSED_MIN = 60.0


def used_up_at(account: Account, budget: Budget, at: float) -> float | None:
    """Return when nothing will be left, seconds since 1970, by the pace of the period so far (of a total: of
    the last week); None: not before the period ends, or nothing was spent."""
    today = account.today(at)
    spent = account.spent(budget.period, at)
    left = budget.micros - spent
    if left <= 0:
        return at
    begin = account.zone.begin_of(budget.period, today)
    if begin is None:
        days = [micros for day, micros in account.history.items() if day >= today - _DAYS_LOOKED_AT]
        recent = sum(days) + account.total - account.before[INDEX["day"]]
        pace = recent / ((len(days) + 1) * _DAY_SECONDS)
    else:
        pace = spent / max(_ELAPSED_MIN, at - begin)
    if pace <= 0:
        return None
    ends_at = account.zone.end_of(budget.period, today)
    used_up = at + left / pace
    return None if ends_at is not None and used_up >= ends_at else used_up
