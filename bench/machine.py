"""Processes on a core of their own, what they used, and what this machine is."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORES = sorted(os.sched_getaffinity(0))
UNDER_TEST, BESIDE = CORES[0], CORES[-1]
"""The core of what is measured, and that of the load and of the servers behind it."""

_TICK = os.sysconf("SC_CLK_TCK")


def build(folder: Path, name: str, *libraries: str) -> Path:
    """Compile one of the C programs beside this file."""
    program = folder / name
    flags = ["-O2", "-Wall", "-Wextra", "-o", str(program), str(HERE / f"{name}.c")]
    subprocess.run(["cc", *flags, *libraries], check=True)
    return program


@contextlib.contextmanager
def process(
    command: Sequence[str | Path], core: int, log: Path, folder: Path | None = None
) -> Iterator[int]:
    """Run a program on one core and give its process id; it has ended afterwards."""
    with log.open("ab") as out:
        running = subprocess.Popen(
            ["taskset", "-c", str(core), *map(str, command)],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        yield running.pid
    finally:
        running.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(10.0)
        running.kill()
        running.wait()


def wait_for_port(port: int, pid: int, seconds: float = 30.0) -> None:
    """Return when somebody listens there.

    Raises:
        RuntimeError: nobody does, or the process has ended.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end and Path(f"/proc/{pid}/stat").exists():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nobody listens on {port}")


def processor_seconds(*pids: int) -> float:
    """User and system time of these processes, all threads, without children."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICK


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def memory(pid: int) -> float:
    """Resident MiB of one process, pages that it shares with others included."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Rss:\s+(\d+)", text, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def sync_milliseconds(folder: Path, rounds: int = 60) -> float:
    """The median time of appending a line to a file and syncing it (`fdatasync`)."""
    path = folder / "sync"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    took = []
    try:
        for _ in range(rounds):
            begun = time.perf_counter()
            os.write(descriptor, b"x" * 700)
            os.fdatasync(descriptor)
            took.append(1000 * (time.perf_counter() - begun))
    finally:
        os.close(descriptor)
        path.unlink()
    return statistics.median(took)


def find_envoy() -> str | None:
    """The program of Envoy itself; the package on PyPI starts it by way of Python."""
    for place in sorted(
        Path(HERE.parent / ".bench").glob("lib/python*/site-packages/envoy/_bin/envoy")
    ):
        return str(place)
    return shutil.which("envoy")


def description() -> str:
    """What the figures hold for, in one line."""
    text = Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    # Debian's is built with it and does not say so.
    optimised = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    return (
        f"{found[1] if found else platform.machine()}, {len(CORES)} cores, {platform.system()} {platform.release()}, "
        f"CPython {platform.python_version()} ({'' if optimised else 'does not say that it was '}built with "
        f"profile-guided optimisation), Yett {_form()}, load {os.getloadavg()[0]:.1f}"
    )


def _form() -> str:
    """Which of the two forms of one source is found first (docs/decisions/0014)."""
    found = importlib.util.find_spec("yett.pipeline")
    return "compiled" if found and str(found.origin).endswith(".so") else "as it is written"


PYTHON = sys.executable
