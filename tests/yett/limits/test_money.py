"""The price of a call: reserved before, settled after, given back only if nothing was sent."""

import asyncio
from pathlib import Path

import pytest

from tests.clock import NOON, HandClock
from tests.yett.limits.scene import (
    LAPTOP,
    cleaned,
    confirmed,
    identified,
    limiter,
)
from yett.core.errors import Denied, Fault
from yett.core.identity import Principal
from yett.core.proofs import Confirmed
from yett.core.reasons import Reason
from yett.limits.build import open_state
from yett.limits.config import KeyLimits, ToolLimits
from yett.limits.demand import AccountDemand
from yett.limits.stage import Limiter

PAID = {"github/create_issue": ToolLimits(cost="0.002 USD")}
MINUTE = KeyLimits(rate="2/minute")


async def pass_through(limits: Limiter, subject: Confirmed | None = None) -> None:
    with limits.admit(subject or confirmed()) as admission:
        admission.commit()


async def refusal_of(limits: Limiter, subject: Confirmed | None = None) -> Denied:
    with pytest.raises(Denied) as caught:
        await pass_through(limits, subject)
    return caught.value


def spent(limits: Limiter, principal: Principal = LAPTOP) -> int:
    return limits.state.ledger.balances.spent(f"USD key {principal.id}", "total", NOON)


def active(limits: Limiter, principal: Principal = LAPTOP) -> int:
    return limits.state.callers[principal.id].active


async def test_a_price_is_paid_from_the_budget_and_the_caller_sees_what_is_left() -> None:
    limits = limiter(HandClock(), KeyLimits(budget="0.005 USD/day"), tools=PAID)

    with limits.admit(confirmed()) as admission:
        admission.commit()
        usage = admission.settle(cleaned(admission.admitted))
    with limits.admit(confirmed(tool="free")) as admission:
        admission.commit()
        free = admission.settle(cleaned(admission.admitted))

    assert (usage.cost_micros, usage.remaining_micros, usage.currency) == (2_000, 3_000, "USD")
    assert (free.cost_micros, free.remaining_micros, free.currency) == (0, 3_000, "USD")


async def test_the_call_over_the_budget_is_refused_and_learns_when_it_resets() -> None:
    clock = HandClock()
    limits = limiter(clock, KeyLimits(budget="0.005 USD/day"), tools=PAID)
    for _ in range(2):
        await pass_through(limits)

    denied = await refusal_of(limits)

    assert denied.reason is Reason.BUDGET_EXHAUSTED
    assert denied.resets_at == NOON + 43_200
    assert denied.shown is None
    assert active(limits) == 0
    await pass_through(limits, confirmed(tool="free"))
    clock.pass_seconds(43_200)
    await pass_through(limits)


async def test_spending_is_known_without_a_budget_too() -> None:
    limits = limiter(HandClock(), tools=PAID)

    with limits.admit(confirmed()) as admission:
        admission.commit()
        usage = admission.settle(cleaned(admission.admitted))

    assert (usage.cost_micros, usage.remaining_micros, usage.currency) == (2_000, None, "USD")
    assert spent(limits) == 2_000


async def test_what_can_be_counted_no_more_ends_the_call() -> None:
    limits = limiter(HandClock(), tools=PAID)
    purse = limits.state.ledger.purse([AccountDemand("USD key key_laptop")], "server/tool")
    purse.reserve("call-0", 2**63 - 1, NOON)

    with pytest.raises(Fault):
        await pass_through(limits)
    assert active(limits) == 0


async def test_a_budget_that_became_smaller_than_what_is_spent_has_nothing_left() -> None:
    before = limiter(HandClock(), KeyLimits(budget="1 USD/day"), tools=PAID)
    await pass_through(before)
    after = limiter(HandClock(), KeyLimits(budget="0.001 USD/day"), state=before.state)

    with after.admit(confirmed(tool="free")) as admission:
        assert admission.settle(cleaned(admission.admitted)).remaining_micros == 0
    assert after.describe(identified())["limits"]["budget"]["remaining"] == "0 USD"


