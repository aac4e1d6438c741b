"""What the record costs: CPU per call, records to the disk per second, records verified per second.

    python -m bench.audit [--quick]

Times are the least of several rounds. Whether the disk or the gate sets the pace of writes is said by a
plain loop of writes and `fdatasync` on the same disk.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop
from tests.yett.audit.scene import (
    AGENT,
    auditor_over,
    call,
    cleaned,
    target,
)

from yett.audit.backends.directory import DirectorySource
from yett.audit.backends.file import FileLog
from yett.audit.backends.leaves import LeafReader
from yett.audit.proof.tree import Tree
from yett.audit.stage import Auditor
from yett.audit.verify import Anchor, verify
from yett.core.call import Call, Usage
from yett.core.clock import SystemClock
from yett.core.proofs import Admitted, Cleaned, Identified, Permitted, Resolved, Validated
from yett.core.standing import Standing
from yett.core.target import Target

RESULT = {"content": [{"type": "text", "text": "x"}], "isError": False}
USAGE = Usage()
CPU_MICROSECONDS_MAX = 12.0
WRITES_PER_SECOND_MIN = 5_000
VERIFIED_PER_SECOND_MIN = 200_000


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--directory", type=Path, help="where to write; default: a temporary one")
    options = parser.parse_args()
    scale = 1 if options.quick else 10
    with tempfile.TemporaryDirectory(prefix="yett-audit-", dir=options.directory) as name:
        folder = Path(name)
        figures = [*reads(folder / "reads", scale), *writes(folder / "writes", scale)]
        figures += verifying(folder / "reads")
    for words, value, bound, is_most in figures:
        good = value <= bound if is_most else value >= bound
        verdict = (
            ""
            if bound == 0
            else f"{'pass' if good else 'MISS'} ({'≤' if is_most else '≥'} {bound:,.0f})"
        )
        print(f"{words:<62}{value:>12,.1f}  {verdict}")
    return 0


Figure = tuple[str, float, float, bool]


def reads(directory: Path, scale: int) -> list[Figure]:
    """CPU of both records of one call that only reads, the system calls and the turns of the loop among it: of calls
    that come one after the other, and of sixteen at a time; at the log's beginning and when it is long."""
    log = FileLog(directory, clock=SystemClock(), node="bench", segment_bytes=64 << 20)
    auditor = Auditor(
        log,
        clock=SystemClock(),
        redact=lambda document: document,
        redact_text=str,
        node="bench",
    )
    permitted = may(target())
    # What other stages make is made before: only the record is measured.
    prepared = [prepare(call(id_=f"0192f0a7c1d2{number:08x}"), permitted) for number in range(64)]

    async def caller(mine: list[Steps]) -> None:
        for steps in mine:
            await walk(auditor, steps)

    async def rounds(count: int, callers: int) -> float:
        least = float("inf")
        for _ in range(count):
            begun = time.process_time()
            await asyncio.gather(*(caller(prepared[one::callers]) for one in range(callers)))
            least = min(least, (time.process_time() - begun) / len(prepared))
        return least * 1e6

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        alone = runner.run(rounds(300, 1))
        together = runner.run(rounds(300, 16))
        runner.run(rounds(800 * scale, 16))
        last = runner.run(rounds(300, 16))
    size = log.figures().lines
    log.close()
    return [
        ("CPU of both records of a read, one call after the other (µs)", alone, 0.0, True),
        ("… sixteen at a time", together, CPU_MICROSECONDS_MAX, True),
        (f"… behind {size:,} lines", last, CPU_MICROSECONDS_MAX, True),
    ]


def may(aim: Target) -> Permitted:
    """What authorization finds: the standing is the same object for each call."""
    return Permitted(call(), AGENT, aim, ("reader:git.*:read",), "b" * 64, Standing(AGENT, aim))


Steps = tuple[Call, Identified, Resolved, Permitted, Admitted, Cleaned]


def prepare(request: Call, permitted: Permitted) -> Steps:
    caller, aim = permitted.principal, permitted.target
    mine = Permitted(
        request, caller, aim, permitted.policies, permitted.version, permitted.standing
    )
    admitted = Admitted(Validated(mine, request.arguments, b'{"path":"/tmp"}'))
    done = cleaned(admitted, result=RESULT)
    return (
        request,
        Identified(request, caller),
        Resolved(request, caller, aim),
        mine,
        admitted,
        done,
    )


async def walk(auditor: Auditor, steps: Steps) -> None:
    request, identified, resolved, permitted, admitted, done = steps
    record = auditor.begin(request)
    record.caller = identified
    record.resolved = resolved
    record.permitted = permitted
    await record.intend(admitted)
    await record.close(record.answer(done, USAGE))


def writes(directory: Path, scale: int) -> list[Figure]:
    """Records of calls that write per second, from many callers at once; beside what the disk does alone."""
    log = FileLog(directory, clock=SystemClock(), node="bench", segment_bytes=64 << 20)
    auditor = auditor_over(log)
    permitted = may(target("write"))

    async def caller(count: int) -> None:
        for number in range(count):
            await walk(auditor, prepare(call(id_=f"0192f0a7c1d2{number:08x}"), permitted))

    async def crowd(callers: int, each: int) -> float:
        begun = time.perf_counter()
        await asyncio.gather(*(caller(each) for _ in range(callers)))
        return 2 * callers * each / (time.perf_counter() - begun)

    found = [
        ("records of writes per second, 1 caller", asyncio.run(crowd(1, 20 * scale)), 0.0, False)
    ]
    for callers in (16, 256):
        bound = WRITES_PER_SECOND_MIN if callers == 256 else 0.0
        pace = max(asyncio.run(crowd(callers, 4 * scale)) for _ in range(3))
        found.append((f"… {callers} callers", pace, bound, False))
    log.close()
    found.append(
        (
            "the disk alone: writes of one line with fdatasync per second",
            disk(directory / "disk", 50 * scale),
            0.0,
            False,
        )
    )
    return found


def disk(path: Path, count: int) -> float:
    line = b"x" * 700
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    begun = time.perf_counter()
    for number in range(count):
        os.pwrite(descriptor, line, number * len(line))
        os.fdatasync(descriptor)
    os.close(descriptor)
    return count / (time.perf_counter() - begun)


def verifying(directory: Path) -> list[Figure]:
    """Records (a call is one, of two lines) verified per second: the chain alone, and against a checkpoint."""
    source = DirectorySource(directory)
    workers = os.cpu_count() or 1
    verdict = verify(source)
    anchor = Anchor("bench", verdict.last, Tree(LeafReader(directory)).root(verdict.last))

    def pace(work: Callable[[], object], clock: Callable[[], float]) -> float:
        times = []
        for _ in range(3):
            begun = clock()
            work()
            times.append(clock() - begun)
        return verdict.records / min(times)

    busy = pace(lambda: verify(source), time.process_time)
    against = pace(lambda: verify(source, anchors=[anchor]), time.process_time)
    whole = pace(lambda: verify(source, workers=workers, anchors=[anchor]), time.perf_counter)
    return [
        (f"records verified per second of CPU ({verdict.records:,} of them)", busy, 0.0, False),
        (f"… times {workers} cores", workers * busy, VERIFIED_PER_SECOND_MIN, False),
        ("… against a checkpoint, per second of CPU", against, 0.0, False),
        ("… against a checkpoint, by the clock", whole, 0.0, False),
    ]


if __name__ == "__main__":
    sys.exit(main())
