"""Who waits for the disk: told when it has his lines, not before, and not much later."""

import asyncio
import os
import random
import threading
import time
from pathlib import Path

import pytest

from tests.yett.audit.scene import CLOCK, append, open_log
from yett.audit.backends import committer
from yett.audit.backends.file import FileLog
from yett.audit.port import Unwritable
from yett.audit.verify import verify

MEMBERS = '"kind":"event","event":"x"'


class Disk:
    """In place of `fdatasync`: knows how much of each file it has, and takes its time where it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has: dict[int, int] = {}
        self.entered, self.goes_on = threading.Semaphore(0), threading.Semaphore(0)
        self.is_held = False
        self._dice = random.Random(7)
        self._real = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self.sync)

    def sync(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if self.is_held:
            self.entered.release()
            assert self.goes_on.acquire(timeout=20)
        else:
            time.sleep(self._dice.choice((0.0, 0.0, 0.0003, 0.002)))
        self._real(descriptor)
        self.has[status.st_ino] = max(status.st_size, self.has.get(status.st_ino, 0))


async def entered(disk: Disk) -> None:
    assert await asyncio.to_thread(disk.entered.acquire, timeout=10)


async def test_nobody_is_told_before_the_disk_has_his_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    with open_log(tmp_path, segment_bytes=4_000) as log:

        async def write_on(dice: random.Random) -> None:
            for _ in range(30):
                append(log, MEMBERS)
                status = os.fstat(log._segment.fd)
                if dice.random() < 0.3:
                    await asyncio.sleep(0)
                await log.sync()
                assert disk.has[status.st_ino] >= status.st_size

        async with asyncio.timeout(20):
            await asyncio.gather(*(write_on(random.Random(n)) for n in range(8)))
    assert len(disk.has) > 3  # it went on in other files meanwhile
    assert verify(log.source()).damage is None


async def test_who_comes_during_a_sync_of_his_line_waits_for_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    with open_log(tmp_path) as log:
        disk.is_held = True
        append(log, MEMBERS)
        first = asyncio.create_task(log.sync())
        await entered(disk)
        second = asyncio.create_task(log.sync())
        await asyncio.sleep(0)
        append(log, MEMBERS)
        third = asyncio.create_task(log.sync())
        await asyncio.sleep(0)
        disk.goes_on.release()
        await asyncio.gather(first, second)
        await entered(disk)
        assert not third.done()
        disk.is_held = False
        disk.goes_on.release()
        await third


async def test_a_disk_that_does_not_answer_keeps_nobody_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "SYNC_SECONDS_MAX", 0.3)
    disk = Disk(monkeypatch)
    with open_log(tmp_path) as log:
        disk.is_held = True
        append(log, MEMBERS)
        begun = time.monotonic()
        with pytest.raises(Unwritable, match="did not answer in"):
            await log.sync()
        assert 0.3 <= time.monotonic() - begun < 3.0
        disk.is_held = False
        disk.goes_on.release()
        await log.sync()


async def test_loops_in_two_threads_are_told_each(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:

        async def write_on() -> None:
            for _ in range(40):
                append(log, MEMBERS)
                await log.sync()

        async with asyncio.timeout(20):
            await asyncio.gather(write_on(), asyncio.to_thread(asyncio.run, write_on()))


async def test_who_waits_when_the_log_is_closed_is_told_how_that_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    log = FileLog(tmp_path, clock=CLOCK, node="node-1", segment_bytes=1 << 20)
    disk.is_held = True
    append(log, MEMBERS)
    waiting = asyncio.create_task(log.sync())
    await entered(disk)
    disk.is_held = False
    disk.goes_on.release()
    log.close()
    await waiting
    with pytest.raises(Unwritable, match="closed"):
        await log.sync()


async def test_a_mistake_of_ours_is_told_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_log(tmp_path) as log:
        append(log, MEMBERS)
        for name in ("_flush", "_note"):

            def fail(name: str = name) -> None:
                raise ZeroDivisionError(name)

            with monkeypatch.context() as patched:
                patched.setattr(log._committer, name, fail)
                append(log, MEMBERS)
                with pytest.raises(Unwritable, match="ZeroDivisionError"):
                    await log.sync()
            await log.sync()
