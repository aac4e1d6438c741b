"""The life of an alert: one for the same thing, told once, looked after, silenced, over; each step recorded."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clock import HandClock
from yett.alerts import queue
from yett.alerts.alert import Sighting
from yett.alerts.book import NEW_PER_HOUR_MAX, SILENCES_MAX, AlertBook
from yett.alerts.config import AlertsConfig, Destination, Route
from yett.core.errors import CommandError
from yett.storage.build import open_database
from yett.storage.port import Database

DAY = 86_400.0
SLACK = Destination(slack="secret:slack")
EVERYWHERE = AlertsConfig(to={"ops": SLACK, "soc": SLACK})


class Office:
    def __init__(self, data: Path) -> None:
        self.database: Database = open_database(data)
        self.clock = HandClock()
        self.book = AlertBook(self.database, self.clock)

    def waiting(self) -> list[tuple[str, str]]:
        rows = self.database.fetch("select destination, type from alert_messages order by id")
        return [(str(name), str(type_)) for name, type_ in rows]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(str(row[0])) for row in self.database.fetch("select event from outbox order by id")]  # fmt: skip


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path / "data")
    yield found
    found.database.close()


def seen(kind: str = "volume", subject: str = "key:k1", **more: Any) -> Sighting:
    return Sighting(kind, subject, "key laptop made 412 calls", **{"severity": "high"} | more)


def test_the_same_thing_is_one_alert_that_is_told_once_and_counts(office: Office) -> None:
    for _ in range(5):
        office.book.note([seen(), seen(subject="key:k2")], EVERYWHERE)

    assert {one.subject: one.count for one in office.book.find()} == {"key:k1": 5, "key:k2": 5}
    assert office.waiting() == [("ops", "raised"), ("soc", "raised")] * 2
    raised = [one for one in office.events() if one["event"] == "alert.raised"]
    assert [(one["subject"], one["told"]) for one in raised] == [
        ("key:k1", ["ops", "soc"]), ("key:k2", ["ops", "soc"]),
    ]  # fmt: skip
    assert "alert" not in raised[0]  # or it would raise itself


def test_tenants_do_not_share_an_alert(office: Office) -> None:
    office.book.note([seen(tenant="a"), seen(tenant="b")], EVERYWHERE)

    assert {one.tenant for one in office.book.find()} == {"a", "b"}
    assert [one.tenant for one in office.book.find(tenant="b")] == ["b"]


def test_it_is_over_when_it_was_quiet_and_then_it_is_a_new_one(office: Office) -> None:
    office.book.note([seen()], EVERYWHERE)
    (first,) = office.book.find()
    office.clock.pass_seconds(2 * 3600 - 1)
    office.book.sweep(EVERYWHERE)
    assert office.book.find() == [first]
    office.clock.pass_seconds(1)
    office.book.sweep(EVERYWHERE)

    assert office.book.find() == []
    assert office.waiting()[2:] == [("ops", "resolved"), ("soc", "resolved")]
    assert office.events()[-1]["event"] == "alert.resolved"
    office.book.note([seen()], EVERYWHERE)
    assert [one.id != first.id for one in office.book.find()] == [True]
    assert len(office.book.find(with_resolved=True)) == 2


def test_who_looks_after_it_is_not_told_again_unless_it_becomes_urgent(office: Office) -> None:
    office.book.note([seen(severity="low")], EVERYWHERE)
    (alert,) = office.book.find()
    office.book.acknowledge(alert.id, actor="cli:anna", note="on\nit")
    office.book.acknowledge(alert.id, actor="cli:bert")
    office.book.note([seen(severity="low")], EVERYWHERE)

    (alert,) = office.book.find()
    assert (alert.state, alert.acknowledged_by, alert.note) == ("acknowledged", "cli:anna", "on it")
    assert len(office.waiting()) == 2
    assert [one["actor"] for one in office.events() if one["event"] == "alert.acknowledged"] == ["cli:anna"]  # fmt: skip
    office.book.note([seen(severity="high")], EVERYWHERE)
    assert len(office.waiting()) == 4
    assert office.book.find()[0].state == "open"
    office.clock.pass_seconds(DAY)
    office.book.sweep(EVERYWHERE)
    with pytest.raises(CommandError, match="over already"):
        office.book.acknowledge(alert.id, actor="cli:anna")


def test_a_later_threshold_is_told_again(office: Office) -> None:
    for threshold, urgent in (("14d", "low"), ("14d", "low"), ("7d", "low"), ("1d", "high")):
        office.book.note([seen(severity=urgent, numbers={"threshold": threshold})], EVERYWHERE)

    assert len(office.waiting()) == 3 * 2


@pytest.mark.parametrize("what", ["volume", "key:k1"])
def test_what_is_silenced_is_kept_and_told_when_the_silence_ends(office: Office, what: str) -> None:
    made = office.book.silence(what, seconds=60, reason="a drill", actor="cli:anna")
    office.book.note([seen()], EVERYWHERE)

    assert [one.silenced for one in office.book.find()] == [True]
    assert office.waiting() == []
    assert [one["what"] for one in office.book.silences()] == [what]
    office.clock.pass_seconds(60)
    office.book.note([seen()], EVERYWHERE)
    assert len(office.waiting()) == 2
    assert office.book.silences() == []
    assert [one["event"] for one in office.events()][:2] == ["alert.silenced", "alert.raised"]
    office.book.end_silence(str(made["id"]), actor="cli:anna")
    with pytest.raises(CommandError, match="no silence"):
        office.book.end_silence(str(made["id"]), actor="cli:anna")


def test_a_silence_has_an_end_a_reason_and_company(office: Office) -> None:
    for seconds, reason in ((0.0, "x"), (91 * DAY, "x"), (float("nan"), "x"), (60.0, " \n")):
        with pytest.raises(CommandError):
            office.book.silence("volume", seconds=seconds, reason=reason, actor="cli:anna")
    with office.database.transaction() as transaction:
        for number in range(SILENCES_MAX):
            transaction.execute(
                "insert into alert_silences values (?, 'x', 'x', 'x', 0, ?)",
                (str(number), office.clock.now + 60),
            )
    with pytest.raises(CommandError, match="There are"):
        office.book.silence("volume", seconds=60, reason="x", actor="cli:anna")


def test_who_can_make_many_subjects_makes_one_alert_of_them(office: Office) -> None:
    """Each would be a message; a thief must not hide in them, nor fill the database."""
    many = [seen("off-hours", f"key:k{number}", severity="low") for number in range(300)]
    office.book.note(many, EVERYWHERE)

    kinds = [one.kind for one in office.book.find()]
    assert kinds.count("off-hours") == NEW_PER_HOUR_MAX["low"]
    (flood,) = [one for one in office.book.find() if one.kind == "flood"]
    assert (flood.count, flood.severity) == (300 - NEW_PER_HOUR_MAX["low"], "high")
    office.book.note([seen()], EVERYWHERE)
    assert "volume" in [one.kind for one in office.book.find()]


def test_a_flood_of_one_tenant_drowns_nothing_of_another(office: Office) -> None:
    """Attack: keys of one tenant do what is odd, so that nobody hears of what another's do."""
    config = AlertsConfig(
        to={"ops": SLACK, "acme": SLACK},
        routes=(Route(to=("acme",), tenants=("acme",)), Route(to=("ops",))),
    )
    office.book.note(
        [
            seen("off-hours", f"key:e{number}", severity="low", tenant="evil")
            for number in range(50)
        ],
        config,
    )
    office.book.note([seen("off-hours", "key:a", severity="low", tenant="acme")], config)

    assert [one.subject for one in office.book.find(tenant="acme")] == ["key:a"]
    assert ("acme", "raised") in office.waiting()
    assert {one.tenant for one in office.book.find() if one.kind == "flood"} == {"evil"}


