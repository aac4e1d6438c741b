"""What policies may look at besides the arguments: the age of the key, people's consent, what was seen."""

from typing import Any

import pytest

from tests.clock import HandClock
from tests.yett.authorization.asking import (
    TUESDAY_NOON,
    ask,
    authorizer,
    listed,
    principal,
    refusal,
    tool,
)
from yett.authorization.build import build
from yett.core.identity import Principal
from yett.core.reasons import Reason

GRANT = 'permit(principal in Role::"reader", action, resource);'
HOUR = 3_600


def made(seconds_ago: float) -> Principal:
    return Principal(
        id="k1", name="laptop", roles=("reader",), created_at=TUESDAY_NOON - seconds_ago
    )


def test_a_policy_reads_how_old_the_key_is() -> None:
    gate = authorizer(
        GRANT + "forbid(principal, action, resource) when { context.key_age > 90 * 86400 };"
    )

    ask(gate, made(HOUR))
    ask(gate, made(90 * 86_400))
    assert refusal(gate, made(90 * 86_400 + 1)).reason is Reason.NOT_PERMITTED


def test_a_key_grows_older_between_two_calls() -> None:
    clock = HandClock(TUESDAY_NOON)
    gate = authorizer(
        GRANT + "forbid(principal, action, resource) when { context.key_age >= 60 };", clock=clock
    )
    key = made(0)

    ask(gate, key)
    clock.pass_seconds(60)
    refusal(gate, key)


def test_two_keys_of_one_role_are_told_apart_by_their_age() -> None:
    gate = authorizer(GRANT + "forbid(principal, action, resource) when { context.key_age < 60 };")

    for _ in range(2):
        ask(gate, made(HOUR))
        refusal(gate, made(1))


def test_a_caller_whose_age_nobody_knows_is_denied_by_who_asks_for_it() -> None:
    gate = authorizer(GRANT + "forbid(principal, action, resource) when { context.key_age < 60 };")

    assert "cannot be judged" in refusal(gate, principal("reader")).private


def test_a_policy_that_wants_consent_asks_for_as_many_people_as_it_needs() -> None:
    gate = authorizer(
        GRANT
        + '@id("two") forbid(principal, action == Action::"write", resource)'
        + " unless { context.approval.people >= 2 };"
    )

    assert ask(gate).ask is None
    wanted = ask(gate, what=tool("delete", "write")).ask
    assert wanted is not None
    assert (wanted.people, wanted.policies) == (2, ("two",))
    assert listed(gate, None, tool("delete", "write")) == ["github/delete"]


def test_a_permit_may_wait_for_consent() -> None:
    gate = authorizer(
        '@id("asked") permit(principal in Role::"reader", action, resource)'
        " when { context.approval.granted };"
    )

    wanted = ask(gate).ask
    assert wanted is not None
    assert (wanted.people, wanted.policies) == (1, ("asked",))
    assert refusal(gate, principal("writer")).reason is Reason.NOT_PERMITTED


def test_no_consent_overrides_another_forbid() -> None:
    gate = authorizer(
        GRANT
        + "forbid(principal, action, resource) unless { context.approval.granted };"
        + 'forbid(principal, action, resource) when { principal.tenant == "acme" };'
    )

    assert refusal(gate).reason is Reason.NOT_PERMITTED


def test_consent_helps_nobody_whose_policies_cannot_be_evaluated() -> None:
    gate = authorizer(
        GRANT
        + "forbid(principal, action, resource)"
        + " unless { context.arguments.n > 3 || context.approval.granted };"
    )

    assert "cannot be judged" in refusal(gate).private
    assert ask(gate, arguments={"n": 4}).ask is None
    assert ask(gate, arguments={"n": 3}).ask is not None


ERRING = (
    GRANT + '@id("erring") forbid(principal, action, resource) when { context.arguments.n > 3 };'
)


def alarms(*arguments: dict[str, Any], clock: HandClock | None = None) -> list[dict[str, Any]]:
    """Return the events of these calls, ten seconds apart, none of which is permitted."""
    events: list[dict[str, Any]] = []
    clock = clock or HandClock(TUESDAY_NOON)
    gate = build(
        {"reader": ()}, {"policies/x.cedar": ERRING}, clock=clock, record_event=events.append
    )
    for each in arguments:
        refusal(gate, arguments=each)
        clock.pass_seconds(10)
    return events


def test_a_policy_that_cannot_be_evaluated_raises_an_alarm() -> None:
    assert alarms({}) == [
        {
            "event": "policy.error",
            "alert": "high",
            "actor": "gate",
            "policy": "erring",
            "tool": "github/search",
            "caller": "k1",
            "why": "policy `erring`: record does not have the attribute `n`",
        }
    ]


@pytest.mark.parametrize("value", ["hunter2", ["hunter2", None], {"hunter2": 1.23456}, 2**70])
def test_the_alarm_says_no_value(value: Any) -> None:
    (event,) = alarms({"n": value})

    assert event["policy"] == "erring"
    assert "hunter2" not in str(event)
    assert str(2**70) not in str(event)


def test_nobody_floods_the_record_with_alarms() -> None:
    assert len(alarms(*[{}] * 6)) == 1
    assert len(alarms(*[{}] * 7)) == 2


def test_one_call_raises_a_handful_of_alarms_at_most() -> None:
    events: list[dict[str, Any]] = []
    many = GRANT + "forbid(principal, action, resource) when { context.arguments.n > 3 };" * 50
    gate = build(
        {"reader": ()},
        {"policies/x.cedar": many},
        clock=HandClock(TUESDAY_NOON),
        record_event=events.append,
    )

    refusal(gate, arguments={})
    assert [event["policy"] for event in events] == [f"x.cedar:{n}" for n in range(1, 6)]


def test_what_is_only_refused_raises_no_alarm() -> None:
    assert alarms({"n": 4}) == []
