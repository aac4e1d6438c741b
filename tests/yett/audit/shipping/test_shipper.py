"""Every line reaches a destination at least once, whatever fails, and nothing waits for it."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.clock import HandClock
from tests.yett.audit.scene import append
from yett.audit.backends.file import FileLog
from yett.audit.reading import Merger
from yett.audit.seeking import line_of
from yett.audit.shipping import feed
from yett.audit.shipping.backends.syslog import SyslogSink, when
from yett.audit.shipping.feed import Place, next_portion, read_place, write_place
from yett.audit.shipping.shipper import LATE_SECONDS, Shipper
from yett.audit.shipping.translating import Events, Translator, Verbatim
from yett.delivery import Undelivered

MEMBERS = '"at":"2026-11-22T13:00:00.000000Z","kind":"own"'


class Mailbox:
    """A destination that takes all, or fails when it is told to; the last document may have arrived then."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.trouble: Exception | None = None

    def send(self, documents: Sequence[bytes]) -> None:
        self.got += documents
        if self.trouble is not None:
            raise self.trouble

    def close(self) -> None:
        pass


class Depot:
    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.folder = folder
        self.events: list[dict[str, Any]] = []
        self.box = Mailbox()
        self.log = FileLog(folder / "audit", clock=self.clock, node="n", segment_bytes=2_000)
        self.shipper = self.make()

    def make(self, translator: Translator | None = None) -> Shipper:
        return Shipper(
            "siem",
            source=self.log.source(),
            sink=self.box,
            translator=translator or Verbatim(),
            note=self.folder / "shipping" / "siem.json",
            clock=self.clock,
            record=self.events.append,
        )

    def append(self, count: int) -> None:
        for _ in range(count):
            append(self.log, MEMBERS)

    def lines(self) -> list[bytes]:
        source = self.log.source()
        return [line.data for name in source.segments() for line in source.lines(name)]


@pytest.fixture(name="depot")
def _depot(tmp_path: Path) -> Any:
    depot = Depot(tmp_path)
    yield depot
    depot.log.close()


def drain(shipper: Shipper) -> None:
    while shipper.step():
        pass


def test_all_segments_are_sent_in_order_and_once_if_nothing_fails(depot: Depot) -> None:
    depot.append(40)
    drain(depot.shipper)
    depot.append(3)
    drain(depot.shipper)

    assert depot.box.got == depot.lines()
    assert depot.shipper.progress.sequence == len(depot.lines())


def test_a_new_process_goes_on_where_the_last_one_stopped(depot: Depot) -> None:
    depot.append(10)
    drain(depot.shipper)
    depot.append(10)
    drain(depot.make())

    assert depot.box.got == depot.lines()


def test_what_was_not_taken_is_sent_again(depot: Depot) -> None:
    depot.append(5)
    depot.box.trouble = Undelivered("broken off")
    for _ in range(3):
        with pytest.raises(Undelivered):
            depot.shipper.step()
    depot.append(5)
    depot.box.trouble = None
    depot.box.got.clear()
    drain(depot.shipper)

    assert depot.box.got == depot.lines()


def test_a_process_that_dies_after_sending_sends_again_and_skips_nothing(depot: Depot) -> None:
    depot.append(5)
    depot.box.trouble = RuntimeError("killed")
    with pytest.raises(RuntimeError):
        depot.shipper.step()
    depot.box.trouble = None
    drain(depot.make())

    assert depot.box.got == depot.lines() * 2


@pytest.mark.parametrize("note", [b"", b"{", b'{"segment":1}', b'{"offset":"x"}'])
def test_a_note_that_does_not_read_means_from_the_beginning(depot: Depot, note: bytes) -> None:
    depot.append(2)
    drain(depot.shipper)
    (depot.folder / "shipping" / "siem.json").write_bytes(note)
    depot.box.got.clear()
    drain(depot.make())

    assert depot.box.got == depot.lines()


def test_lines_that_were_deleted_before_they_were_sent_are_told_of(depot: Depot) -> None:
    depot.append(3)
    drain(depot.shipper)
    depot.append(60)
    (first, second, *_) = depot.log.source().segments()
    deleted = len(list(depot.log.source().lines(second)))
    for name in (first, second):
        (depot.folder / "audit" / name).unlink()
    sent = len(depot.box.got)
    drain(depot.shipper)

    (event,) = depot.events
    assert event["event"] == "shipping.gap"
    assert event["alert"] == "high"
    assert event["first"] == sent + 1
    assert event["last"] >= sent + deleted
    assert depot.box.got[sent:] == depot.lines()