def test_a_second_first_time_is_told_too(office: Office) -> None:
    """Attack: a thief begins with a harmless tool that is new, and goes on with another while the alert of
    the first one is open."""
    for tool in ("rec/look", "rec/look", "rec/pay"):
        office.book.note([seen("first-tool", severity="low", numbers={"tool": tool})], EVERYWHERE)
    assert len(office.waiting()) == 2 * 2

    for number in range(100):
        tool = f"rec/{number}"
        office.book.note([seen("first-tool", severity="low", numbers={"tool": tool})], EVERYWHERE)
    assert len(office.waiting()) < 2 * 12  # nor are the others drowned by it


def test_routes_say_who_is_told_and_nothing_of_one_tenant_reaches_another(office: Office) -> None:
    config = AlertsConfig(
        to={"ops": SLACK, "soc": SLACK, "acme": SLACK},
        routes=(
            Route(to=("soc",), severity="high", kinds=("vol*",)),
            Route(to=("acme",), tenants=("acme",)),
            Route(to=(), kinds=("first-tool",)),
        ),
    )
    for sighting, told in (
        (seen(), ["soc"]),
        (seen(tenant="acme"), ["acme", "soc"]),
        (seen(tenant="other", severity="low"), ["ops", "soc"]),
        (seen("denials", tenant="acme"), ["acme"]),
        (seen("denials", tenant="other"), ["ops", "soc"]),
        (seen("first-tool", tenant="other"), []),
        (seen("destination", "destination:soc"), ["ops"]),
    ):
        with office.database.transaction() as transaction:
            transaction.execute("delete from alerts")
        office.book.note([sighting], config)
        assert sorted(name for name, _ in office.waiting()) == told, sighting


