"""`yett up` as a process: what it says, what it refuses, and what is left when it has ended."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import issue
from yett.cli import up

PROGRAM = Path(__file__).parents[2] / "servers" / "mcp_stdio.py"
BASE = {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"}

CONFIGURATION = f"""\
listen: 127.0.0.1:0
admin: {{listen: 127.0.0.1:0}}
servers:
  program:
    command: ["{sys.executable}", "{PROGRAM}", legacy]
    env: {{OWN: "1"}}
    tools: {{echo: {{access: read, open: true}}}}
roles:
  reader: ["program.*:read"]
"""


class Gate:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "yett.yaml"
        self.file.write_text(CONFIGURATION)
        self.process: subprocess.Popen[str] | None = None
        self.ready: dict[str, Any] = {}

    def begin(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        with (self.folder / "err.log").open("w") as err:
            return subprocess.Popen(
                [sys.executable, "-m", "yett", "up", *words],
                cwd=self.folder,
                env={**os.environ, "OURS": "not theirs", "LD_LIBRARY_PATH": "/x", **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=err,
                text=True,
            )

    def start(self) -> None:
        self.process = self.begin("--json")
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.errors()
        self.ready = json.loads(line)

    def refused(self, *words: str, code: int = 1, **environment: str) -> str:
        process = self.begin(*words, **environment)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == code, self.errors()
        assert "ready" not in out
        assert "Traceback" not in self.errors()
        return self.errors()

    def tell(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.tell(number)
        return self.wait()

    def wait(self, seconds: float = 15.0) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(seconds)

    def errors(self) -> str:
        return (self.folder / "err.log").read_text()

    def yett(self, *words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "yett", *words],
            cwd=self.folder, capture_output=True, text=True, check=True, timeout=20,
            stdin=subprocess.DEVNULL,
        ).stdout  # fmt: skip

    def events(self) -> list[str]:
        lines = self.yett("audit", "search", "--kind", "event", "--json").splitlines()
        return [json.loads(line)["event"] for line in lines]

    def call(self, key: str, **arguments: object) -> int:
        body = json.dumps({"tool": "program", "operation": "echo", "input": arguments}).encode()
        request = urllib.request.Request(
            f"{self.ready['url']}/execute",
            data=body,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def until_answered(self, key: str, status: int) -> None:
        """A new or revoked key is known after a second; a server that starts, when it has answered."""
        deadline = time.monotonic() + 10
        while (found := self.call(key, message="x")) != status:
            assert time.monotonic() < deadline, f"{found}: {self.errors()[-2000:]}"
            time.sleep(0.05)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path)
    yield made
    if made.process is not None:
        if made.process.poll() is None:
            made.process.kill()
            made.process.wait(5)
        assert made.process.stdout is not None
        made.process.stdout.close()


def within(seconds: float, condition: Callable[[], object]) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def children(parent: int) -> list[int]:
    """The living ones."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            state, ppid = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            if int(ppid) == parent and state != "Z":
                found.append(int(entry.name))
    return found


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_program_inherits_nothing_and_is_gone_with_all_it_started(gate: Gate) -> None:
    """It ignores SIGTERM, does not end with its input, and has a child of its own."""
    stubborn = "legacy, has-child, ignores-terminate, stays]"
    gate.file.write_text(CONFIGURATION.replace("legacy]", stubborn))
    gate.start()
    assert gate.process is not None
    (child,) = within(10, lambda: children(gate.process.pid if gate.process else 0))
    (grandchild,) = within(10, lambda: children(child))

    variables = Path(f"/proc/{child}/environ").read_bytes().decode().split("\0")
    names = {variable.split("=")[0] for variable in variables if variable}
    assert names <= BASE | {"OWN"}
    assert {"OWN", "PATH"} <= names
    assert os.getsid(child) == os.getpgid(child) == child != os.getsid(gate.process.pid)
    within(5, lambda: resource.prlimit(child, resource.RLIMIT_CORE) == (0, 0))  # set from outside

    assert gate.end() == 0
    within(5, lambda: not lives(child) and not lives(grandchild))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_can_be_told_to_stop_while_it_starts(gate: Gate, number: signal.Signals) -> None:
    """Whatever moment the signal meets, nothing is left behind and nothing is complained of."""
    process = gate.begin()
    within(10, (gate.folder / ".yett" / "yett.db").exists)

    process.send_signal(number)

    out, _ = process.communicate(timeout=15)
    assert process.returncode == 0, gate.errors()
    assert "Traceback" not in gate.errors() + out
    assert "ok" in gate.yett("audit", "verify")


def test_running_calls_are_waited_for_and_a_second_signal_does_not(gate: Gate) -> None:
    gate.start()
    key = json.loads(gate.yett("key", "create", "k", "--role", "reader", "--json"))["key"]
    gate.until_answered(key, 200)
    answers: list[int] = []

    def call(seconds: float) -> threading.Thread:
        work = lambda: answers.append(gate.call(key, odd="wait", seconds=seconds))  # noqa: E731
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.2)
        return thread

    running = call(1.0)
    gate.tell(signal.SIGTERM)
    within(0.7, lambda: gate.call(key, message="late") == 0)
    running.join(10)
    assert (answers, gate.wait()) == ([200], 0)

    gate.start()
    gate.until_answered(key, 200)
    running = call(12.0)
    began = time.monotonic()
    gate.tell(signal.SIGINT)
    time.sleep(0.3)
    assert gate.process is not None
    assert gate.process.poll() is None
    assert gate.end(signal.SIGINT) == 0
    running.join(10)
    assert time.monotonic() - began < 6
    assert "ok" in gate.yett("audit", "verify")


