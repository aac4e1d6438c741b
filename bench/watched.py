"""A gate that counts its own steps: run by `bench.count`, in a process of its own.

    python -m bench.watched FOLDER FILE   be `yett up` with the configuration there

SIGUSR1 begins to count, first calls and then bytecodes; SIGUSR2 stops and writes into FILE what was counted.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from yett.audit.backends import committer, file
from yett.cli.root import main

_SLOW = 50.0
"""Under valgrind a call takes fifty times as long, so what is done every so many milliseconds would count too often."""


def serve(folder: Path, out: Path) -> None:
    committer._GROUP_SECONDS *= _SLOW  # type: ignore[misc]  # noqa: SLF001 - for this measurement only
    file._LOOK_SECONDS *= _SLOW  # type: ignore[misc]  # noqa: SLF001 - for this measurement only
    ways = iter((_Calls(), _Bytecodes()))
    current: list[Any] = []

    def begin(*_: object) -> None:
        current[:] = [next(ways)]
        current[0].begin()

    def end(*_: object) -> None:
        sys.setprofile(None)
        sys.settrace(None)
        found = [[*key, number] for key, number in current[0].seen.items()]
        whole = out.with_suffix(".part")
        whole.write_text(json.dumps(found))
        whole.replace(out)

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)
    sys.argv = ["yett", "up", "--config", str(folder / "yett.yaml")]
    main()


class _Calls:
    """Entries into Python functions (a coroutine that goes on counts again) and calls into C."""

    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str, str]] = Counter()

    def begin(self) -> None:
        sys.setprofile(self._note)

    def _note(self, frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call":
            self.seen["functions", code.co_filename, code.co_qualname] += 1
        elif event == "c_call":
            name = f"{code.co_qualname} > {argument.__qualname__}"
            self.seen["calls into C", code.co_filename, name] += 1


class _Bytecodes:
    def __init__(self) -> None:
        self.seen: Counter[tuple[str, str, str]] = Counter()

    def begin(self) -> None:
        sys.settrace(self._enter)

    def _enter(self, frame: Any, _event: str, _argument: Any) -> Any:
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._note

    def _note(self, frame: Any, event: str, _argument: Any) -> Any:
        if event == "opcode":
            code = frame.f_code
            self.seen["bytecodes", code.co_filename, code.co_qualname] += 1
        return self._note


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]))
