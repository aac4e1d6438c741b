"""A key that has to be cut."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from yett.app.estate import Estate
from yett.app.shadow import open_shadow, put_shadow
from yett.audit import Auditor
from yett.authentication.registry import KeyRegistry
from yett.configuration.model import Configuration
from yett.core.clock import SystemClock
from yett.core.errors import Fault
from yett.core.reasons import Reason


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    found = Estate(Configuration(), data=tmp_path / ".yett", clock=SystemClock())
    yield found
    found.close()


def in_time(done: threading.Event) -> None:
    assert done.wait(10)


def test_a_key_that_cannot_be_cut_is_an_alert(
    estate: Estate, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()
    events: list[dict[str, object]] = []

    def record(event: dict[str, object]) -> None:
        events.append(event)
        told.set()

    monkeypatch.setattr(estate, "record", record)

    with caplog.at_level(logging.ERROR):
        estate.cut("nobody")
        in_time(told)

    assert events == [
        {"event": "key.not_revoked", "alert": "high", "actor": "gate", "caller": "nobody"}
    ]
    assert "key nobody could not be revoked" in caplog.text


def test_however_often_it_is_asked_one_thread_is_at_it(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    go_on = threading.Event()

    def revoke(_: KeyRegistry, reference: str) -> None:
        begun.append(reference)
        in_time(go_on)

    monkeypatch.setattr(KeyRegistry, "revoke", revoke)
    before = threading.active_count()
    for _ in range(100):
        estate.cut("thief")

    assert threading.active_count() <= before + 1
    go_on.set()
    deadline = time.monotonic() + 10
    while estate._cutting and time.monotonic() < deadline:
        time.sleep(0.01)
    assert begun == ["thief"]
    assert not estate._cutting


def test_a_label_that_cannot_be_told_holds_and_does_not_undo_the_call_that_was_made(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal from here would put into the record that nothing was sent."""

    def full(_: Auditor, __: dict[str, object]) -> None:
        raise Fault(Reason.AUDIT_UNAVAILABLE, "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Auditor, "event", full)
        estate.labels.window_seconds = 60.0
        estate.labels.touch("k1", "", frozenset({"private"}))

    assert estate.labels.touched("k1", "") == {"private"}
    assert "not recorded: caller.labelled: the disk is full" in caplog.text


def test_a_shadow_that_does_not_fit_any_more_is_recorded_and_not_tried(estate: Estate) -> None:
    events: list[dict[str, object]] = []
    put_shadow(estate.data, "old.cedar", "permit(principal, action);")

    shadow = open_shadow(
        Configuration(),
        {},
        data=estate.data,
        clock=SystemClock(),
        labels=estate.labels,
        record_event=events.append,
    )

    assert shadow is None
    assert [(event["event"], event["file"]) for event in events] == [
        ("policy.shadow_refused", "old.cedar")
    ]
