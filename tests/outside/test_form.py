"""Which of the two forms of one source a real gate runs (docs/decisions/0014-two-forms-of-one-source.md)."""

import os
from pathlib import Path

from tests.outside.gate import Gate, running

CONFIGURATION = "servers: {}\n"


def test_the_gate_that_is_tested_runs_the_form_that_was_asked_for(tmp_path: Path) -> None:
    """Or `make compiled-test` would be green for having tested the source."""
    wanted = any((Path(path) / "made-of").exists() for path in _python_path())

    gate = Gate(tmp_path, CONFIGURATION)
    with running(gate):
        mapped = Path(f"/proc/{gate.pid}/maps").read_text()

    assert ("yett__mypyc" in mapped) == wanted


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
