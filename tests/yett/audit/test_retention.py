"""Records go only whole, only old, and never unsaid."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, final

import pytest

from tests.yett.audit.scene import append, redact, redact_text, stored
from yett.audit import Auditor
from yett.audit.archived import ArchivedSegments, Copy
from yett.audit.backends.file import FileLog
from yett.audit.config import AuditConfig
from yett.audit.holds import Holds
from yett.audit.port import Unwritable
from yett.audit.retention import prune, tenants_of
from yett.audit.verify import verify
from yett.storage.build import open_database
from yett.storage.port import Database

DAY = 86_400.0
MEMBERS = '"at":"2026-01-01T00:00:00.000000Z","kind":"own"'


@final
class Calendar:
    """A clock that a test sets by day."""

    def __init__(self) -> None:
        self.day = 0.0
        self.ticks = 0.0

    def wall(self) -> float:
        return 1_767_225_600.0 + self.day * DAY

    def monotonic(self) -> float:
        self.ticks += 0.02
        return self.ticks


def log_of(directory: Path, calendar: Calendar, *, days: int = 200) -> FileLog:
    """A segment or so for ten days, each file as old as its first line."""
    log = FileLog(directory, clock=calendar, node="n", segment_bytes=500)
    for day in range(0, days, 10):
        calendar.day = float(day)
        append(log, MEMBERS)
    for path in directory.glob("segment-*"):
        with path.open() as file:
            written = datetime.fromisoformat(json.loads(file.readline())["at"]).timestamp()
        os.utime(path, (written, written))
    return log


def auditor_of(log: FileLog, calendar: Calendar) -> Auditor:
    return Auditor(log, clock=calendar, redact=redact, redact_text=redact_text)


def test_old_segments_go_and_the_rest_is_still_a_whole_log(tmp_path: Path) -> None:
    calendar = Calendar()
    log = log_of(tmp_path, calendar)
    before = log.source().segments()

    gone = prune(auditor_of(log, calendar), AuditConfig(), calendar, production=True)

    assert gone == tuple(before[: len(gone)])
    assert (len(gone), len(before)) == (10, 21)
    assert not any((tmp_path / name).exists() for name in gone)
    event = next(line for line in stored(log) if line.get("event") == "audit.pruned")
    assert [item["file"] for item in event["details"]["segments"]] == list(gone)
    log.close()
    verdict = verify(log.source())
    assert verdict.damage is None
    assert verdict.first > 1
    assert prune_again(tmp_path, calendar) == ()


def prune_again(directory: Path, calendar: Calendar) -> tuple[str, ...]:
    log = FileLog(directory, clock=calendar, node="n", segment_bytes=500)
    gone = prune(auditor_of(log, calendar), AuditConfig(), calendar, production=True)
    log.close()
    return gone


def test_production_keeps_ninety_days_whatever_is_configured(tmp_path: Path) -> None:
    calendar = Calendar()
    log = log_of(tmp_path, calendar, days=80)
    config = AuditConfig(retention="1d")

    assert prune(auditor_of(log, calendar), config, calendar, production=True) == ()
    assert prune(auditor_of(log, calendar), config, calendar, production=False) != ()
    log.close()
    assert verify(log.source()).damage is None


def test_a_clock_that_jumped_ahead_deletes_nothing_that_is_young_on_disk(tmp_path: Path) -> None:
    calendar = Calendar()
    log = FileLog(tmp_path, clock=calendar, node="n", segment_bytes=500)
    for _ in range(30):
        append(log, MEMBERS)

    assert prune(auditor_of(log, calendar), AuditConfig(), calendar, production=True) == ()
    log.close()


def test_a_segment_whose_beginning_is_damaged_is_kept(tmp_path: Path) -> None:
    calendar = Calendar()
    log = log_of(tmp_path, calendar)
    second = tmp_path / log.source().segments()[1]
    second.write_bytes(b"nonsense\n" + second.read_bytes())

    assert prune(auditor_of(log, calendar), AuditConfig(), calendar, production=True) == ()
    log.close()


def test_a_beginning_that_was_deleted_by_hand_is_not_excused_by_another_pruning(
    tmp_path: Path,
) -> None:
    calendar = Calendar()
    log = log_of(tmp_path, calendar)
    prune(auditor_of(log, calendar), AuditConfig(), calendar, production=True)
    log.close()
    (tmp_path / log.source().segments()[0]).unlink()

    damage = verify(log.source()).damage
    assert damage is not None
    assert damage.kind == "beginning"


def test_nothing_goes_when_it_cannot_be_said(tmp_path: Path) -> None:
    calendar = Calendar()
    log = log_of(tmp_path, calendar)
    before = log.source().segments()
    with log._committing:
        good = os.dup(log._head)
        reading, writing = os.pipe()
        os.dup2(writing, log._head)

    with pytest.raises(Unwritable):
        log.prune(calendar.wall())
    assert log.source().segments()[: len(before)] == before

    os.dup2(good, log._head)
    for fd in (good, reading, writing):
        os.close(fd)
    log.close()


def test_what_a_pruning_says_fits_one_line(tmp_path: Path) -> None:
    calendar = Calendar()
    log = log_of(tmp_path, calendar)
    log.prune(calendar.wall())
    log.close()

    line = next(line for line in stored(log) if line.get("event") == "audit.pruned")
    assert json.dumps(line).count("\n") == 0


def log_of_tenants(directory: Path, calendar: Calendar) -> FileLog:
    """A segment for ten days; acme has records in the fourth, and a caller wrote its name in the seventh."""
    log = FileLog(directory, clock=calendar, node="n", segment_bytes=700)
    for day in range(0, 200, 10):
        calendar.day = float(day)
        tenant = "acme" if day == 40 else "globex"
        name = "\\u0061cme" if day == 70 else "note"
        append(
            log, f'{MEMBERS},"tenant":"{tenant}","input":{{"tenant":"{name}"}},"pad":"{"x" * 300}"'
        )
    for path in directory.glob("segment-*"):
        with path.open() as file:
            written = datetime.fromisoformat(json.loads(file.readline())["at"]).timestamp()
        os.utime(path, (written, written))
    return log


def gone(log: FileLog, calendar: Calendar, database: Database | None = None, **config: Any) -> int:
    pruned = prune(
        auditor_of(log, calendar),
        AuditConfig(**config),
        calendar,
        production=True,
        database=database,
    )
    log.close()
    assert verify(log.source()).damage is None
    return len(pruned)


def test_a_segment_goes_when_every_record_in_it_may_go(tmp_path: Path) -> None:
    calendar = Calendar()
    log = log_of_tenants(tmp_path, calendar)
    of_acme = [
        number
        for number, name in enumerate(log.source().segments())
        if "acme" in tenants_of(log.source(), name)
    ]

    assert len(of_acme) == 2  # what a caller wrote counts, and can only keep
    assert gone(log, calendar, retention_by_tenant={"acme": "200d"}) == of_acme[0]


def test_a_tenant_cannot_be_kept_for_less_than_everybody(tmp_path: Path) -> None:
    usual, shorter = Calendar(), Calendar()
    all_alike = gone(log_of_tenants(tmp_path / "a", usual), usual)
    config = {"acme": "1d"}
    with_less = gone(log_of_tenants(tmp_path / "b", shorter), shorter, retention_by_tenant=config)

    assert all_alike == with_less > 5


@pytest.mark.parametrize(
    ("tenant", "since", "until", "kept"),
    [
        (None, None, None, 0),
        (None, "2026-02-15", "2026-02-20", 4),
        ("acme", None, None, 4),
        ("acme", "2026-06-01", None, 10),
        ("nobody", None, None, 10),
    ],
)
def test_a_hold_wins_over_the_retention_until_it_is_released(
    tmp_path: Path, tenant: str | None, since: str | None, until: str | None, kept: int
) -> None:
    calendar = Calendar()
    database = open_database(tmp_path / "data")
    holds = Holds(database, calendar, actor="cli:me")
    log = log_of_tenants(tmp_path / "log", calendar)
    hold = holds.add("case 1", tenant=tenant, since=since, until=until)

    first = gone(log, calendar, database)
    holds.release(hold.id, "closed")
    log = FileLog(tmp_path / "log", clock=calendar, node="n", segment_bytes=700)
    rest = gone(log, calendar, database)
    database.close()

    assert abs(first - kept) <= 1  # two segments touch a day
    assert first + rest >= 10


def test_only_what_is_archived_goes_if_that_is_demanded(tmp_path: Path) -> None:
    calendar = Calendar()
    database = open_database(tmp_path / "data")
    log = log_of_tenants(tmp_path / "log", calendar)
    first, second, *_ = log.source().segments()
    archived = ArchivedSegments(database, calendar, actor="cli:me")
    archived.add("/archive", Copy(first, "0" * 64, 1, held=False))
    archived.add("/archive", Copy(second, "0" * 64, 1, held=False))

    assert gone(log, calendar, database, delete_only_archived=True) == 2
    database.close()


def test_the_chain_says_who_let_go_of_what_and_why(tmp_path: Path) -> None:
    calendar = Calendar()
    log = log_of(tmp_path, calendar)
    prune(auditor_of(log, calendar), AuditConfig(retention="100d"), calendar, production=True)
    log.close()

    [event] = [line for line in stored(log) if line.get("event") == "audit.pruned"]
    assert event["details"]["by"] == "retention"
    assert event["details"]["retention"] == "100d"
    [told] = verify(log.source()).pruned
    assert (told.at, told.by) == (event["at"], "retention")
    assert told.segments == len(event["details"]["segments"])
    assert told.through == event["details"]["segments"][-1]["through"]
