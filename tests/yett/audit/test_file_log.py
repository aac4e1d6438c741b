"""The log in files: what is left after a crash, a full disk, or somebody's rm -rf."""

import asyncio
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clock import HandClock
from tests.yett.audit.scene import CLOCK, append, auditor_over, call, one_call, open_log, stored
from yett.audit.backends.file import FileLog
from yett.audit.backends.segment import Segment
from yett.audit.port import LogBusy, Tip, Unwritable
from yett.audit.verify import verify
from yett.core.errors import Denied
from yett.core.reasons import Reason

MEMBERS = '"kind":"own"'


def segment(directory: Path) -> Path:
    return max(directory.glob("segment-*.jsonl"))


def events(log: FileLog) -> list[dict[str, Any]]:
    return [line for line in stored(log) if line["kind"] == "event"]


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    with open_log(tmp_path / "audit"):
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "audit").iterdir()}

    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}
    assert set(modes) == {"segment-000000000001.jsonl", "head", "lock"}


def test_two_logs_never_share_a_beginning(tmp_path: Path) -> None:
    beginnings = []
    for name in ("a", "b"):
        with open_log(tmp_path / name) as log:
            beginnings.append(stored(log)[0]["previous_chain"])

    assert beginnings[0] != beginnings[1]


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        with open_log(tmp_path) as log:
            append(log, MEMBERS)
    with open_log(tmp_path) as log:
        append(log, MEMBERS)

    verdict = verify(log.source())
    assert verdict.damage is None
    assert (verdict.lines, verdict.last) == (10, 10)
    assert [event["event"] for event in events(log)] == ["audit.opened", "audit.closed"] * 3


def test_only_one_process_writes(tmp_path: Path) -> None:
    with open_log(tmp_path), pytest.raises(LogBusy, match=f"process {os.getpid()} writes"):
        FileLog(tmp_path, clock=CLOCK, node="n", segment_bytes=1 << 20)

    with open_log(tmp_path):
        pass


def test_a_directory_that_cannot_be_used_gives_the_lock_back(tmp_path: Path) -> None:
    (tmp_path / "head").mkdir()
    for _ in range(2):
        with pytest.raises(OSError, match="directory"):
            FileLog(tmp_path, clock=CLOCK, node="n", segment_bytes=1 << 20)


def test_a_full_segment_is_followed_by_one_that_continues_it(tmp_path: Path) -> None:
    with open_log(tmp_path, segment_bytes=2_000) as log:
        for _ in range(50):
            append(log, MEMBERS)

    names = log.source().segments()
    assert len(names) > 4
    first = [json.loads(next(iter(log.source().lines(name))).data) for name in names]
    assert all(line["kind"] == "segment" for line in first)
    assert [line["previous_segment"] for line in first] == [None, *names[:-1]]
    assert all((tmp_path / name).stat().st_size <= 2_000 for name in names)
    assert verify(log.source()).damage is None


async def test_a_sync_covers_the_segments_before(tmp_path: Path) -> None:
    with open_log(tmp_path, segment_bytes=1_000) as log:
        for _ in range(30):
            append(log, MEMBERS)
        await log.sync()
        assert log._retired == []
        assert log._segment.synced == log._segment.end
        head = log.source().head()
        assert head is not None
        assert head.sequence == log._segment.tip.sequence


