"""Records as people want them: joined, complete, filtered, followed."""

from pathlib import Path
from typing import Any

import pytest

from tests.yett.audit.scene import (
    AGENT,
    admit,
    auditor_over,
    call,
    cleaned,
    finish,
    one_call,
    open_log,
    target,
)
from yett.audit.backends.directory import DirectorySource
from yett.audit.backends.file import FileLog
from yett.audit.backends.memory import MemoryLog
from yett.audit.finding import newest, search
from yett.audit.port import AuditLog
from yett.audit.reading import Filter, Follower
from yett.core.errors import Denied
from yett.core.proofs import Identified, PermittedList
from yett.core.reasons import Reason


async def refuse(log: AuditLog, id_: str, **options: Any) -> None:
    record = auditor_over(log).begin(call(id_=id_, **options))
    await record.close(record.refuse(Denied(Reason.UNKNOWN_TOOL, "none such")))


def ids(log: AuditLog, **wanted: Any) -> list[str]:
    return [entry["id"] for entry in search(log.source(), Filter(**wanted))]


async def test_intent_and_outcome_are_one_record_with_every_field() -> None:
    log = MemoryLog()
    await one_call(auditor_over(log))

    [entry] = search(log.source(), Filter())

    assert entry["kind"] == "call"
    assert (entry["sequence"], entry["outcome_sequence"]) == (2, 3)
    assert (entry["status"], entry["decision"], entry["reason"]) == ("ok", "allowed", None)
    assert entry["input"] == {"path": "/tmp"}
    assert entry["output_digest"]
    assert entry["latency_ms"] >= 0
    assert not {"intent", "chain"} & set(entry)


async def test_a_refusal_has_the_same_fields_as_a_call() -> None:
    log = MemoryLog()
    await one_call(auditor_over(log), "a")
    await refuse(log, "b")

    entries = list(search(log.source(), Filter()))

    assert list(entries[0]) == list(entries[1])
    assert entries[1]["caller"] is None
    assert entries[1]["status"] == "refused"


async def test_calls_at_the_same_time_are_told_apart_and_come_in_the_order_of_their_ends() -> None:
    log = MemoryLog()
    auditor = auditor_over(log)
    begun = []
    for id_ in ("a", "b", "c"):
        request = call(id_=id_)
        record = auditor.begin(request)
        admitted = admit(record, request)
        await record.intend(admitted)
        begun.append((record, admitted))
    for record, admitted in (begun[2], begun[0]):
        await finish(record, cleaned(admitted))

    entries = list(search(log.source(), Filter()))

    assert [entry["id"] for entry in entries] == [
        "b",
        "c",
        "a",
    ]  # of b nothing stands after its intent
    assert [entry["status"] for entry in entries] == ["unknown", "ok", "ok"]


async def test_what_ran_when_the_process_died_is_shown_where_the_next_one_began(
    tmp_path: Path,
) -> None:
    with open_log(tmp_path) as log:
        request = call(id_="died")
        record = auditor_over(log).begin(request)
        await record.intend(admit(record, request))
    with open_log(tmp_path) as log:
        await one_call(auditor_over(log), "later")

        entries = list(search(log.source(), Filter()))

    assert [(entry["id"], entry["status"]) for entry in entries] == [
        ("died", "unknown"),
        ("later", "ok"),
    ]


async def test_each_filter_leaves_what_fits() -> None:
    log = MemoryLog()
    await one_call(auditor_over(log), "good")
    await refuse(log, "bad", name="git__shell")
    request = call("tools/list", id_="list", name="", arguments={})
    record = auditor_over(log).begin(request)
    record.caller = Identified(request, AGENT)
    permitted = PermittedList(request, AGENT, (target(),), "v7")
    await record.close(record.answer_list(permitted, {}))
    auditor_over(log).event({"event": "key.created", "actor": "cli:root"})

    assert ids(log) == ["good", "bad", "list"]
    assert ids(log, key="k1") == ids(log, key="laptop") == ["good", "list"]
    assert ids(log, tool="git") == ids(log, tool="git/log") == ids(log, server="git") == ["good"]
    assert ids(log, tool="git/shell") == ["bad"]
    assert ids(log, tool="git/other") == ids(log, tool="shell") == []
    assert ids(log, tenant="acme") == ["good", "list"]
    assert ids(log, decision="denied") == ids(log, reason="unknown_tool") == ["bad"]
    assert ids(log, id="good") == ["good"]
    assert ids(log, kind="listing") == ["list"]
    assert ids(log, text="NONE such") == ["bad"]
    assert ids(log, since="2000-01-01T00:00:00.000000Z") == ids(log)
    assert ids(log, until="2000-01-01T00:00:00.000000Z") == []
    assert ids(log, since="2999-01-01T00:00:00.000000Z") == []
    [event] = search(log.source(), Filter(kind="event"))
    assert (event["event"], event["actor"]) == ("key.created", "cli:root")
    assert len(list(search(log.source(), Filter(kind="all")))) == 5
    assert list(search(log.source(), Filter(kind="all", key="k1")))[-1]["id"] == "list"