def test_a_line_that_is_being_written_waits(depot: Depot) -> None:
    depot.append(1)
    drain(depot.shipper)
    path = depot.folder / "audit" / depot.log.source().segments()[-1]
    with path.open("ab") as file:
        file.write(b'{"sequence":99,"half')

    assert depot.shipper.step() is False


def test_portions_are_bounded_by_lines_and_by_bytes(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    depot.append(30)
    monkeypatch.setattr(feed, "LINES_MAX", 7)

    assert len(next_portion(depot.log.source(), Place()).lines) == 7

    monkeypatch.setattr(feed, "BYTES_MAX", 300)

    assert 1 <= len(next_portion(depot.log.source(), Place()).lines) < 7

    monkeypatch.setattr(feed, "BYTES_MAX", 10)

    assert len(next_portion(depot.log.source(), Place()).lines) == 1


def run_until(shipper: Shipper, wanted: Callable[[], bool]) -> None:
    """Let it run in its thread."""
    shipper.start()
    end = time.monotonic() + 10
    while not wanted() and time.monotonic() < end:
        time.sleep(0.005)
    shipper.stop()
    assert wanted()


def test_somebody_is_told_once_of_a_destination_that_stays_away(depot: Depot) -> None:
    depot.append(1)
    depot.box.trouble = Undelivered("nobody there")
    with pytest.raises(Undelivered):
        depot.shipper.step()
    depot.clock.pass_seconds(LATE_SECONDS)
    run_until(depot.shipper, lambda: depot.shipper.progress.failures >= 2)

    (event,) = depot.events
    assert event == {
        "event": "shipping.late",
        "actor": "gate",
        "alert": "low",
        "destination": "siem",
        "why": "nobody there",
        "seconds": LATE_SECONDS,
    }
    assert depot.shipper.progress.problem == "nobody there"


def test_it_goes_on_by_itself(depot: Depot) -> None:
    depot.append(1)
    depot.box.trouble = Undelivered("nobody there")
    shipper = depot.shipper

    def mended() -> bool:
        if shipper.progress.failures:
            depot.box.trouble = None
        return shipper.progress.lines == len(depot.lines()) and not shipper.progress.problem

    run_until(shipper, mended)

    assert shipper.progress.waiting_since == 0


def test_a_place_is_kept_durably_and_private(tmp_path: Path) -> None:
    path = tmp_path / "shipping" / "one.json"
    write_place(path, Place("segment-000000000001.jsonl", 12, 3))

    assert read_place(path) == Place("segment-000000000001.jsonl", 12, 3)
    assert path.stat().st_mode & 0o077 == 0


def intent(depot: Depot, name: str) -> int:
    return append(
        depot.log, f'{MEMBERS.replace("own", "intent")},"id":"{name}","decision":"allowed"'
    )


def outcome(depot: Depot, sequence: int) -> None:
    append(depot.log, f'{MEMBERS.replace("own", "outcome")},"intent":{sequence},"status":"ok"')


def events_of(depot: Depot) -> Shipper:
    source = depot.log.source()
    merger = Merger(lambda sequence: line_of(source, sequence))
    return depot.make(
        Events(merger, lambda entry: orjson.dumps([entry.get("id"), entry.get("status")]))
    )


def told(depot: Depot) -> list[Any]:
    return [each for each in map(orjson.loads, depot.box.got) if each[0] is not None]


def test_a_record_is_told_when_it_is_whole_and_not_lost_by_a_restart(depot: Depot) -> None:
    shipper = events_of(depot)
    long, short = intent(depot, "long"), intent(depot, "short")
    outcome(depot, short)
    drain(shipper)

    assert told(depot) == [["short", "ok"]]

    again = events_of(depot)
    drain(again)
    outcome(depot, long)
    drain(again)

    assert told(depot)[1:] == [["short", "ok"], ["long", "ok"]]
    assert again.progress.sequence == long + 3


def test_a_call_that_died_with_the_gate_is_told_as_unknown_after_a_restart(depot: Depot) -> None:
    intent(depot, "lost")
    drain(events_of(depot))
    append(depot.log, f'{MEMBERS.replace("own", "event")},"event":"audit.opened"')
    drain(events_of(depot))

    assert told(depot) == [["lost", "unknown"]]


@pytest.mark.parametrize(
    "document",
    [
        b'{"at":"9999-12-31T23:59:59.999999-23:59"}',
        b'{"at":"0001-01-01T00:00:00+23:59"}',
        b'{"at":5}',
        b'{"time":1e308}',
        b'{"time":-1e308}',
        b"{",
        b"[]",
    ],
)
def test_a_line_with_a_time_that_cannot_be_holds_up_no_other(document: bytes) -> None:
    sink = SyslogSink("localhost", 1, None)

    assert when(document) == 0.0
    assert sink._message(document).endswith(b" record - " + document)
