"""What every `AuditLog` must do."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.yett.audit.scene import append
from yett.audit.backends.file import FileLog
from yett.audit.backends.memory import MemoryLog
from yett.audit.port import AuditLog, Unwritable
from yett.audit.verify import verify
from yett.core.clock import SystemClock

MEMBERS = '"kind":"own"'


@pytest.fixture(params=["memory", "file"], name="log")
def _log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditLog]:
    log: AuditLog
    if request.param == "memory":
        log = MemoryLog()
    else:
        log = FileLog(tmp_path / "audit", clock=SystemClock(), node="n", segment_bytes=1 << 20)
    yield log
    log.close()


def lines(log: AuditLog) -> list[bytes]:
    source = log.source()
    return [line.data for name in source.segments() for line in source.lines(name)]


def test_sequences_are_contiguous_and_lines_can_be_read_at_once(log: AuditLog) -> None:
    before = len(lines(log))

    assert [append(log, MEMBERS) for _ in range(3)] == [before + 1, before + 2, before + 3]
    assert len(lines(log)) == before + 3
    assert all(b'"kind":"own"' in line for line in lines(log)[-3:])


def test_several_lines_are_appended_in_their_order(log: AuditLog) -> None:
    before = len(lines(log))

    assert log.extend(1.0, [f'"kind":"own","id":"r{number}"' for number in range(3)]) == before + 1
    assert append(log, MEMBERS) == before + 4
    assert [b'"id":"r%d"' % number in lines(log)[before + number] for number in range(3)] == [
        True
    ] * 3
    assert verify(log.source()).damage is None


def test_no_line_is_appended_by_appending_none(log: AuditLog) -> None:
    before = lines(log)

    assert log.extend(1.0, []) == len(before) + 1
    assert lines(log) == before


def test_the_chain_holds(log: AuditLog) -> None:
    append(log, MEMBERS)

    verdict = verify(log.source())

    assert verdict.damage is None
    assert verdict.last == len(lines(log))


async def test_a_sync_suspends_and_is_counted(log: AuditLog) -> None:
    append(log, MEMBERS)
    task = asyncio.create_task(log.sync())
    await asyncio.sleep(0)

    assert not task.done()
    await task
    assert log.figures().syncs >= 1


async def test_any_number_may_wait_at_once(log: AuditLog) -> None:
    for _ in range(100):
        append(log, MEMBERS)

    await asyncio.gather(*(log.sync() for _ in range(100)))


async def test_who_stops_waiting_disturbs_nobody(log: AuditLog) -> None:
    append(log, MEMBERS)
    tasks = [asyncio.create_task(log.sync()) for _ in range(2)]
    await asyncio.sleep(0)
    tasks[0].cancel()

    await tasks[1]
    assert tasks[0].cancelled() or tasks[0].done()


def test_lines_can_be_read_from_an_offset(log: AuditLog) -> None:
    append(log, MEMBERS)
    source = log.source()
    name = source.segments()[-1]
    whole = list(source.lines(name))

    rest = list(source.lines(name, skip_bytes=len(whole[0].data) + 1))

    assert [line.data for line in rest] == [line.data for line in whole[1:]]
    assert rest[0].number == 1
    assert source.size(name) == sum(len(line.data) + 1 for line in whole)


def test_a_log_that_is_open_is_live(log: AuditLog) -> None:
    log.check()
    assert log.source().is_live()
    assert log.source().head() is not None


def test_the_segment_in_use_is_never_pruned(log: AuditLog) -> None:
    assert log.prune(1e12) == ()


async def test_a_closed_log_takes_nothing(log: AuditLog) -> None:
    before = len(lines(log))
    log.close()
    written = len(lines(log))

    with pytest.raises(Unwritable):
        append(log, MEMBERS)
    with pytest.raises(Unwritable):
        await log.sync()
    with pytest.raises(Unwritable):
        log.check()
    assert len(lines(log)) == written <= before + 1
    assert not log.figures().writable
    log.close()