def test_what_is_no_record_is_passed_over(tmp_path: Path) -> None:
    lines = [
        b"nonsense",
        b"{}",
        b"[]",
        b'{"sequence":4,"at":"2026","kind":"outcome","intent":[],"id":"w"}',
        b'{"sequence":9,"at":"2026","kind":"outcome","intent":4,"id":"x"}',
        b'{"sequence":10,"at":7,"kind":"own","id":"y"}',
        b'{"kind":"own"',
    ]
    (tmp_path / "segment-000000000001.jsonl").write_bytes(b"\n".join(lines))

    assert ids_of(list(search(DirectorySource(tmp_path), Filter()))) == ["x"]


async def fill(log: FileLog, count: int) -> None:
    auditor = auditor_over(log)
    for number in range(count):
        await one_call(auditor, f"r-{number}")


async def test_the_newest_are_found_without_reading_all(tmp_path: Path) -> None:
    with open_log(tmp_path, segment_bytes=5_000) as log:
        await fill(log, 60)
        assert len(log.source().segments()) > 8
        (tmp_path / log.source().segments()[0]).write_bytes(b"not read\n")

        entries = newest(log.source(), Filter(), 5)
        assert [entry["id"] for entry in entries] == [f"r-{n}" for n in range(55, 60)]
        assert [entry["id"] for entry in newest(log.source(), Filter(id="r-30"), 5)] == ["r-30"]
        assert len(newest(log.source(), Filter(), 1_000)) > 50
        assert newest(log.source(), Filter(tenant="nobody"), 5) == []


async def test_the_newest_of_a_long_segment_are_found_near_its_end(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        auditor = auditor_over(log)
        request = call(id_="slow")
        record = auditor.begin(request)
        admitted = admit(record, request)
        await record.intend(admitted)
        await fill(log, 600)
        await finish(record, cleaned(admitted))
        await one_call(auditor, "last")

        assert ids_of(newest(log.source(), Filter(), 1)) == ["last"]
        assert ids_of(newest(log.source(), Filter(), 3)) == ["r-599", "slow", "last"]
        assert ids_of(newest(log.source(), Filter(id="r-0"), 3)) == ["r-0"]


def ids_of(entries: list[Any]) -> list[str]:
    return [entry["id"] for entry in entries]


async def test_the_newest_of_nothing_is_nothing(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        assert newest(log.source(), Filter(), 5) == []


async def test_segments_that_ended_long_before_are_not_read(tmp_path: Path) -> None:
    with open_log(tmp_path, segment_bytes=5_000) as log:
        await fill(log, 30)
        names = log.source().segments()
        since = list(search(log.source(), Filter()))[-1]["at"]
        (tmp_path / names[0]).write_bytes(b"")
        (tmp_path / names[2]).write_bytes(b'{"sequence":"not read"}\n')

        assert ids(log, since=since) == ["r-29"]
        assert ids(log, since="2999-01-01T00:00:00.000000Z") == []
        assert len(ids(log, since="2000-01-01T00:00:00.000000Z")) > 20


@pytest.mark.parametrize("segment_bytes", [1 << 20, 3_000])
async def test_following_shows_each_record_once_as_it_is_completed(
    tmp_path: Path, segment_bytes: int
) -> None:
    with open_log(tmp_path, segment_bytes=segment_bytes) as log:
        auditor = auditor_over(log)
        request = call(id_="open")
        record = auditor.begin(request)
        admitted = admit(record, request)
        await record.intend(admitted)
        follower = Follower(log.source(), Filter())
        assert follower.poll() == []

        await finish(record, cleaned(admitted))
        await fill(log, 12)
        seen = [entry["id"] for entry in follower.poll()]
        with (tmp_path / log.source().segments()[-1]).open("ab") as file:
            file.write(b'{"half a line')
        assert follower.poll() == []

    assert seen == ["open", *(f"r-{n}" for n in range(12))]


def test_following_a_log_that_is_not_there_yet_waits(tmp_path: Path) -> None:
    assert Follower(DirectorySource(tmp_path), Filter()).poll() == []
