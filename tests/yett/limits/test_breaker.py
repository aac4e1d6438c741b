"""The caller's breaker, as seen through `admit`, `count` and `observe`."""

import asyncio

import msgspec
import pytest

from tests.clock import HandClock
from tests.yett.limits.scene import (
    LAPTOP,
    SERVER,
    confirmed,
    identified,
    limiter,
    refused,
    reply,
)
from yett.core.call import RpcError
from yett.core.errors import ConfigurationError, Denied, Fault
from yett.core.identity import Principal
from yett.core.operations import JUDGE_AGAIN
from yett.core.proofs import Confirmed
from yett.core.reasons import Reason
from yett.limits.config import BreakerConfig, KeyLimits
from yett.limits.stage import Limiter

THREE = BreakerConfig(failures=3, cooldown="30s")


def fail(limits: Limiter, times: int = 1, principal: Principal = LAPTOP) -> None:
    for _ in range(times):
        limits.observe(reply(principal, refusal=refused()))


async def is_open(limits: Limiter, principal: Principal = LAPTOP) -> bool:
    try:
        with limits.admit(confirmed(principal, number="look")):
            pass
    except Denied as denied:
        return denied.reason is Reason.CIRCUIT_OPEN
    return False


async def test_fifty_failures_in_a_row_open_it_by_default() -> None:
    limits = limiter(HandClock())
    fail(limits, 49)
    with limits.admit(confirmed()):
        pass
    fail(limits)

    with pytest.raises(Denied) as caught:
        limits.admit(confirmed()).__enter__()
    assert caught.value.reason is Reason.CIRCUIT_OPEN
    assert caught.value.retry_after_seconds == 30.0
    assert "50 failures" in caught.value.private


async def test_open_it_refuses_listings_too_until_the_cooldown_is_over() -> None:
    clock = HandClock()
    limits = limiter(clock, breaker=THREE)
    fail(limits, 3)
    clock.pass_seconds(10)

    with pytest.raises(Denied) as caught:
        await limits.count(identified())
    assert caught.value.retry_after_seconds == 20.0
    clock.pass_seconds(20)
    await limits.count(identified())


async def test_a_success_begins_the_row_anew() -> None:
    limits = limiter(HandClock(), breaker=THREE)
    for _ in range(5):
        fail(limits, 2)
        limits.observe(reply())

    assert not await is_open(limits)


@pytest.mark.parametrize("method", ["ping", "tools/list", "initialize", "yett/usage"])
async def test_pings_and_listings_between_failures_do_not_keep_it_shut(method: str) -> None:
    limits = limiter(HandClock(), breaker=THREE)
    for _ in range(3):
        fail(limits)
        limits.observe(reply(method=method, result={}))

    assert await is_open(limits)


@pytest.mark.parametrize(
    "failure",
    [
        {"result": {"isError": True, "content": []}},
        {"error": RpcError(-32000, "no")},
        {"refusal": Fault(Reason.UPSTREAM_TIMEOUT, "slow", sent=True)},
        {"refusal": refused(Reason.INVALID_INPUT)},
        {"refusal": refused(Reason.UNKNOWN_TOOL)},
        {"refusal": refused(Reason.UNKNOWN_METHOD), "method": "ping"},
    ],
    ids=repr,
)
async def test_what_counts_as_a_failure(failure: dict[str, object]) -> None:
    limits = limiter(HandClock(), breaker=THREE)
    for _ in range(3):
        limits.observe(reply(**failure))  # type: ignore[arg-type]  # one keyword each

    assert await is_open(limits)


@pytest.mark.parametrize(
    "reason",
    [
        Reason.RATE_LIMITED,
        Reason.CIRCUIT_OPEN,
        Reason.BUDGET_EXHAUSTED,
        Reason.AUDIT_UNAVAILABLE,
    ],
)
async def test_a_lack_of_room_says_nothing(reason: Reason) -> None:
    limits = limiter(HandClock(), breaker=THREE)
    fail(limits, 2)
    for _ in range(10):
        limits.observe(reply(refusal=refused(reason)))
    assert not await is_open(limits)
    fail(limits)
    assert await is_open(limits)


@pytest.mark.parametrize("odd", ["true", 1, None, False])
async def test_only_the_boolean_true_is_an_error_of_a_tool(odd: object) -> None:
    limits = limiter(HandClock(), breaker=THREE)
    for _ in range(5):
        limits.observe(reply(result={"isError": odd}))

    assert not await is_open(limits)


async def test_calls_of_nobody_open_nothing() -> None:
    limits = limiter(HandClock(), breaker=THREE)
    for _ in range(10):
        limits.observe(reply(None, refusal=refused(Reason.UNAUTHENTICATED)))

    assert limits.state.callers == {}


async def test_one_callers_failures_cost_another_nothing() -> None:
    """Threat D10."""
    limits = limiter(HandClock(), breaker=THREE)
    fail(limits, 10)

    assert await is_open(limits)
    assert not await is_open(limits, SERVER)
    await limits.count(identified(SERVER))


