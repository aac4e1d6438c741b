"""What a thousand open streams cost: memory above idle, and what the calls of others notice of them.

    python -m bench.streams                     1,000 streams, half GET (2025-11-25), half listen (2026-07-28)
    python -m bench.streams --streams 100 --version 2025-11-25

One real gate with a server behind it, and as many keys as the bound on streams per key demands. Streams are
quiet at first; then a tool's definition of access changes, so that each of them is told, and it is counted
how many were, and how soon. Latency is that of one caller who asks one call after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.attacks.crowd import Caller, chunks, keys_for
from tests.outside.gate import REST, Agent, Gate, running
from tests.outside.upstream import MODERN, wait_until

LEGACY = "2025-11-25"
STREAMS_PER_KEY = 25
TARGETS = (
    ("memory above idle, MiB, for 1,000 streams", 60.0),
    ("median latency against idle", 1.5),
    ("CPU of quiet streams, % of a core, for 1,000", 10.0),
    ("streams that were not told of a change", 0.0),
)
SERVER = json.dumps([sys.executable, "-m", "yett.assurance.notes"])
CONFIGURATION = f"""\
servers:
  notes: {{command: {SERVER}}}
roles:
  reader: ["notes.*:read"]
"""


@dataclass
class Figures:
    """memory: bytes. latency: seconds of each call. cpu: seconds per second. told: streams that heard of the change;
    told_seconds: until the last of them did."""

    streams: int
    memory_idle: int
    memory_open: int
    latency_idle: list[float]
    latency_open: list[float]
    latency_told: list[float]
    cpu: float
    told: int
    told_seconds: float

    @property
    def memory_each(self) -> float:
        return (self.memory_open - self.memory_idle) / self.streams


async def measure(folder: Path, streams: int, versions: Sequence[str], seconds: float) -> Figures:
    """Open so many streams, in turn of each version, and measure for so many seconds at a time."""
    allow_files(2 * streams + 512)
    gate = Gate(folder, CONFIGURATION)
    first = gate.key("first")
    count = -(-streams // STREAMS_PER_KEY)
    keys = keys_for(gate.data, [f"listener-{number}" for number in range(count)], "reader")
    with running(gate):
        wait_until(lambda: Agent(gate, first, REST).tools(), 15)
        caller = Caller(gate.port, first.secret, MODERN, "/mcp/notes")
        await latencies(caller, seconds)
        latency_idle, memory_idle = await latencies(caller, seconds), memory_of(gate.pid)
        heard: dict[int, float] = {}
        async with contextlib.AsyncExitStack() as stack:
            for number in range(streams):
                listener = Caller(gate.port, keys[number // STREAMS_PER_KEY], versions[number % len(versions)], "/mcp/notes")  # fmt: skip
                reader = await open_stream(stack, listener)
                stack.callback(asyncio.create_task(hear(reader, number, heard)).cancel)
            await asyncio.sleep(2)
            began = cpu_of(gate.pid)
            await asyncio.sleep(seconds)
            cpu = (cpu_of(gate.pid) - began) / seconds
            latency_open, memory_open = await latencies(caller, seconds), memory_of(gate.pid)
            began = time.monotonic()
            gate.configure(CONFIGURATION.replace("command:", "tools: {read_note: {access: write}}, command:"))  # fmt: skip
            latency_told = await latencies(caller, max(seconds, 4.0))
            with contextlib.suppress(AssertionError):
                while len(heard) < streams:
                    assert time.monotonic() - began < 15
                    await asyncio.sleep(0.05)
            told_seconds = max(heard.values(), default=began) - began
        caller.close()
    return Figures(
        streams, memory_idle, memory_open, latency_idle, latency_open, latency_told, cpu, len(heard), told_seconds,
    )  # fmt: skip


async def open_stream(stack: contextlib.AsyncExitStack, listener: Caller) -> asyncio.StreamReader:
    await listener.open()
    reader = await stack.enter_async_context(listener.stream())
    listener.close()
    return reader


async def hear(reader: asyncio.StreamReader, number: int, heard: dict[int, float]) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
        async for part in chunks(reader):
            if b"tools/list_changed" in part:
                heard.setdefault(number, time.monotonic())


async def latencies(caller: Caller, seconds: float) -> list[float]:
    """Call one after the other for so long; return the seconds that each took."""
    found = []
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        [answer] = await caller.ask("tools/call", {"name": "list_notes", "arguments": {}})
        found.append(time.perf_counter() - began)
        assert "result" in answer, answer
    return found


def allow_files(count: int) -> None:
    """Let this process hold the other ends of all the streams."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def memory_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))  # fmt: skip


def cpu_of(pid: int) -> float:
    """Return the seconds of a processor that a process took so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def report(figures: Figures) -> int:
    of_thousand = 1000 / figures.streams
    idle, opened = statistics.median(figures.latency_idle), statistics.median(figures.latency_open)
    measured = (
        figures.memory_each * 1000 / 2**20, opened / idle, figures.cpu * 100 * of_thousand, figures.streams - figures.told,
    )  # fmt: skip
    print(f"{figures.streams} streams\n{'figure':<50}{'measured':>12}{'wanted':>12}")
    missed = False
    for (name, wanted), value in zip(TARGETS, measured, strict=True):
        missed |= value > wanted
        print(f"{name:<50}{value:>12.2f}{'<=':>6}{wanted:>6.2f}  {'MISS' if value > wanted else 'pass'}")  # fmt: skip
    for name, found in (("idle", figures.latency_idle), ("open", figures.latency_open), ("while told", figures.latency_told)):  # fmt: skip
        ordered = sorted(found)
        worst = ordered[int(len(ordered) * 0.99)]
        print(f"  {name:<12}{statistics.median(ordered) * 1000:>8.2f} ms median {worst * 1000:>8.2f} ms p99 {ordered[-1] * 1000:>8.2f} ms worst")  # fmt: skip
    print(
        f"  memory {figures.memory_idle / 2**20:.1f} → {figures.memory_open / 2**20:.1f} MiB; the last was told after {figures.told_seconds:.2f} s"
    )
    return 1 if missed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--version", action="append", help="of the protocol; may be repeated")
    options = parser.parse_args()
    versions = options.version or [LEGACY, MODERN]
    with tempfile.TemporaryDirectory(prefix="yett-streams-") as folder:
        return report(
            asyncio.run(measure(Path(folder), options.streams, versions, options.seconds))
        )


if __name__ == "__main__":
    sys.exit(main())
