"""Every system call by which the log reaches the disk fails once, with each fault; and the process is killed at it.

Whatever goes wrong: what was sent has its intent, what was answered has its outcome, and the chain is whole.
A sample here; `make audit-nightly` takes every one (python -m tests.yett.audit.test_faults).
"""

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.needs import needs_strace
from yett.audit.backends.directory import DirectorySource
from yett.audit.verify import verify

ROOT: Final = Path(__file__).parents[3]
PROGRAM: Final = (sys.executable, "-m", "tests.yett.audit.faulted")
CALLS: Final = (
    "pwrite64",
    "fdatasync",
    "fsync",
    "openat",
    "close",
    "ftruncate",
    "unlink",
    "rename",
)
FAULTS: Final = ("error=EIO", "error=ENOSPC", "signal=KILL")
SAMPLE: Final = 13
"""Of the faults, every so many is tried in CI; it has no divisor with their kinds."""


def run(folder: Path, *before: str, begun: int = 0) -> int:
    done = subprocess.run(
        [*before, *PROGRAM, str(folder), str(begun)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    return done.returncode


def strace(paths: list[str], *words: str) -> list[str]:
    only = [word for path in paths for word in ("-P", path)]
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-e", f"trace={','.join(CALLS)}", *only, *words]


def places(directory: Path) -> list[str]:
    """The files of a log as they are named in every run."""
    return [str(directory), *(str(directory / path.name) for path in directory.iterdir())]


def faults(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Run once without a fault and yield each that there can be: system call, which one of them, fault."""
    seen = folder / "seen"
    (folder / "counted").mkdir()
    assert run(folder / "counted") == 0
    paths = [path.replace("counted", "counting") for path in places(folder / "counted" / "audit")]
    (folder / "counting").mkdir()
    assert run(folder / "counting", *strace(paths, "-o", str(seen))) == 0
    counts = Counter(re.findall(r"^\d+ +(\w+)\(", seen.read_text(), re.MULTILINE))
    assert counts["pwrite64"] > 2 * 24
    assert counts["fdatasync"] > 0
    for name, count in sorted(counts.items()):
        for number in range(1, count + 1):
            for fault in FAULTS:
                yield name, number, fault


def check(folder: Path, fault: tuple[str, int, str], paths: list[str]) -> None:
    """Let one fault happen, run once more without one, and look."""
    name, number, kind = fault
    at = folder.parent.name
    folder.mkdir()
    paths = [re.sub(r"/counted/audit", f"/{folder.name}/audit", path) for path in paths]
    run(folder, *strace(paths, "-o", "/dev/null", "-e", f"inject={name}:{kind}:when={number}"))
    assert run(folder, begun=100) == 0, (at, fault)
    source = DirectorySource(folder / "audit")
    verdict = verify(source)
    assert verdict.damage is None, (fault, verdict.damage)
    lines = [json.loads(line.data) for part in source.segments() for line in source.lines(part)]
    intents = {line["id"] for line in lines if line["kind"] == "intent"}
    outcomes = {line["id"] for line in lines if line["kind"] == "outcome"}
    assert words_of(folder / "sent") <= intents, fault
    assert words_of(folder / "answered") <= outcomes, fault
    assert "r123" in words_of(folder / "answered"), fault  # the gate is well again


def words_of(path: Path) -> set[str]:
    return set(path.read_text().split()) if path.exists() else set()


def try_all(folder: Path, every: int, *, tell: bool = False) -> int:
    found = list(faults(folder))
    chosen = found[every // 2 :: every]
    paths = places(folder / "counted" / "audit")
    for number, fault in enumerate(chosen):
        check(folder / f"try{number}", fault, paths)
        if tell and number % 20 == 19:
            sys.stdout.write(f"{number + 1} of {len(chosen)} faults\n")
            sys.stdout.flush()
    return len(chosen)


@needs_strace
def test_a_fault_of_the_disk_or_a_kill_at_a_system_call_loses_nothing(tmp_path: Path) -> None:
    assert try_all(tmp_path, every=SAMPLE * 4) >= 5


@pytest.mark.parametrize("wrong", [b"r1\n", b"r999\n"])
def test_a_lost_record_would_be_noticed(tmp_path: Path, wrong: bytes) -> None:
    assert run(tmp_path) == 0
    ids = {
        json.loads(line.data).get("id")
        for part in DirectorySource(tmp_path / "audit").segments()
        for line in DirectorySource(tmp_path / "audit").lines(part)
    }
    assert words_of(tmp_path / "sent") <= ids
    (tmp_path / "sent").write_bytes(wrong)
    assert (words_of(tmp_path / "sent") <= ids) == (wrong == b"r1\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="yett-faults-") as name:
        tried = try_all(Path(name), every=int(sys.argv[1]) if len(sys.argv) > 1 else 1, tell=True)
    sys.stdout.write(f"ok {tried} faults, each followed by a run without one: nothing was lost\n")