async def opened(clock: HandClock) -> Limiter:
    """A breaker whose cooldown has just ended."""
    limits = limiter(clock, breaker=THREE)
    fail(limits, 3)
    assert await is_open(limits)
    clock.pass_seconds(30)
    return limits


async def test_after_the_cooldown_exactly_one_probe_is_let_through() -> None:
    limits = await opened(HandClock())
    inside = 0

    async def one(number: int) -> None:
        nonlocal inside
        with limits.admit(confirmed(number=f"call-{number}")):
            inside += 1
            await asyncio.sleep(0)

    results = await asyncio.gather(*(one(n) for n in range(50)), return_exceptions=True)

    assert inside == 1
    denials = [result for result in results if isinstance(result, Denied)]
    assert len(denials) == 49
    assert {denied.reason for denied in denials} == {Reason.CIRCUIT_OPEN}
    assert {denied.retry_after_seconds for denied in denials} == {1.0}


async def probe(limits: Limiter) -> None:
    with limits.admit(confirmed(number="probe")):
        await limits.count(identified())  # a listing meanwhile disturbs nobody


async def test_a_probe_that_succeeds_closes_it() -> None:
    limits = await opened(HandClock())
    await probe(limits)
    limits.observe(reply(number="probe"))

    assert not await is_open(limits)
    fail(limits, 2)
    assert not await is_open(limits)


async def test_each_probe_that_fails_doubles_the_cooldown_up_to_a_limit() -> None:
    clock = HandClock()
    limits = limiter(clock, breaker=BreakerConfig(failures=3, cooldown="30s", cooldown_max="100s"))
    fail(limits, 3)
    clock.pass_seconds(30)
    for seconds in (60, 100, 100):
        await probe(limits)
        limits.observe(reply(number="probe", result={"isError": True}))
        clock.pass_seconds(seconds - 1)
        assert await is_open(limits)
        clock.pass_seconds(1)
    await probe(limits)
    limits.observe(reply(number="probe"))

    clock.pass_seconds(201)
    fail(limits, 3)
    clock.pass_seconds(30)
    assert not await is_open(limits)


async def test_a_probe_whose_caller_hangs_up_counts_as_failed() -> None:
    clock = HandClock()
    limits = await opened(clock)
    with pytest.raises(asyncio.CancelledError), limits.admit(confirmed(number="probe")):
        raise asyncio.CancelledError
    assert await is_open(limits)
    clock.pass_seconds(30)
    await probe(limits)


async def test_a_probe_without_a_verdict_leaves_the_place_to_the_next() -> None:
    limits = await opened(HandClock())
    await probe(limits)
    limits.observe(reply(number="probe", refusal=refused(Reason.AUDIT_UNAVAILABLE)))

    await probe(limits)
    limits.observe(reply(number="probe"))
    assert not await is_open(limits)


async def test_a_call_without_room_is_no_probe() -> None:
    clock = HandClock()
    limits = limiter(clock, KeyLimits(rate="1/minute"), breaker=THREE)
    with limits.admit(confirmed()):
        pass
    fail(limits, 3)
    clock.pass_seconds(30)
    with pytest.raises(Denied) as caught:
        limits.admit(confirmed()).__enter__()
    assert caught.value.reason is Reason.RATE_LIMITED
    limits.observe(reply(refusal=caught.value))
    clock.pass_seconds(30)

    assert not await is_open(limits)


async def test_replies_to_calls_from_before_decide_nothing() -> None:
    clock = HandClock()
    limits = await opened(clock)
    limits.observe(reply(number="old"))
    fail(limits)
    with limits.admit(confirmed(number="probe")):
        limits.observe(reply(number="old"))
        limits.observe(reply(number="new", started=clock.running, refusal=refused()))
        with pytest.raises(Denied):
            limits.admit(confirmed()).__enter__()
    limits.observe(reply(number="probe"))

    assert not await is_open(limits)


async def test_a_call_refused_before_it_could_be_a_probe_opens_it_again() -> None:
    clock = HandClock()
    limits = await opened(clock)
    limits.observe(reply(number="guess", started=clock.running, refusal=refused()))

    assert await is_open(limits)


async def test_what_the_gate_asks_of_itself_is_no_failure_of_the_caller() -> None:
    """Or a change of policy would lock out who watched many resources."""
    limits = limiter(HandClock(), breaker=THREE)
    failed = reply(LAPTOP, refusal=refused())
    call = msgspec.structs.replace(failed.call, operation=JUDGE_AGAIN)
    for _ in range(10):
        limits.observe(msgspec.structs.replace(failed, call=call))

    assert not await is_open(limits)


async def test_as_a_probe_it_counts() -> None:
    clock = HandClock()
    limits = limiter(clock, breaker=THREE)
    fail(limits, 3)
    clock.pass_seconds(31)
    with limits.admit(confirmed(number="probe")):
        pass
    good = reply(LAPTOP, result={})
    call = msgspec.structs.replace(good.call, id="probe", operation=JUDGE_AGAIN)
    limits.observe(msgspec.structs.replace(good, call=call))

    assert not await is_open(limits)


