"""A clock that jumps gives no money and no calls: not back, not ahead, not stopped."""

import pytest

from tests.clock import NOON, HandClock
from tests.yett.limits.scene import confirmed, limiter
from yett.core.errors import Denied
from yett.limits import Limiter
from yett.limits.backends.book_ledger import BookLedger, Nowhere
from yett.limits.backends.memory_counter import MemoryCounter
from yett.limits.balances import Account, Balances
from yett.limits.build import open_strangers
from yett.limits.calendar import Zone
from yett.limits.config import KeyLimits, ToolLimits
from yett.limits.demand import Budget, Period
from yett.limits.forecast import used_up_at
from yett.limits.state import LimitsState

DAY = 86_400.0
PAID = {"github/create_issue": ToolLimits(cost="1 USD")}


def steady(clock: HandClock, period: Period) -> Limiter:
    state = LimitsState(
        MemoryCounter(),
        BookLedger(Balances(), Nowhere()),
        clock,
        open_strangers(clock, "data"),
        loops=MemoryCounter(),
    )
    budget = KeyLimits(rate="2/minute", budget=f"1 USD/{period}")
    return limiter(clock, budget, tools=PAID, state=state)


def spend(limits: Limiter) -> bool:
    try:
        with limits.admit(confirmed()) as admission:
            admission.commit()
    except Denied:
        return False
    return True


@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("jump", [-DAY, 31 * DAY, 400 * DAY, -400 * DAY, 3_600.0 * 13])
def test_a_jump_of_the_clock_opens_no_budget(period: Period, jump: float) -> None:
    """Threat D08."""
    clock = HandClock()
    limits = steady(clock, period)
    assert spend(limits)
    clock.now += jump

    for _ in range(3):
        assert not spend(limits)
        clock.pass_seconds(60)
    limits.state.watch_the_clock()
    told: list[dict[str, object]] = []
    limits.state.notices.report(told.append)
    assert [event["event"] for event in told if event["event"] == "clock.ahead"] == (
        ["clock.ahead"] if jump > 0 else []
    )


def test_time_that_passes_opens_it_and_so_does_a_clock_that_is_put_right() -> None:
    clock = HandClock()
    limits = steady(clock, "day")
    assert spend(limits)
    clock.now += 40 * DAY
    assert not spend(limits)
    clock.now -= 40 * DAY
    clock.pass_seconds(DAY / 2)

    assert spend(limits)
    assert not spend(limits)


def test_a_clock_that_stands_still_lets_no_budget_last_longer_nor_begin_anew() -> None:
    clock = HandClock()
    limits = steady(clock, "day")
    assert spend(limits)
    for _ in range(10):
        clock.running += DAY
        assert not spend(limits)


def test_a_clock_that_is_set_a_little_is_followed() -> None:
    clock = HandClock(now=NOON + DAY / 2 - 200)
    limits = steady(clock, "day")
    assert spend(limits)
    clock.now += 201
    clock.pass_seconds(1)

    assert spend(limits)


@pytest.mark.parametrize(
    ("period", "spent", "hours"),
    [("day", 60, 8.0), ("day", 49, None), ("day", 100, 0.0), ("day", 0, None), ("total", 75, 8.0)],
)
def test_the_forecast_goes_by_the_pace_so_far(
    period: Period, spent: int, hours: float | None
) -> None:
    zone = Zone("UTC")
    account = Account("USD key a", zone, zone.day(NOON))
    account.total = spent
    budget = Budget("", 100, "USD", period)
    found = used_up_at(account, budget, NOON)

    assert found == (None if hours is None else pytest.approx(NOON + hours * 3_600.0))
