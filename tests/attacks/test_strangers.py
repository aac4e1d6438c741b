"""Attacks promise 10 as somebody without a key, on a real gate that may open few files: every connection
held, requests that never end on either port, and credentials that are guessed."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outside.gate import Gate, Key, running
from tests.outside.upstream import serving, tool, wait_until
from yett.limits.strangers import OF_ONE

FILES = 300
HALF = b"GET /v1/key HTTP/1.1\r\nHost: gate\r\nX: "

POST = b"POST /api/v1/keys/x/revoke HTTP/1.1\r\nHost: gate\r\nContent-Length: 100\r\n\r\nx"


class Scene:
    def __init__(self, gate: Gate, key: Key) -> None:
        self.gate = gate
        self.key = key

    def call_works(self) -> bool:
        return self.gate.execute("rec", "look", self.key, word="x").status == 200

    def admin_works(self) -> bool:
        return self.gate.admin("/api/v1/status").status == 200

    def cpu_seconds(self) -> float:
        """What the process has used so far."""
        fields = Path(f"/proc/{self.gate.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.gate.pid}/fd").iterdir()))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with serving(tool("look")) as rec:
        gate = Gate(
            tmp_path_factory.mktemp("strangers"),
            f'servers: {{rec: {{url: {rec.url}}}}}\nroles: {{reader: ["rec.*:read"]}}\n',
            files_max=FILES,
        )
        key = gate.key("one", "reader")
        with running(gate):
            found = Scene(gate, key)
            wait_until(found.call_works)
            yield found


@contextlib.contextmanager
def held(port: int, said: bytes, count: int) -> Iterator[list[socket.socket]]:
    """Hold so many connections, each with the beginning of a request on it."""
    agents = []
    for _ in range(count):
        agent = socket.create_connection(("127.0.0.1", port), 5)
        with contextlib.suppress(ConnectionError):
            agent.sendall(said)
        agents.append(agent)
    try:
        yield agents
    finally:
        for agent in agents:
            agent.close()


@pytest.mark.parametrize("said", [b"", HALF], ids=["nothing", "half a request"])
def test_who_holds_every_connection_shuts_nobody_out(scene: Scene, said: bytes) -> None:
    with held(scene.gate.port, said, 2 * FILES):
        for _ in range(5):
            assert scene.call_works()
            assert scene.admin_works()
        before = scene.cpu_seconds()
        time.sleep(1)
        assert scene.cpu_seconds() - before < 0.5
        assert scene.open_files() < FILES - 100
    assert "files may be open" in scene.gate.printed()


def test_who_has_a_good_credential_keeps_the_connection_meanwhile(scene: Scene) -> None:
    connection = scene.gate.connection()
    body = {"tool": "rec", "operation": "look", "input": {"word": "x"}}

    def call() -> int:
        return scene.gate.request("POST", "/v1/execute", body, key=scene.key, on=connection).status

    assert call() == 200
    ours = connection.sock
    with held(scene.gate.port, b"", 2 * FILES):
        assert call() == 200
    assert connection.sock is ours
    connection.close()


def test_requests_to_the_admin_port_that_never_end_are_cut(scene: Scene) -> None:
    port = scene.gate.admin_port
    with (
        held(port, b"", FILES) as first,
        held(port, POST, FILES) as second,
        held(port, HALF, FILES) as third,
    ):
        assert scene.admin_works()
        assert scene.call_works()
        assert sum(not is_closed(agent) for agent in (*first, *second, *third)) < 70
        wait_until(lambda: all(map(is_closed, third)), seconds=8)


def is_closed(agent: socket.socket) -> bool:
    agent.setblocking(False)  # noqa: FBT003 - of socket
    try:
        while agent.recv(65_536):  # it may have been told something first
            pass
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_a_header_that_never_ends_is_not_kept_on_the_admin_port(scene: Scene) -> None:
    sent = 0
    endless = b"GET / HTTP/1.1\r\nX: "
    with held(scene.gate.admin_port, endless, 1) as [agent], contextlib.suppress(ConnectionError):
        for _ in range(1_000):
            agent.sendall(b"x" * 65_536)
            sent += 65_536
    assert sent < 16 * 1024 * 1024


def test_who_guesses_keys_is_slowed_and_fills_no_log(tmp_path: Path) -> None:
    """Two hundred wrong keys from the address of somebody whose key is good."""
    with serving(tool("look")) as rec:
        gate = Gate(
            tmp_path,
            f'servers: {{rec: {{url: {rec.url}}}}}\nroles: {{reader: ["rec.*:read"]}}\n',
        )
        key = gate.key("one", "reader")
        with running(gate):
            scene = Scene(gate, key)
            wait_until(scene.call_works)
            guess = key.secret[:-8] + "AAAAAAAA"
            guessed = [gate.execute("rec", "look", guess, word="x") for _ in range(200)]
            elsewhere = [gate.request("GET", "/wp-admin") for _ in range(50)]
            malformed = [gate.raw(b"\x16\x03 not HTTP\r\n\r\n") for _ in range(3)]
            works = [scene.call_works() for _ in range(10)]
        events = gate.events("strangers.refused")
        refused = gate.records("--kind", "refusal")

    assert {answer.status for answer in guessed[: OF_ONE.count - 1]} == {401}
    late = [answer for answer in guessed if answer.status == 429]
    assert len(late) > 150
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in late)
    assert {answer.refusal["reason"] for answer in late} == {"rate_limited"}
    assert {answer.status for answer in elsewhere} == {404}
    assert all(answer.startswith(b"HTTP/1.1 4") for answer in malformed)
    assert works == [True] * 10
    single = {record["id"] for record in refused}
    assert len(refused) < 2 * OF_ONE.count
    assert [record["reason"] for record in refused].count("rate_limited") == 1
    assert sum(event["details"]["refused"] for event in events) + len(single) == 253