def test_the_queue_is_bounded_and_says_what_it_lost(office: Office) -> None:
    office.book.note([seen()], AlertsConfig())
    (alert,) = office.book.find()
    with office.database.transaction() as transaction:
        for number in range(queue.MESSAGES_MAX + 3):
            queue.enqueue(transaction, "ops", alert.id, "raised", float(number))

    assert queue.waiting(office.database, 2_000.0)["ops"] == queue.Waiting(1_000, 1_997.0)
    lost = [one for one in office.events() if one["event"] == "alert.undelivered"]
    assert [one["destination"] for one in lost] == ["ops"] * 3


def test_what_cannot_be_delivered_is_given_up_after_days(office: Office) -> None:
    office.book.note([seen()], AlertsConfig(to={"ops": SLACK}))
    pauses: list[float] = []
    while found := queue.claim(office.database, "ops", office.clock.now, 10):
        (message,) = found
        queue.failed(office.database, message, "nobody there", office.clock.now)
        rows = office.database.fetch("select try_at from alert_messages")
        pauses += [float(rows[0][0] or 0) - office.clock.now] if rows else []
        office.clock.now = float(rows[0][0] or 0) if rows else office.clock.now

    assert pauses[:4] == [5, 10, 20, 40]
    assert max(pauses) == 600
    assert sum(pauses) >= queue.GIVE_UP_SECONDS
    assert office.events()[-1]["why"] == "nobody there"


def test_two_gates_before_one_database_do_not_both_send_it(office: Office) -> None:
    office.book.note([seen()], AlertsConfig(to={"ops": SLACK}))
    (message,) = queue.claim(office.database, "ops", office.clock.now, 10)

    assert queue.claim(office.database, "ops", office.clock.now, 10) == []
    office.clock.pass_seconds(120)  # the first one was killed
    assert queue.claim(office.database, "ops", office.clock.now, 10) == [message]


def test_what_is_long_over_is_forgotten(office: Office) -> None:
    office.book.note([seen()], EVERYWHERE)
    office.clock.pass_seconds(DAY)
    office.book.sweep(EVERYWHERE)
    office.clock.pass_seconds(91 * DAY)
    office.book.sweep(EVERYWHERE)

    assert office.book.find(with_resolved=True) == []
    assert office.waiting() == []
