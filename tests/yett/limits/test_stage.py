"""Rates and concurrency of `admit`, and what `count` and `describe` say."""

import msgspec
import pytest

from tests.clock import NOON, HandClock
from tests.yett.limits.scene import (
    LAPTOP,
    SERVER,
    cleaned,
    confirmed,
    identified,
    limiter,
    refused,
    reply,
)
from yett.core.call import Usage
from yett.core.errors import Denied
from yett.core.identity import Principal
from yett.core.operations import JUDGE_AGAIN, Kind
from yett.core.proofs import Confirmed
from yett.core.reasons import Reason
from yett.limits import Admission, Limiter, stage, state
from yett.limits.build import memory_state
from yett.limits.config import KeyLimits, ToolLimits
from yett.limits.demand import PERIODS
from yett.limits.shared_admission import SharedAdmission

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


async def test_without_configuration_nothing_limits_a_key() -> None:
    limits = limiter(HandClock())

    for _ in range(100):
        with limits.admit(confirmed()) as admission:
            assert admission.admitted.cost_micros == 0
            assert admission.admitted.currency == "USD"
            assert admission.settle(cleaned(admission.admitted)) == Usage(0, "USD")


async def test_the_proof_holds_what_was_validated() -> None:
    limits, subject = limiter(HandClock(), tools=PAID), confirmed()

    with limits.admit(subject) as admission:
        assert admission.admitted.validated is subject.validated
        assert admission.admitted.cost_micros == 2_000


async def test_the_call_over_the_rate_is_refused_and_learns_when_to_come_back() -> None:
    clock = HandClock()
    limits = limiter(clock, MINUTE)
    for _ in range(2):
        await pass_through(limits)
    clock.pass_seconds(12.5)

    denied = await refusal_of(limits)

    assert denied.reason is Reason.RATE_LIMITED
    assert denied.retry_after_seconds == 17.5
    assert "2/minute" in denied.private
    clock.pass_seconds(17.5)
    await pass_through(limits)


async def test_a_jump_of_the_wall_clock_gives_no_rate_back() -> None:
    clock = HandClock()
    limits = limiter(clock, MINUTE)
    for _ in range(2):
        await pass_through(limits)
    clock.now += 86_400

    assert (await refusal_of(limits)).reason is Reason.RATE_LIMITED


async def test_each_rate_of_a_key_must_hold() -> None:
    clock = HandClock()
    limits = limiter(clock, KeyLimits(rate=("2/second", "3/minute")))
    for _ in range(2):
        await pass_through(limits)
    clock.pass_seconds(1)
    await pass_through(limits)

    assert (await refusal_of(limits)).retry_after_seconds == 19.0


async def test_rates_go_by_the_id_of_the_key_and_not_by_its_name() -> None:
    limits = limiter(HandClock(), KeyLimits(rate="1/minute"))
    await pass_through(limits)
    await pass_through(limits, confirmed(Principal(id="key_other", name=LAPTOP.name)))

    renamed = Principal(id=LAPTOP.id, name="renamed")

    assert (await refusal_of(limits, confirmed(renamed))).reason is Reason.RATE_LIMITED


async def test_the_limits_are_those_of_the_name_and_else_those_of_every_key() -> None:
    limits = limiter(
        HandClock(),
        KeyLimits(rate="1/minute", concurrency=1),
        keys={"server": KeyLimits(rate="3/minute")},
    )
    for _ in range(3):
        await pass_through(limits, confirmed(SERVER))

    assert (await refusal_of(limits, confirmed(SERVER))).reason is Reason.RATE_LIMITED
    assert limits.describe(identified(SERVER))["limits"]["concurrency"] == 1


async def test_a_tool_has_a_rate_for_each_key_and_one_for_all_together() -> None:
    tools = {"github/create_issue": ToolLimits(rate="1/minute", rate_total="2/hour")}
    limits = limiter(HandClock(), tools=tools)
    await pass_through(limits)
    own = await refusal_of(limits)
    await pass_through(limits, confirmed(SERVER))
    total = await refusal_of(limits, confirmed(Principal(id="key_third", name="third")))
    await pass_through(limits, confirmed(tool="list_issues"))

    assert own.retry_after_seconds == 60.0
    assert total.retry_after_seconds == 1800.0