async def test_a_thousand_writers_share_syncs(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        auditor = auditor_over(log)

        await asyncio.gather(*(one_call(auditor, f"r-{n}", "write") for n in range(1_000)))

        assert log.figures().syncs < 500  # of 2,000 that were waited for
    assert verify(log.source()).records == 1_002


async def test_what_nobody_waits_for_is_synced_soon(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        append(log, MEMBERS)
        for _ in range(100):
            await asyncio.sleep(0.01)
            if log._segment.synced == log._segment.end:
                return
    pytest.fail("not synced within a second")


# --- crashes ---------------------------------------------------------------------------------------


def test_a_torn_last_line_is_kept_as_evidence(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        append(log, MEMBERS)
    path = segment(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"sequence":5,"at":"20')

    with open_log(tmp_path) as log:
        pass

    [torn] = tmp_path.glob("torn-5-*.bin")
    assert torn.read_bytes() == b'{"sequence":5,"at":"20'
    assert torn.stat().st_mode & 0o777 == 0o600
    noted = events(log)[2]
    assert noted["event"] == "audit.torn"
    assert (noted["details"]["file"], noted["details"]["bytes"]) == (torn.name, 22)
    assert verify(log.source()).damage is None


@pytest.mark.parametrize("rest", [b"\0" * 300_000, b"{}\n" * 30_000, b"\n", b"x" * 70_000 + b"\n"])
def test_whatever_lies_behind_the_last_whole_line_is_set_aside(tmp_path: Path, rest: bytes) -> None:
    with open_log(tmp_path) as log:
        pass
    with segment(tmp_path).open("ab") as file:
        file.write(rest)

    with open_log(tmp_path) as log:
        pass

    assert verify(log.source()).damage is None
    [torn] = tmp_path.glob("torn-*.bin")
    assert torn.read_bytes() == rest


@pytest.mark.parametrize("content", [b"", b'{"sequence":99,'])
def test_a_segment_that_did_not_live_to_its_first_line_is_begun_again(
    tmp_path: Path, content: bytes
) -> None:
    with open_log(tmp_path) as log:
        pass
    last = verify(log.source()).last
    (tmp_path / f"segment-{last + 1:012d}.jsonl").write_bytes(content)

    with open_log(tmp_path) as log:
        append(log, MEMBERS)

    assert verify(log.source()).damage is None
    assert len(log.source().segments()) == 1
    assert len(list(tmp_path.glob("torn-*"))) == bool(content)


def test_a_log_that_lost_its_tail_says_so_in_the_chain(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_log(tmp_path) as log:
        for _ in range(5):
            append(log, MEMBERS)
    path = segment(tmp_path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))

    with open_log(tmp_path) as log:
        pass

    assert events(log)[1]["event"] == "audit.tail_missing"
    assert events(log)[1]["details"]["reached"] == 8
    assert "its tail was removed" in caplog.text
    damage = verify(log.source()).damage
    assert damage is not None
    assert damage.kind == "tail"


# --- trouble while it runs -------------------------------------------------------------------------


@pytest.mark.parametrize("deed", ["unlink", "rmtree", "move", "replace", "cut", "lock"])
async def test_a_log_that_somebody_took_away_refuses(tmp_path: Path, deed: str) -> None:
    directory = tmp_path / "audit"
    log = FileLog(directory, clock=CLOCK, node="n", segment_bytes=1 << 20)
    path = segment(directory)
    match deed:
        case "unlink":
            path.unlink()
        case "rmtree":
            shutil.rmtree(directory)
        case "move":
            directory.rename(tmp_path / "elsewhere")
        case "replace":
            copy = path.read_bytes()
            path.unlink()
            path.write_bytes(copy)
        case "cut":
            os.truncate(path, 10)
        case _:
            (directory / "lock").unlink()
    await asyncio.sleep(0.02)

    with pytest.raises(Unwritable, match="moved, replaced or cut"):
        append(log, MEMBERS)
    with pytest.raises(Unwritable):
        await log.sync()
    with pytest.raises(Unwritable):
        log.check()
    if deed == "move":
        (tmp_path / "elsewhere").rename(directory)
        append(log, MEMBERS)
    log.close()


def test_a_torn_write_is_cut_off_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    one = Segment.create(log, Tip(0, bytes(32)))
    one.extend(0.0, (MEMBERS,))
    size = one.size
    with file_size_limit(size + 10), pytest.raises(OSError, match="File too large"):
        one.extend(0.0, (MEMBERS,))

    assert log.stat().st_size == size
    one.extend(0.0, (MEMBERS,))
    assert log.read_bytes().count(b"\n") == 2
    one.close()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size`: what a full disk looks like to a writer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


async def test_a_file_that_may_not_grow_refuses_and_recovers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_log(tmp_path) as log:
        auditor = auditor_over(log)
        await one_call(auditor, "before")
        with file_size_limit(log._segment.size + 300):
            refused = [await refusal(auditor) for _ in range(3)]
        await one_call(auditor, "after")

    assert refused == [Reason.AUDIT_UNAVAILABLE] * 3
    assert caplog.text.count("calls are refused") == 1
    assert verify(log.source()).damage is None
    ids = [line["id"] for line in stored(log) if line["kind"] == "outcome"]
    assert ids == ["before", "after"]


async def refusal(auditor: Any) -> Reason | None:
    record = auditor.begin(call(name="n" * 200))
    reply = await record.close(record.refuse(Denied(Reason.UNKNOWN_TOOL, "x" * 400)))
    return reply.refusal.reason if reply.refusal else None


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


async def test_a_full_disk_refuses_and_recovers(small_disk: Path) -> None:
    with open_log(small_disk / "audit") as log:
        auditor = auditor_over(log)
        filler = small_disk / "filler"
        filler.write_bytes(b"x" * 40_000)
        reasons = [await refusal(auditor) for _ in range(60)]
        assert Reason.UNKNOWN_TOOL in reasons
        assert reasons[-3:] == [Reason.AUDIT_UNAVAILABLE] * 3
        assert verify(log.source()).damage is None
        assert not log.figures().writable

        filler.unlink()
        assert await refusal(auditor) is Reason.UNKNOWN_TOOL
        assert log.figures().writable
    assert verify(log.source()).damage is None


async def test_no_room_for_a_new_segment_refuses_and_recovers(small_disk: Path) -> None:
    with open_log(small_disk / "audit", segment_bytes=4_000) as log:
        auditor = auditor_over(log)
        filler = small_disk / "filler"
        filler.write_bytes(b"x" * 45_000)
        reasons = [await refusal(auditor) for _ in range(60)]
        assert reasons[-1] is Reason.AUDIT_UNAVAILABLE
        filler.unlink()
        assert await refusal(auditor) is Reason.UNKNOWN_TOOL
    assert verify(log.source()).damage is None


async def test_a_sync_that_failed_is_made_good_by_writing_again(tmp_path: Path) -> None:
    """A kernel that could not write pages forgets that they are dirty, so a mere second fsync lies."""
    with open_log(tmp_path) as log:
        append(log, MEMBERS)
        with log._committing:
            log._trouble, log._looked_at = "Input/output error (EIO)", 0.0
            with pytest.raises(Unwritable, match="EIO"):
                append(log, MEMBERS)
        await log.sync()
        append(log, MEMBERS)
    assert verify(log.source()).damage is None


@pytest.mark.parametrize("deed", ["altered", "gone"])
def test_what_is_no_longer_in_the_file_is_not_promised(tmp_path: Path, deed: str) -> None:
    one = Segment.create(tmp_path / "log", Tip(0, bytes(32)))
    one.extend(0.0, (MEMBERS,))
    one.sync_again(one.end)
    one.extend(0.0, (MEMBERS,))
    one.extend(0.0, (MEMBERS,))
    content = one.path.read_bytes()
    if deed == "altered":
        one.path.write_bytes(content.replace(b'e":2,', b'e":3,'))
    else:
        one.path.write_bytes(content[: len(content) - len(content) // 3])

    with pytest.raises(OSError, match="gone"):
        one.sync_again(one.end)
    one.close()


async def test_a_disk_that_fails_to_sync_is_trouble_for_all_until_it_works(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        append(log, MEMBERS)
        with log._committing:
            good = os.dup(log._segment.fd)
            reading, writing = os.pipe()
            os.dup2(writing, log._segment.fd)  # a pipe cannot be synced, nor be read again
        with pytest.raises(Unwritable, match=r"EINVAL|ESPIPE"):
            await log.sync()
        with pytest.raises(Unwritable, match=r"EINVAL|ESPIPE"):
            append(log, MEMBERS)

        with log._committing:
            os.dup2(good, log._segment.fd)
        await log.sync()
        append(log, MEMBERS)
        for fd in (good, reading, writing):
            os.close(fd)
    assert verify(log.source()).damage is None


async def test_a_head_that_cannot_be_noted_is_trouble_until_it_can(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        good = os.dup(log._head)
        reading, writing = os.pipe()
        append(log, MEMBERS)
        os.dup2(writing, log._head)
        with pytest.raises(Unwritable, match="ESPIPE"):
            await log.sync()
        os.dup2(good, log._head)
        await log.sync()
        append(log, MEMBERS)
        for fd in (good, reading, writing):
            os.close(fd)


async def test_a_loop_that_ended_while_it_waited_harms_nobody(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        append(log, MEMBERS)

        async def ask_and_go() -> None:
            log._committer.wait(log._segment.end[0])

        await asyncio.to_thread(asyncio.run, ask_and_go())
        append(log, MEMBERS)
        await log.sync()


# --- kill -9 ---------------------------------------------------------------------------------------

WRITER = """
import asyncio, sys
from pathlib import Path
from tests.yett.audit.scene import auditor_over, one_call, open_log

async def main():
    with open_log(Path(sys.argv[1]), segment_bytes=20_000) as log:
        auditor = auditor_over(log)
        for number in range(1_000_000):
            id_ = f"{sys.argv[2]}-{number}"
            await one_call(auditor, id_, "write" if number % 4 == 0 else "read")
            sys.stdout.write(id_ + "\\n")
            sys.stdout.flush()

asyncio.run(main())
"""


def test_killing_the_writer_at_any_moment_loses_no_answered_call(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    root = Path(__file__).parents[3]
    for round_ in range(20):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(round_)],
            stdout=subprocess.PIPE,
            cwd=root,
            env={"PYTHONPATH": f"{root / 'src'}:{root}"},
        )
        assert writer.stdout is not None
        answered = [writer.stdout.readline() for _ in range(20 + round_ * 7)]
        writer.kill()
        answered += writer.stdout.read().splitlines(keepends=True)
        writer.stdout.close()
        writer.wait()
        acknowledged |= {line.decode().strip() for line in answered if line.endswith(b"\n")}

    with open_log(tmp_path) as log:
        pass
    verdict = verify(log.source())
    assert verdict.damage is None, verdict
    done = {line["id"] for line in stored(log) if line["kind"] == "outcome"}
    assert len(acknowledged) > 20 * 20
    assert acknowledged <= done


async def test_a_disk_that_does_not_answer_refuses_and_when_it_does_all_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, real = threading.Event(), os.fdatasync

    def hang(descriptor: int) -> None:
        answers.wait(20)
        real(descriptor)

    clock = HandClock()
    log = FileLog(tmp_path, clock=clock, node="n", segment_bytes=1 << 20)
    monkeypatch.setattr(os, "fdatasync", hang)
    log.append(clock.wall(), MEMBERS)
    await wait_for(lambda: log._syncing_since is not None)
    clock.pass_seconds(4.0)
    log.append(clock.wall(), MEMBERS)
    clock.pass_seconds(2.0)
    for _ in range(2):
        with pytest.raises(Unwritable, match="did not answer in 5 s"):
            log.append(clock.wall(), MEMBERS)
    assert not log.figures().writable
    answers.set()
    await wait_for(lambda: log._syncing_since is None)
    log.append(clock.wall(), MEMBERS)
    log.close()
    assert verify(log.source()).damage is None


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)