def events(limits: Limiter) -> list[dict[str, object]]:
    told: list[dict[str, object]] = []
    limits.state.notices.report(told.append)
    return told


async def test_opening_is_told_once_with_who_and_why() -> None:
    limits = limiter(HandClock(), breaker=THREE)
    fail(limits, 5)

    (event,) = events(limits)

    assert event["event"] == "breaker.opened"
    assert event["alert"] == "high"
    assert (event["caller"], event["key"]) == (LAPTOP.id, LAPTOP.name)
    assert event["why"] == "3 failures in a row"
    assert not events(limits)


async def test_many_failures_among_successes_open_it_if_a_rate_is_set() -> None:
    limits = limiter(HandClock(), breaker=BreakerConfig(failure_rate="60% of 10"))
    for _ in range(5):
        limits.observe(reply())
    fail(limits, 5)
    assert not await is_open(limits)
    fail(limits)

    assert await is_open(limits)
    assert "6 failures in 10 calls" in str(events(limits)[0]["why"])


async def test_few_calls_say_nothing_about_a_rate() -> None:
    limits = limiter(HandClock(), breaker=BreakerConfig(failure_rate="10% of 10"))
    fail(limits, 9)

    assert not await is_open(limits)


def repeated(arguments: bytes, tool: str = "create_issue", who: Principal = LAPTOP) -> Confirmed:
    subject = confirmed(who, tool)
    return msgspec.structs.replace(
        subject, validated=msgspec.structs.replace(subject.validated, encoded=arguments)
    )


async def test_the_same_call_again_and_again_is_stopped_and_other_calls_are_none_of_it() -> None:
    clock = HandClock()
    limits = limiter(clock, breaker=BreakerConfig(identical="5/minute"))
    for number in range(50):
        limits.admit(repeated(b"%d" % number)).__exit__(None, None, None)
        limits.admit(repeated(b"%d" % number, "other")).__exit__(None, None, None)
    for _ in range(4):
        limits.admit(repeated(b"7")).__exit__(None, None, None)
    limits.admit(repeated(b"7", who=SERVER)).__exit__(None, None, None)
    with pytest.raises(Denied) as caught:
        limits.admit(repeated(b"7"))

    assert caught.value.reason is Reason.CIRCUIT_OPEN
    assert caught.value.retry_after_seconds == 30.0
    assert await is_open(limits)
    assert not await is_open(limits, SERVER)
    assert "the same call of github/create_issue" in str(events(limits)[0]["why"])


async def test_going_through_all_tools_is_stopped() -> None:
    clock = HandClock()
    limits = limiter(clock, breaker=BreakerConfig(tools="3/minute"))
    for _ in range(10):
        for tool in ("a", "b", "c"):
            clock.pass_seconds(1)
            limits.admit(confirmed(tool=tool)).__exit__(None, None, None)
    clock.pass_seconds(61)
    for tool in ("d", "e", "f"):
        limits.admit(confirmed(tool=tool)).__exit__(None, None, None)
    with pytest.raises(Denied) as caught:
        limits.admit(confirmed(tool="g"))

    assert caught.value.reason is Reason.CIRCUIT_OPEN


async def test_going_through_all_records_is_stopped_and_asking_for_the_same_ones_is_not() -> None:
    clock = HandClock()
    limits = limiter(clock, breaker=BreakerConfig(records="5/minute"))
    for _ in range(10):
        for number in range(5):
            clock.pass_seconds(0.5)
            limits.admit(repeated(b"%d" % number)).__exit__(None, None, None)
    limits.admit(repeated(b"9", who=SERVER)).__exit__(None, None, None)
    with pytest.raises(Denied) as caught:
        limits.admit(repeated(b"6"))

    assert caught.value.reason is Reason.CIRCUIT_OPEN
    assert "more than 5 different records" in str(events(limits)[0]["why"])
    assert not await is_open(limits, SERVER)


async def test_records_of_long_ago_do_not_count() -> None:
    clock = HandClock()
    limits = limiter(clock, breaker=BreakerConfig(records="5/minute"))
    for number in range(50):
        clock.pass_seconds(20)
        limits.admit(repeated(b"%d" % number)).__exit__(None, None, None)

    assert not await is_open(limits)
    caller = limits.state.callers[LAPTOP.id]
    assert caller.records is not None
    assert len(caller.records) <= 5


def test_more_than_can_be_remembered_is_refused_at_load() -> None:
    with pytest.raises(ConfigurationError, match="not remembered"):
        limiter(HandClock(), breaker=BreakerConfig(records="20000/day"))


async def test_what_an_operator_shuts_is_shut_and_nothing_is_held_against_the_caller() -> None:
    limits = limiter(HandClock(), breaker=THREE)
    fail(limits, 3)
    assert await is_open(limits)

    limits.state.unblock(LAPTOP.id)
    limits.state.unblock("key_nobody")

    assert not await is_open(limits)
    fail(limits, 2)
    assert not await is_open(limits)
