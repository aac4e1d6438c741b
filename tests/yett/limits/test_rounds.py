"""A call that goes on in rounds is paid for once, and every round is counted."""

import msgspec
import pytest

from tests.clock import HandClock
from tests.yett.limits.scene import confirmed, limiter
from yett.core.errors import Denied
from yett.core.proofs import Confirmed
from yett.core.reasons import Reason
from yett.core.talk import Resumption
from yett.limits.config import KeyLimits, ToolLimits

PAID = {"github/create_issue": ToolLimits(cost="0.002 USD")}
FIRST = confirmed().validated
GOING_ON = Confirmed(
    msgspec.structs.replace(
        FIRST, resumption=Resumption({"q1": {}}, state="p:ticket", seal="sealed", continues="r0")
    )
)
MADE_UP = Confirmed(msgspec.structs.replace(FIRST, resumption=Resumption({"q1": {}})))


def test_a_later_round_is_paid_for_already() -> None:
    limits = limiter(HandClock(), tools=PAID)

    with limits.admit(confirmed()) as first:
        first.commit()
        assert first.admitted.cost_micros == 2_000
    with limits.admit(GOING_ON) as second:
        second.commit()
        assert second.admitted.cost_micros == 0
        assert second.admitted.validated is GOING_ON.validated


def test_answers_to_nothing_make_no_call_free() -> None:
    with limiter(HandClock(), tools=PAID).admit(MADE_UP) as admission:
        assert admission.admitted.cost_micros == 2_000


def test_a_used_up_budget_does_not_end_a_call_that_is_paid_for() -> None:
    limits = limiter(HandClock(), KeyLimits(budget="0.002 USD/day"), tools=PAID)
    with limits.admit(confirmed()) as first:
        first.commit()

    with limits.admit(GOING_ON) as second:
        second.commit()
    with pytest.raises(Denied) as caught, limits.admit(confirmed()):
        pass

    assert caught.value.reason is Reason.BUDGET_EXHAUSTED


def test_every_round_counts_towards_the_rate() -> None:
    limits = limiter(HandClock(), KeyLimits(rate="2/minute"), tools=PAID)
    for subject in (confirmed(), GOING_ON):
        with limits.admit(subject) as admission:
            admission.commit()

    with pytest.raises(Denied) as caught, limits.admit(GOING_ON):
        pass

    assert caught.value.reason is Reason.RATE_LIMITED
