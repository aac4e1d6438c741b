"""Who has no good credential fails so often with a record of it; after that it is counted."""

from typing import Any

import pytest

from tests.clock import HandClock
from yett.core.errors import Denied, Fault, Refusal
from yett.core.reasons import Reason
from yett.limits.build import open_strangers
from yett.limits.strangers import NAMELESS, OF_ALL, OF_ONE, REPORT_SECONDS, Strangers

PEER = "192.0.2.1"
BAD = Denied(Reason.UNAUTHENTICATED, "no such key")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def strangers(clock: HandClock) -> Strangers:
    return open_strangers(clock, "data")


def borne(strangers: Strangers, count: int, peer: str = PEER) -> list[Refusal]:
    return [strangers.bear(peer, BAD) for _ in range(count)]


def report(strangers: Strangers, *, last: bool = False) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    strangers.report(events.append, last=last)
    return events


def test_within_the_budget_a_refusal_is_what_it_was(strangers: Strangers) -> None:
    assert borne(strangers, OF_ONE.count) == [BAD] * OF_ONE.count
    assert report(strangers, last=True) == []


def test_beyond_it_one_is_recorded_and_the_rest_are_counted(strangers: Strangers) -> None:
    borne(strangers, OF_ONE.count)
    first, *rest = borne(strangers, 480)

    assert (first.reason, first.counted) == (Reason.RATE_LIMITED, False)
    assert first.retry_after_seconds == pytest.approx(60 / OF_ONE.count)
    assert all(refusal.counted for refusal in rest)
    assert report(strangers) == []
    [event] = report(strangers, last=True)
    assert (event["refused"], event["most"]) == (479, {PEER: 479})


def test_another_address_has_a_budget_of_its_own(strangers: Strangers) -> None:
    borne(strangers, 100)

    assert borne(strangers, 1, "192.0.2.2") == [BAD]


@pytest.mark.parametrize(
    ("one", "other"),
    [("2001:db8::1", "2001:db8::ffff:2"), ("::ffff:192.0.2.1", PEER), ("fe80::1%eth0", "fe80::2")],
)
def test_addresses_of_one_subscriber_share_a_budget(
    strangers: Strangers, one: str, other: str
) -> None:
    borne(strangers, OF_ONE.count, one)

    assert borne(strangers, 1, other)[0].reason is Reason.RATE_LIMITED


def test_patience_brings_the_budget_back(strangers: Strangers, clock: HandClock) -> None:
    borne(strangers, OF_ONE.count + 1)
    clock.pass_seconds(60 / OF_ONE.count)
    assert borne(strangers, 1) == [BAD]
    clock.pass_seconds(60)

    assert borne(strangers, OF_ONE.count) == [BAD] * OF_ONE.count


def test_many_addresses_together_have_one_too(strangers: Strangers) -> None:
    """Or a thousand of them would fill the log with twenty records each, every minute."""
    singly = [strangers.bear(f"198.51.{n // 250}.{n % 250}", BAD) for n in range(5_000)]

    assert singly.count(BAD) == OF_ALL.count
    assert sum(not refusal.counted for refusal in singly) <= OF_ALL.count + 1_001
    [event] = report(strangers, last=True)
    assert event["refused"] == sum(refusal.counted for refusal in singly)
    assert event["addresses"] <= 1_001
    assert len(event["most"]) == 10


def test_a_report_comes_once_a_minute_while_it_goes_on(
    strangers: Strangers, clock: HandClock
) -> None:
    events = []
    for _ in range(300):
        borne(strangers, 5)
        events += report(strangers)
        clock.pass_seconds(1)

    assert len(events) == 300 // REPORT_SECONDS - 1
    assert len(report(strangers, last=True)) == 1
    assert report(strangers, last=True) == []


def test_a_report_that_cannot_be_recorded_is_kept(strangers: Strangers, clock: HandClock) -> None:
    def fail(_: object) -> None:
        raise Fault(Reason.AUDIT_UNAVAILABLE, "full")

    borne(strangers, OF_ONE.count + 11)
    clock.pass_seconds(REPORT_SECONDS)
    with pytest.raises(Fault):
        strangers.report(fail)
    assert report(strangers) == []  # not again at once
    clock.pass_seconds(REPORT_SECONDS)

    assert [event["refused"] for event in report(strangers)] == [10]


def test_what_is_not_about_a_credential_is_told_as_ever(strangers: Strangers) -> None:
    borne(strangers, OF_ONE.count + 1)
    nothing = strangers.bear(PEER, Denied(Reason.UNKNOWN_PATH, "path"))

    assert (nothing.reason, nothing.counted) == (Reason.UNKNOWN_PATH, True)
    assert nothing.retry_after_seconds is None
    assert Reason.MALFORMED_REQUEST not in NAMELESS  # only told to those whose key is good