def test_the_configuration_is_read_again_and_a_bad_or_missing_one_ends_nothing(gate: Gate) -> None:
    gate.start()
    key = json.loads(gate.yett("key", "create", "k", "--role", "reader", "--json"))["key"]
    gate.until_answered(key, 200)

    gate.tell(signal.SIGHUP)
    within(5, lambda: "configuration.reloaded" in gate.events())
    gate.file.rename(gate.folder / "away.yaml")
    within(5, lambda: "no such file" in gate.errors())
    (gate.folder / "away.yaml").write_text(CONFIGURATION + "nonsense: 1\n")
    (gate.folder / "away.yaml").rename(gate.file)
    within(5, lambda: "the key `nonsense` is unknown" in gate.errors())

    assert gate.call(key, message="x") == 200
    gate.yett("key", "revoke", "k")
    gate.until_answered(key, 401)
    assert gate.end() == 0


def test_what_is_taken_is_named_before_anything_is_served(gate: Gate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for key in ("listen", "admin"):
            lines = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", key: f"127.0.0.1:{port}"}
            gate.file.write_text(
                f"listen: {lines['listen']}\nadmin: {{listen: {lines['admin']}}}\n"
            )
            told = gate.refused()
            assert f"127.0.0.1:{port} cannot be listened on: address already in use" in told
            assert ("`admin.listen`" in told) is (key == "admin")


def test_a_second_gate_on_the_same_data_is_refused(gate: Gate, tmp_path: Path) -> None:
    gate.start()
    (tmp_path / "other").mkdir()
    other = Gate(tmp_path / "other")

    told = other.refused("--data", str(gate.folder / ".yett"))

    assert f"process {gate.process.pid if gate.process else 0}" in told
    assert "--data" in told
    assert gate.end() == 0


def test_without_a_configuration_it_says_how_to_begin(gate: Gate) -> None:
    gate.file.unlink()

    assert "Run `yett init`" in gate.refused(code=2)
    assert not (gate.folder / ".yett").exists()


def test_production_serves_no_certificate_that_nobody_vouches_for(gate: Gate) -> None:
    issue(gate.folder, "own")
    gate.file.write_text(
        "mode: production\nlisten: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\n"
        "tls:\n  certificate: own.pem\n  key: own-key.pem\n"
        "limits: {every_key: {rate: 60/minute}}\nalerts: {to: {ops: {slack: secret:slack-url}}}\n"
        "audit: {checkpoints: {to: [{directory: elsewhere}]}}\n"
    )

    for words in ((), ("--json",)):
        told = gate.refused(*words, code=2, YETT_VAULT_PASSPHRASE="a long enough passphrase")
        assert "self-signed" in told
        assert '"line":5' in told if words else "yett.yaml:5: `tls.certificate`" in told
    assert not (gate.folder / ".yett" / "yett.db").exists()


def test_production_starts_with_a_passphrase_and_an_issued_certificate(gate: Gate) -> None:
    authority = issue(gate.folder, "authority", ca=True)
    issue(gate.folder, "own", by=authority)
    gate.file.write_text(
        "mode: production\nlisten: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\n"
        "tls: {certificate: own.pem, key: own-key.pem}\n"
        "limits: {every_key: {rate: 60/minute}}\nalerts: {to: {ops: {slack: secret:slack-url}}}\n"
        "audit: {checkpoints: {to: [{directory: elsewhere}]}}\n"
    )
    gate.process = gate.begin("--json", YETT_VAULT_PASSPHRASE="a long enough passphrase")
    assert gate.process.stdout is not None
    gate.ready = json.loads(gate.process.stdout.readline() or f'{{"url": "{gate.errors()}"}}')

    context = ssl.create_default_context(cafile=str(authority.path))
    with urllib.request.urlopen(
        f"{gate.ready['url']}/healthz", context=context, timeout=5
    ) as found:
        assert found.status == 200
    assert gate.end() == 0


def test_the_development_authority_vouches_for_the_gate(gate: Gate) -> None:
    gate.file.write_text(CONFIGURATION + "tls: {development_ca: true}\n")
    gate.start()

    context = ssl.create_default_context(cafile=str(gate.folder / ".yett" / "tls" / "ca.pem"))
    with urllib.request.urlopen(
        f"{gate.ready['url']}/healthz", context=context, timeout=5
    ) as found:
        assert found.status == 200
    assert gate.end() == 0


def test_the_first_key_is_shown_once(gate: Gate) -> None:
    assert "There are: reader" in gate.refused("--first-key", "nobody")

    shown = []
    for _ in range(2):
        process = gate.begin("--first-key", "reader")
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert "ready on http://127.0.0.1:" in ready
        process.terminate()
        shown.append(process.communicate(timeout=15)[0])

    assert "yett_live_" in shown[0]
    assert "yett_live_" not in shown[1]


@pytest.mark.parametrize("visited", [True, False])
async def test_the_admin_side_waits_for_a_visitor_or_the_end(visited: bool) -> None:  # noqa: FBT001
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as door:
        waiting = asyncio.create_task(up._is_visited(door, stop))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        if visited:
            with socket.create_connection(door.getsockname()):
                assert await asyncio.wait_for(waiting, 5)
        else:
            stop.set()
            assert not await asyncio.wait_for(waiting, 5)
        assert not asyncio.get_running_loop().remove_reader(door)
