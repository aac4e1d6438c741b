"""What commands did reaches the chain once, whether a gate runs or not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.yett.audit.scene import CLOCK, auditor_over, open_log, redact, redact_text, stored
from yett.audit.backends.memory import MemoryLog
from yett.audit.build import build, build_in_memory, open_for_reading
from yett.audit.config import AuditConfig
from yett.audit.finding import search
from yett.audit.outbox import drain_outbox, record_now
from yett.audit.reading import Filter
from yett.core.errors import CommandError, Fault
from yett.storage.build import open_database
from yett.storage.outbox import post
from yett.storage.port import Database

CONFIG = AuditConfig()


@pytest.fixture(name="database")
def _database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path)
    with database.transaction() as transaction:
        for name in ("key.created", "key.revoked"):
            post(transaction, {"event": name, "actor": "cli:root", "id": "k1"}, at=1.0)
    yield database
    database.close()


def events(data: Path) -> list[str]:
    found = search(open_for_reading(CONFIG, data), Filter(kind="event"))
    return [entry["event"] for entry in found]


def test_a_gate_takes_each_event_once(database: Database) -> None:
    log = MemoryLog()
    auditor = auditor_over(log)

    assert drain_outbox(auditor.event, database) == 2
    assert drain_outbox(auditor.event, database) == 0
    assert [line["event"] for line in stored(log)[1:]] == ["key.created", "key.revoked"]
    assert stored(log)[1]["details"]["id"] == "k1"


def test_many_events_are_taken_in_portions(database: Database) -> None:
    with database.transaction() as transaction:
        for number in range(1_500):
            post(transaction, {"event": "key.created", "number": number}, at=1.0)

    assert drain_outbox(auditor_over(MemoryLog()).event, database) == 1_502


def test_what_cannot_be_written_stays_posted(database: Database) -> None:
    log = MemoryLog()
    log.trouble = "no space"

    with pytest.raises(Fault):
        drain_outbox(auditor_over(log).event, database)

    log.trouble = None
    assert drain_outbox(auditor_over(log).event, database) == 2


def test_a_command_writes_its_own_events_when_no_gate_runs(
    database: Database, tmp_path: Path
) -> None:
    assert record_now(CONFIG, tmp_path, database, CLOCK) == 2
    assert record_now(CONFIG, tmp_path, database, CLOCK) == 0

    assert events(tmp_path) == ["audit.opened", "key.created", "key.revoked", "audit.closed"]


def test_a_command_leaves_its_events_to_the_gate_that_runs(
    database: Database, tmp_path: Path
) -> None:
    with open_log(tmp_path / "audit") as log:
        assert record_now(CONFIG, tmp_path, database, CLOCK) == 0
        assert drain_outbox(auditor_over(log).event, database) == 2


def test_a_second_gate_is_told_what_to_do(tmp_path: Path) -> None:
    with open_log(tmp_path / "audit"), pytest.raises(CommandError, match="Stop that gate first"):
        build(CONFIG, data=tmp_path, clock=CLOCK, redact=redact, redact_text=redact_text)


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file")

    with pytest.raises(CommandError, match="cannot be written"):
        build(CONFIG, data=tmp_path, clock=CLOCK, redact=redact, redact_text=redact_text)


def test_the_directory_can_be_elsewhere(tmp_path: Path) -> None:
    config = AuditConfig(directory=str(tmp_path / "other"))
    auditor = build(config, data=tmp_path, clock=CLOCK, redact=redact, redact_text=redact_text)
    auditor.close()

    assert open_for_reading(config, tmp_path).segments() == ["segment-000000000001.jsonl"]
    assert not (tmp_path / "audit").exists()


def test_an_auditor_in_memory_needs_no_place() -> None:
    auditor = build_in_memory(clock=CLOCK)

    auditor.event({"event": "x"})

    assert auditor.figures().lines == 2
