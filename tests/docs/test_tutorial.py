"""The tutorial is true: its commands are run, by a shell, against a real gate, and must print what it shows.

`…` matches anything. Ports 8080 and 8081 are replaced by free ones, as the page tells its reader to do when they are
taken; `yett_live_…` in a command stands for the key that was shown.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Final, NamedTuple

from tests.docs.pages import PAGES

TEXT: Final = PAGES["docs/tutorial/first-calls.md"]
COMMAND_SECONDS_MAX: Final = 20
RETRY_SECONDS_MAX: Final = 6.0
STATE: Final = re.compile(r"^\w+(=|\(\) \{)")


class Step(NamedTuple):
    command: str
    shown: str


def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        reader = Reader(tmp_path, stack)
        steps = list(_steps())
        assert len(steps) > 20
        for step in steps:
            reader.follow(step)


class Reader:
    """Somebody who types what the page says."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._state: list[str] = []
        self._key = ""
        self._ports = {"127.0.0.1:8080": _free_port(), "127.0.0.1:8081": _free_port()}
        paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._environment = {"PATH": paths, "HOME": str(folder), "LANG": "C.UTF-8"}

    def follow(self, step: Step) -> None:
        command = step.command.replace("yett_live_…", self._key)
        for address, port in self._ports.items():
            command = command.replace(address, f"127.0.0.1:{port}")
        if command == "yett up":
            printed = self._start(command)
        else:
            printed = self._run_until_shown(command, step)
        assert _fits(step.shown, printed), f"$ {command}\nprinted:\n{printed}\nshown:\n{step.shown}"
        if STATE.match(command):
            self._state.append(command)
        if command == "yett init":
            self._move_ports()
        for key in re.findall(r"yett_live_\w{20,}", printed):
            self._key = key

    def _run_until_shown(self, command: str, step: Step) -> str:
        """What the gate takes over once a second may take a moment longer on a busy machine."""
        deadline = monotonic() + RETRY_SECONDS_MAX
        printed = self._run(command)
        while command.startswith("call ") and not _fits(step.shown, printed):
            if monotonic() > deadline:
                break
            sleep(0.2)
            printed = self._run(command)
        return printed

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", "\n".join([*self._state, command])],
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}"
        return self._as_documented(done.stdout)

    def _start(self, command: str) -> str:
        """Leave it running, as in a second terminal, and return its first line."""
        log = self._folder.parent / f"{self._folder.name}.log"
        with log.open("wb") as file:
            gate = subprocess.Popen(
                command.split(), cwd=self._folder, env=self._environment, stdout=file, stderr=file
            )
        self._stack.callback(_stop, gate)
        deadline = monotonic() + COMMAND_SECONDS_MAX
        while "\n" not in log.read_text("utf-8"):
            assert gate.poll() is None, log.read_text("utf-8")
            assert monotonic() < deadline
            sleep(0.02)
        return self._as_documented(log.read_text("utf-8").splitlines()[0])

    def _as_documented(self, printed: str) -> str:
        for address, port in self._ports.items():
            printed = printed.replace(f"127.0.0.1:{port}", address)
        return printed

    def _move_ports(self) -> None:
        path = self._folder / "yett.yaml"
        text = path.read_text(encoding="utf-8")
        data, admin = self._ports.values()
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{data}")
        path.write_text(f'{text}admin: {{listen: "127.0.0.1:{admin}"}}\n', encoding="utf-8")


def _steps() -> Iterator[Step]:
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield Step(command, shown)


def _fits(shown: str, printed: str) -> bool:
    """Whether all that is shown was printed, in this order; a step that shows nothing prints anything."""
    pieces = [re.escape(" ".join(piece.split())) for piece in shown.split("…")]
    return not shown or bool(
        re.fullmatch(r".*?".join(pieces), " ".join(printed.split()), re.DOTALL)
    )


def _stop(gate: subprocess.Popen[bytes]) -> None:
    gate.terminate()
    try:
        assert gate.wait(COMMAND_SECONDS_MAX) == 0
    except subprocess.TimeoutExpired:
        gate.kill()
        raise


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
