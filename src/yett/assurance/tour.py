"""The guided tour behind `yett demo`: a real gate, a real server, five calls and their records.

Everything happens in a folder of its own, by the commands a user would type and by plain HTTP, so
what it shows is what a user gets.
"""

import contextlib
import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any, Final, final

import msgspec

from yett.core.errors import CommandError

START_SECONDS_MAX: Final = 20.0
_STOP_SECONDS_MAX: Final = 10.0
_SEARCHES_A_MINUTE: Final = 3


@final
class Step(msgspec.Struct, frozen=True):
    """One call of the tour. as_expected: the gate did what the tour says it does."""

    title: str
    call: str
    status: int
    told: str
    as_expected: bool


@final
class Tour:
    """`port` is the gate's, once `running` has been entered."""

    def __init__(self, folder: Path) -> None:
        self._config = folder / "yett.yaml"
        self.port = _free_port()
        self._config.write_text(_configuration(self.port, _free_port()), encoding="utf-8")
        self._key = ""

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Make a key and serve until the block ends.

        Raises:
            CommandError: the gate did not start.
        """
        created = self._yett("key", "create", "tour", "--role", "reader", "--json")
        self._key = json.loads(created)["key"]
        log = self._config.with_name("gate.log").open("wb")
        with log, subprocess.Popen([*_YETT, "up", "--config", str(self._config)], stdout=log, stderr=log) as gate:  # fmt: skip
            try:
                self._wait_until_ready(gate)
                yield
            finally:
                gate.terminate()
                try:
                    gate.wait(_STOP_SECONDS_MAX)
                except subprocess.TimeoutExpired:
                    gate.kill()

    def steps(self) -> Iterator[Step]:
        """Make the calls, one by one."""
        status, body = self._execute("read_note", title="welcome")
        yield Step("allowed", "notes.read_note", status, _text(body), status == 200)  # noqa: PLR2004 - HTTP
        status, body = self._execute("delete_note", title="welcome")
        yield Step("refused", "notes.delete_note", status, body["detail"], body["reason"] == "unknown_tool")  # fmt: skip
        status, body = self._execute("read_note", title="")
        told = f"{body['detail']} (at {body.get('pointer')})"
        yield Step("invalid", "notes.read_note", status, told, body["reason"] == "invalid_input")
        yield self._limited()
        status, body = self._execute("read_note", title="invoice")
        text = _text(body)
        clean = text.isprintable() and "[redacted:" in text
        yield Step("cleaned", "notes.read_note", status, text, clean)

    def verify(self) -> str:
        """Return what `yett audit verify` says of the tour's own record."""
        return self._yett("audit", "verify").strip()

    def records(self) -> list[dict[str, Any]]:
        lines = self._yett("audit", "search", "--json").splitlines()
        return [json.loads(line) for line in lines]

    def _limited(self) -> Step:
        for _ in range(_SEARCHES_A_MINUTE):
            self._execute("search_notes", text="gate")
        status, body = self._execute("search_notes", text="gate")
        told = f"{body.get('detail')} (in {body.get('retry_after_seconds')} s)"
        return Step("limited", "notes.search_notes", status, told, body.get("reason") == "rate_limited")  # fmt: skip

    def _execute(self, operation: str, **arguments: str) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        body = {"tool": "notes", "operation": operation, "input": arguments}
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/execute", json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def _wait_until_ready(self, gate: subprocess.Popen[bytes]) -> None:
        deadline = monotonic() + START_SECONDS_MAX
        while monotonic() < deadline and gate.poll() is None:
            with contextlib.suppress(OSError):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:  # noqa: PLR2004 - HTTP
                    return
        log = self._config.with_name("gate.log").read_text(encoding="utf-8", errors="replace")
        raise CommandError(f"The gate of the tour did not start: {log.strip()[-500:]}")

    def _yett(self, *words: str) -> str:
        command = [*_YETT, *words, "--config", str(self._config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise CommandError(f"`yett {' '.join(words[:2])}` failed: {done.stderr.strip()[-500:]}")
        return done.stdout


_YETT: Final = (sys.executable, "-m", "yett")


def _configuration(port: int, admin_port: int) -> str:
    return f"""\
mode: development
listen: 127.0.0.1:{port}
admin: {{listen: "127.0.0.1:{admin_port}"}}
servers:
  notes:
    command: [{json.dumps(sys.executable)}, -m, yett.assurance.notes]
    tools:
      search_notes: {{rate: {_SEARCHES_A_MINUTE}/minute}}
roles:
  reader: ["notes.*:read"]
"""


def _text(body: dict[str, Any]) -> str:
    try:
        return str(body["output"]["content"][0]["text"])
    except (KeyError, IndexError, TypeError):
        return str(body.get("detail"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
