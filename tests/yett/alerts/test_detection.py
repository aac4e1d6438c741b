"""What is unusual is said with its numbers; what is not known yet is not guessed; nothing grows without end."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bench.alerts import expiries, run
from bench.month import Month

from tests.clock import HandClock
from yett.alerts.alert import Sighting
from yett.alerts.config import Hours
from yett.alerts.detection import Watch
from yett.alerts.detection.calendar import Calendars
from yett.alerts.detection.health import TARGETS_MAX, Health
from yett.alerts.detection.intake import WAITING_MAX, Batch, Intake, Row, batch_of
from yett.alerts.detection.places import are_far, network_of
from yett.alerts.detection.profile import NETWORKS_MAX, TOOLS_MAX, Profile
from yett.alerts.detection.profiles import Profiles
from yett.alerts.detection.rhythm import Rhythm
from yett.alerts.detection.strangers import NETWORKS_MAX as STRANGERS_MAX
from yett.alerts.detection.strangers import Failures
from yett.core.reasons import Reason
from yett.core.summary import Summary
from yett.storage.build import open_database

HOUR = 3600.0
DAY = 86_400.0
HOURS = {"*": Hours(zone="UTC")}


class Desk:
    """A watch whose time a test moves."""

    def __init__(
        self,
        hours: dict[str, Hours] | None = None,
        profiles: Profiles | None = None,
        clock: HandClock | None = None,
    ) -> None:
        self.clock = clock or HandClock()
        self.watch = Watch(
            profiles or Profiles(None), self.clock, hours or {}, lambda one: f"<{one}>"
        )

    def call(
        self,
        count: int = 1,
        *,
        caller: str | None = "k1",
        tool: str = "look",
        peer: str = "10.1.2.3",
        status: str = "ok",
        micros: int = 0,
        tenant: str = "t",
    ) -> list[Sighting]:
        rows: Counter[Row] = Counter(
            {(caller, tenant, "rec", tool, peer, "allowed", None, status): count}
        )
        spent = {(caller or "", "t", "USD"): micros} if micros else {}
        return self.watch.look(Batch(rows, {}, spent))

    def live(self, days: int, count: int, **more: Any) -> list[Sighting]:
        """So many calls in each hour from eight to four."""
        found = []
        for _ in range(days * 24):
            self.clock.pass_seconds(HOUR)
            if 8 <= (self.clock.now % DAY) / HOUR < 16:
                found += self.call(count, **more)
        return found


def denied(reason: Reason = Reason.NOT_PERMITTED, caller: str | None = "k1") -> Summary:
    return Summary(
        "r", "tools/call", "mcp", None, None, "t", "denied", reason, "refused", 0.0, 0.0,
        caller=caller, peer="10.1.2.3",
    )  # fmt: skip


def allowed() -> Summary:
    return Summary("r", "tools/call", "mcp", "rec", "look", "t", "allowed", None, "ok", 0.0, 0.0, caller="k1", peer="10.1.2.3")  # fmt: skip


def test_a_short_month_finds_all_that_was_planted_and_little_else() -> None:
    result = run(Month(7, keys=8, learn=14, days=5))

    assert result.missed == []
    assert len(result.false) <= 3  # five days of eight keys; the month is `make alerts-month`
    assert expiries() == ["14d", "7d", "1d"]


def test_ten_times_the_usual_is_explained() -> None:
    desk = Desk()
    assert desk.live(21, 31) == []

    assert desk.call(180) == []  # and 31 before noon
    (seen,) = desk.call(201)
    assert seen.kind == "volume"
    assert seen.says == (
        "key <k1> made 412 calls in the last hour, usually 31 at this time (most in 5 weeks: 31)"
    )
    assert seen.numbers == {"key": "<k1>", "calls": 412, "usual": 31.0, "most": 31}


def test_a_key_without_a_history_is_judged_by_clear_minimums_only() -> None:
    desk = Desk()

    assert desk.call(1_999) == []
    (seen,) = desk.call(1)
    assert "too new" in seen.says
    assert desk.call(1, caller="k2", micros=49_000_000) == []
    assert [one.kind for one in desk.call(1, caller="k2", micros=1_000_000)] == ["spend"]


def test_what_was_learned_survives_a_restart(tmp_path: Path) -> None:
    database = open_database(tmp_path / "data")
    before = Desk(profiles=Profiles(database))
    before.live(21, 31)
    before.watch.save(everything=True)
    after = Desk(profiles=Profiles(database), clock=before.clock)

    assert [one.kind for one in after.call(412)] == ["volume"]
    assert [one.kind for one in after.call(1, tool="new")] == ["volume", "first-tool"][::-1]
    with database.transaction() as transaction:
        transaction.execute("update alert_profiles set profile = ?", (b"nonsense",))
    fresh = Desk(profiles=Profiles(database), clock=before.clock)
    assert fresh.call(412) == []
    database.close()


@pytest.mark.parametrize("jump", [6 * HOUR, -6 * HOUR, 400 * DAY])
def test_a_clock_that_jumps_raises_no_alert(jump: float) -> None:
    desk = Desk(HOURS)
    desk.live(21, 31)
    desk.clock.now += 10 * HOUR - (desk.clock.now % DAY)
    desk.call(30)
    desk.clock.now += jump
    found = desk.call(30)
    for _ in range(10):
        desk.clock.pass_seconds(300)
        found += desk.call(30)
    desk.clock.now -= jump
    found += desk.call(30)

    assert found == []


def test_a_run_of_denials_is_one_of_the_callers_own_and_ends_with_what_is_allowed() -> None:
    desk = Desk()

    def see(*taken: Summary) -> list[str]:
        return [one.kind for one in desk.watch.look(batch_of(list(taken)))]

    assert see(*[denied()] * 19) == []
    assert see(allowed()) == []
    assert see(*[denied()] * 19, allowed()) == []
    assert see(*[denied(Reason.RATE_LIMITED)] * 40) == []
    assert see(*[denied()] * 10) == []
    assert see(*[denied()] * 9) == []
    assert see(denied()) == ["denials"]


def test_who_mixes_refusals_with_calls_that_are_allowed_is_seen_too() -> None:
    desk = Desk()
    found = [
        one.kind for _ in range(60) for one in desk.watch.look(batch_of([denied(), allowed()]))
    ]

    assert found == ["denials"]


def test_refused_credentials_of_one_network_are_seen_and_the_memory_of_them_is_bounded() -> None:
    failures = Failures()
    for number in range(STRANGERS_MAX + 10):
        failures.count(f"10.{number // 256}.{number % 256}.1", 1, 0.0)
    assert len(failures._networks) == STRANGERS_MAX

    desk = Desk()
    refused = denied(Reason.UNAUTHENTICATED, caller=None)
    assert desk.watch.look(batch_of([refused] * 19)) == []
    (seen,) = desk.watch.look(batch_of([refused]))
    assert (seen.kind, seen.subject) == ("credentials", "address:10.1.2.0/24")


def test_business_hours_are_those_of_the_tenant_with_its_zone_and_holidays() -> None:
    zurich = Hours(zone="Europe/Zurich", holidays=("2026-12-25",))
    night = Hours(zone="America/New_York", days=("fri",), open="22:00-06:00")
    calendars = Calendars({"acme": zurich, "*": night})

    def outside(tenant: str, zone: str, *when: int) -> bool:
        at = datetime(*when, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[misc, arg-type]  # year to minute
        return calendars.moment(tenant, at).outside

    for when, expected in (
        ((2026, 12, 24, 7, 59), True), ((2026, 12, 24, 8, 0), False), ((2026, 12, 24, 18, 0), True),
        ((2026, 12, 25, 12, 0), True), ((2026, 12, 26, 12, 0), True), ((2026, 6, 30, 8, 0), False),
    ):  # fmt: skip
        assert outside("acme", "Europe/Zurich", *when) is expected, when
    for when, expected in (
        ((2026, 11, 20, 22, 0), False), ((2026, 11, 21, 5, 59), False), ((2026, 11, 21, 6, 0), True),
        ((2026, 11, 20, 5, 0), True), ((2026, 11, 21, 22, 0), True),
    ):  # fmt: skip
        assert outside("other", "America/New_York", *when) is expected, when


def test_a_tool_at_night_is_seen_until_it_is_a_habit() -> None:
    desk = Desk({"*": Hours(days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"))})
    found = []
    for _ in range(5):
        desk.clock.pass_seconds(DAY + 3 * HOUR - (desk.clock.now % DAY))
        found.append([one.kind for one in desk.call()])

    assert found[0] == found[1] == ["off-hours"]
    assert found[2:] == [[], [], []]


def test_two_places_at_once_are_far_apart_and_of_one_family() -> None:
    assert network_of("10.1.2.3") == network_of("::ffff:10.1.2.77") == "10.1.2.0/24"
    assert network_of("2001:db8:1:2::3") == "2001:db8:1::/48"
    assert network_of("nobody") == ""
    assert are_far("10.1.2.0/24", "10.9.2.0/24")
    assert not are_far("10.1.2.0/24", "10.1.9.0/24")
    assert not are_far("10.1.2.0/24", "2001:db8:1::/48")

    desk = Desk()
    desk.live(2, 5)
    kinds = []
    for peer in ("10.1.2.3", "172.16.0.1", "10.1.2.3"):
        desk.clock.pass_seconds(60)
        kinds += [one.kind for one in desk.call(peer=peer)]
    assert kinds == ["two-places"]


def test_a_server_that_fails_is_told_for_its_tools() -> None:
    health = Health()
    for tool in ("a", "b", "c"):
        health.count("rec", tool, 100, 1, 0.0)
    assert health.judge({("rec", "a")}, 0.0) == []
    for tool in ("a", "b", "c"):
        health.count("rec", tool, 100, 90, 60.0)
    assert [one.subject for one in health.judge({("rec", "a"), ("rec", "b")}, 60.0)] == [
        "server:rec"
    ]
    for number in range(TARGETS_MAX):
        health.count("rec", f"t{number}", 1, 0, 60.0)
    assert len(health._targets) == TARGETS_MAX


def test_memory_is_bounded_however_many_keys_tools_and_networks_there_are(tmp_path: Path) -> None:
    database = open_database(tmp_path / "data")
    profiles = Profiles(database, most=50)
    desk = Desk(profiles=profiles)
    for number in range(300):
        desk.call(caller=f"k{number}")
    for _ in range(10):
        desk.watch.save()
    assert len(profiles.present()) <= 50

    profile = Profile("t", 0.0)
    for number in range(3_000):
        profile.use(number)
        profile.come_from(number, 0.0)
        profile.money("USD").rhythm.learn(number % 48, number, 5.0)
    assert (len(profile.tools), len(profile.networks)) == (TOOLS_MAX, NETWORKS_MAX)
    assert len(profile.packed()) < 16_000
    database.close()


def test_what_keys_of_another_tenant_begin_with_is_not_brought_to_this_one() -> None:
    """Attack: two keys of one tenant use a tool first, so that its first use by a stolen one is not told."""
    desk = Desk()
    desk.call(caller="victim", tool="look")
    desk.clock.pass_seconds(8 * DAY)
    for name in ("e1", "e2", "e3"):
        desk.call(caller=name, tool="pay", tenant="evil")

    assert [one.kind for one in desk.call(caller="victim", tool="pay")] == ["first-tool"]


def test_what_cannot_be_looked_at_in_time_is_said() -> None:
    intake = Intake()
    for _ in range(WAITING_MAX + 5):
        intake.observe([allowed()])

    desk = Desk()
    assert "unseen" in [one.kind for one in desk.watch.look(intake.take())]
    assert intake.take().rows == Counter()


def test_a_rhythm_says_no_other_thing_after_it_was_kept() -> None:
    rhythm = Rhythm()
    for hour in range(400):
        rhythm.learn(hour % 24, hour + 1, float(hour % 7))
    again = Rhythm.unpacked(rhythm.packed())

    assert [again.usual(slot) for slot in range(48)] == [rhythm.usual(slot) for slot in range(48)]
    wrongs: list[list[object]] = [
        rhythm.packed()[:-1], [*rhythm.packed()[:-1], b"short"], [1, 2, 3, 4, 5, 6, 7],
    ]  # fmt: skip
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r".*"):
            Rhythm.unpacked(wrong)


def test_sightings_can_be_kept_as_json() -> None:
    desk = Desk()
    desk.live(21, 31)

    assert json.dumps([one.numbers for one in desk.call(500)])