async def test_a_refusal_by_one_rate_uses_up_none_of_the_others() -> None:
    tools = {"github/create_issue": ToolLimits(rate="1/minute")}
    limits = limiter(HandClock(), KeyLimits(rate="10/minute"), tools=tools)
    await pass_through(limits)
    for _ in range(20):
        await refusal_of(limits)

    assert limits.describe(identified())["limits"]["rate"][0]["remaining"] == 9


@pytest.mark.parametrize("kind", [Kind.RESOURCE, Kind.PROMPT, Kind.RESOURCE_TEMPLATE])
async def test_a_prompt_that_is_called_like_a_tool_is_not_that_tool(kind: Kind) -> None:
    limits = limiter(HandClock(), tools=PAID)

    with limits.admit(confirmed(kind=kind)) as admission:
        assert admission.admitted.cost_micros == 0


async def test_ids_and_tools_cannot_be_arranged_to_share_a_count() -> None:
    tools = {
        "github/a": ToolLimits(rate="1/hour"),
        "github/a b": ToolLimits(rate="1/hour"),
    }
    limits = limiter(HandClock(), tools=tools)

    await pass_through(limits, confirmed(Principal(id="k", name="n"), "a b"))
    await pass_through(limits, confirmed(Principal(id="k github/a", name="n"), "a"))
    await pass_through(limits, confirmed(Principal(id="b k", name="n"), "a"))


async def test_only_so_many_calls_run_at_once_and_the_place_is_always_freed() -> None:
    limits = limiter(HandClock(), KeyLimits(rate="10/minute", concurrency=2))
    ends: list[BaseException | None] = [None, refused(), KeyboardInterrupt(), ValueError()]
    for end in ends:
        first, second = limits.admit(confirmed()), limits.admit(confirmed())
        first.__enter__()
        second.__enter__()
        denied = await refusal_of(limits)
        assert denied.reason is Reason.RATE_LIMITED
        assert denied.retry_after_seconds == 1.0
        for admission in (first, second):
            admission.__exit__(type(end) if end else None, end, None)
        assert active(limits) == 0

    assert limits.describe(identified())["limits"]["rate"][0]["remaining"] == 2


async def test_one_callers_calls_take_no_place_of_another() -> None:
    limits = limiter(HandClock(), KeyLimits(concurrency=1))

    with limits.admit(confirmed()):
        await pass_through(limits, confirmed(SERVER))


async def test_a_refused_call_holds_no_place_and_no_money() -> None:
    limits = limiter(
        HandClock(), KeyLimits(rate="1/minute", concurrency=1, budget="1 USD/day"), tools=PAID
    )
    await pass_through(limits)
    for _ in range(5):
        await refusal_of(limits)

    assert active(limits) == 0
    assert spent(limits) == 2_000


async def test_a_new_configuration_goes_on_with_what_is_counted() -> None:
    clock = HandClock()
    every = KeyLimits(rate="2/minute", concurrency=1, budget="0.002 USD/day")
    before = limiter(clock, every, tools=PAID)
    with before.admit(confirmed()) as admission:
        after = limiter(clock, every, tools=PAID, state=before.state)
        assert (await refusal_of(after)).retry_after_seconds == 1.0
        admission.commit()

    assert (await refusal_of(after)).reason is Reason.BUDGET_EXHAUSTED
    assert (await refusal_of(after)).reason is Reason.BUDGET_EXHAUSTED  # it was not counted
    await pass_through(after, confirmed(tool="free"))
    assert (await refusal_of(after)).reason is Reason.RATE_LIMITED


async def test_listings_and_pings_count_against_the_same_rate() -> None:
    """Threat D05: whatever the mixture, N of all together."""
    limits = limiter(HandClock(), KeyLimits(rate="3/minute"))
    await limits.count(identified())
    await pass_through(limits)
    await limits.count(identified(method="ping"))

    with pytest.raises(Denied) as caught:
        await limits.count(identified())
    assert caught.value.reason is Reason.RATE_LIMITED
    assert caught.value.retry_after_seconds == 20.0
    assert (await refusal_of(limits)).reason is Reason.RATE_LIMITED