NEVER_SENT = Fault(Reason.UPSTREAM_UNREACHABLE, "refused", sent=False)
ENDS: list[tuple[bool, BaseException | None, int]] = [
    (False, None, 0),
    (False, Fault(Reason.AUDIT_UNAVAILABLE, "disk full"), 0),
    (False, asyncio.CancelledError(), 0),
    (True, None, 2_000),
    (True, NEVER_SENT, 0),
    (True, Fault(Reason.UPSTREAM_UNREACHABLE, "reset", sent=True), 2_000),
    (True, Fault(Reason.UPSTREAM_TIMEOUT, "slow", sent=True), 2_000),
    (True, Denied(Reason.ANSWER_BLOCKED, "injection"), 2_000),
    (True, asyncio.CancelledError(), 2_000),
    (True, ValueError("bug"), 2_000),
]


@pytest.mark.parametrize(("committed", "end", "cost"), ENDS, ids=repr)
async def test_money_comes_back_only_if_nothing_left_the_process(
    committed: bool,  # noqa: FBT001 - a parameter of the table above
    end: BaseException | None,
    cost: int,
) -> None:
    """Threat D07: failing on purpose is not free."""
    limits = limiter(HandClock(), KeyLimits(budget="1 USD/day"), tools=PAID)
    admission = limits.admit(confirmed())
    admission.__enter__()
    assert spent(limits) == 2_000
    if committed:
        admission.commit()

    admission.__exit__(type(end) if end else None, end, None)

    assert spent(limits) == cost


async def test_what_is_settled_stays_spent_whatever_comes_after() -> None:
    limits = limiter(HandClock(), tools=PAID)
    admission = limits.admit(confirmed())
    admission.__enter__()
    admission.commit()
    admission.settle(cleaned(admission.admitted))
    admission.__exit__(Fault, NEVER_SENT, None)

    assert spent(limits) == 2_000


async def test_of_a_call_that_was_answered_nobody_has_to_ask_what_it_did_cost() -> None:
    limits = limiter(HandClock(), tools=PAID)
    with limits.admit(confirmed()) as admission:
        admission.commit()
        admission.settle(cleaned(admission.admitted))
    with limits.admit(confirmed(number="under way")):
        limits.state.ledger.flush()

        assert [*limits.state.ledger.balances.open] == ["under way"]
    assert not limits.state.ledger.balances.unknown()


async def test_of_two_hundred_calls_at_once_with_one_unit_left_exactly_one_is_admitted(
    tmp_path: Path,
) -> None:
    """Threat D06."""
    for attempt in range(5):
        clock = HandClock()
        kept = open_state(tmp_path / str(attempt), clock)
        limits = limiter(clock, KeyLimits(budget="0.003 USD/day"), tools=PAID, state=kept)
        went_out = 0

        async def one(limits: Limiter = limits) -> None:
            nonlocal went_out
            with limits.admit(confirmed()) as admission:
                await asyncio.sleep(0)
                admission.commit()
                went_out += 1
                await asyncio.sleep(0)
                admission.settle(cleaned(admission.admitted))

        results = await asyncio.gather(*(one() for _ in range(200)), return_exceptions=True)
        kept.close()

        assert went_out == 1
        assert (
            sum(isinstance(r, Denied) and r.reason is Reason.BUDGET_EXHAUSTED for r in results)
            == 199
        )


async def test_a_ledger_that_cannot_write_ends_paid_calls_and_no_others(tmp_path: Path) -> None:
    clock = HandClock()
    kept = open_state(tmp_path, clock)
    limits = limiter(clock, KeyLimits(concurrency=1, budget="1 USD/day"), tools=PAID, state=kept)
    kept.close()

    for _ in range(3):
        with pytest.raises(Fault) as caught:
            await pass_through(limits)
        assert caught.value.reason is Reason.INTERNAL_ERROR
    assert active(limits) == 0
    await pass_through(limits, confirmed(tool="free"))