async def test_a_key_without_rates_is_not_counted() -> None:
    limits = limiter(HandClock())
    for _ in range(100):
        await limits.count(identified())


BUDGET = {
    "limit": "10 USD/day",
    "spent": "0.002 USD",
    "remaining": "9.998 USD",
    "resets_at": "2027-01-16T00:00:00Z",
    "used_up_at": None,
}


async def test_a_caller_can_see_its_limits_and_what_is_left() -> None:
    every = KeyLimits(rate=("60/minute", "100/day"), concurrency=4, budget="10 USD/day")
    limits = limiter(HandClock(), every, tools=PAID)
    with limits.admit(confirmed()) as admission:
        admission.commit()
        described = limits.describe(identified())

    assert described == {
        "limits": {
            "rate": [
                {"limit": "60/minute", "remaining": 59, "resets_in_seconds": 1.0},
                {"limit": "100/day", "remaining": 99, "resets_in_seconds": 864.0},
            ],
            "concurrency": 4,
            "budget": BUDGET,
            "budgets": [BUDGET],
        },
        "usage": {"active_calls": 1, "spent": [dict.fromkeys(PERIODS, "0.002 USD")]},
    }


async def test_a_caller_without_limits_sees_none() -> None:
    assert limiter(HandClock()).describe(identified()) == {
        "limits": {"rate": [], "concurrency": None, "budget": None, "budgets": []},
        "usage": {"active_calls": 0, "spent": []},
    }


async def test_a_total_never_resets() -> None:
    limits = limiter(HandClock(), KeyLimits(budget="10 USD/total"))

    assert limits.describe(identified())["limits"]["budget"]["resets_at"] is None


async def test_describing_counts_nothing() -> None:
    limits = limiter(HandClock(), MINUTE)
    for _ in range(5):
        limits.describe(identified())

    assert limits.describe(identified())["limits"]["rate"][0]["remaining"] == 2


async def test_memory_is_bounded_however_many_callers_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "PLANS_MAX", 10)
    monkeypatch.setattr(state, "IDLE_CALLERS_MAX", 10)
    clock = HandClock()
    limits = limiter(clock, KeyLimits(concurrency=1), state=memory_state(clock))
    busy: list[Admission | SharedAdmission] = []
    for number in range(200):
        principal = Principal(id=f"key_{number}", name="many")
        if number < 3:
            busy.append(limits.admit(confirmed(principal)))
            busy[-1].__enter__()
        elif number == 3:
            limits.observe(reply(principal, refusal=refused()))
        else:
            await pass_through(limits, confirmed(principal))

    assert len(limits.plans) <= 10
    assert len(limits.state.callers) <= 24
    for number in range(3):
        subject = confirmed(Principal(id=f"key_{number}", name="many"))
        assert (await refusal_of(limits, subject)).reason is Reason.RATE_LIMITED
    assert limits.state.callers["key_3"].failures == 1
    for admission in busy:
        admission.__exit__(None, None, None)


async def test_what_the_gate_asks_of_itself_costs_the_caller_nothing() -> None:
    """Or a server whose lists change all the time would use up the rate of who watches its resources."""
    limits = limiter(HandClock(), MINUTE)
    subject = confirmed(kind=Kind.RESOURCE)
    validated = subject.validated
    call = msgspec.structs.replace(validated.permitted.call, operation=JUDGE_AGAIN)
    permitted = msgspec.structs.replace(validated.permitted, call=call)
    asked = Confirmed(msgspec.structs.replace(validated, permitted=permitted))
    for _ in range(100):
        await pass_through(limits, asked)
    await pass_through(limits, subject)
    await pass_through(limits, subject)

    assert (await refusal_of(limits, subject)).reason is Reason.RATE_LIMITED


def test_who_was_forgotten_has_no_more_places_than_who_was_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is kept of the caller and the target leads to the caller that is counted now."""
    monkeypatch.setattr(state, "IDLE_CALLERS_MAX", 1)
    limits, subject = limiter(HandClock(), KeyLimits(concurrency=1)), confirmed()
    with limits.admit(subject):
        pass
    limits.state.of("somebody else")
    limits.state.of("one more")  # and who is idle is forgotten

    with limits.admit(confirmed()), pytest.raises(Denied):
        limits.admit(subject)
