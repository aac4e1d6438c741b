"""What can be wrong at the start: the gate says what in one sentence, or serves what it can."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.outside.gate import Agent, Gate, as_yaml, free_port, running
from tests.outside.upstream import MODERN, Upstream, serving, tool, wait_until

TAKES_EFFECT_SECONDS_MAX = 5.0


def configuration(rec: Upstream, *, more: str = "", grants: str = '"rec.*:read"') -> str:
    return f"servers:\n  rec: {{url: {rec.url}}}\n{more}roles:\n  reader: [{grants}]\n"


@pytest.fixture(scope="module")
def rec() -> Iterator[Upstream]:
    with serving(tool("look"), tool("change", reads=False)) as found:
        yield found


@pytest.fixture
def gate(tmp_path: Path, rec: Upstream) -> Iterator[Gate]:
    found = Gate(tmp_path, configuration(rec))
    try:
        yield found
    finally:
        found.kill()


def refusal_to_start(gate: Gate, *words: str) -> tuple[int, str]:
    """Try to start it; return the exit code and what it said."""
    done = gate.run("up", *words)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.returncode, done.stderr


# -- it does not start


@pytest.mark.parametrize("which", ["data", "admin"])
def test_a_port_in_use_is_said_and_ends_it(which: str, gate: Gate) -> None:
    port = gate.port if which == "data" else gate.admin_port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        code, said = refusal_to_start(gate)

    assert code == 1
    assert f"127.0.0.1:{port} cannot be listened on: " in said
    assert "address already in use" in said.lower()
    assert "listen" in said.split("set another", 1)[1]
    assert gate.start() < 10
    assert gate.stop() == 0


def test_a_second_gate_on_the_same_data_says_so(gate: Gate) -> None:
    key = gate.key("one", "reader")
    with running(gate):
        second = Gate(gate.folder, gate.config.read_text().split("\n", 2)[2])
        code, said = refusal_to_start(second)
        assert code == 1
        assert str(gate.pid) in said
        second.port, second.admin_port = gate.port, gate.admin_port
        assert gate.execute("rec", "look", key, word="x").status == 200


def test_every_problem_of_the_configuration_is_said_at_once(gate: Gate) -> None:
    gate.configure(
        'mode: development\nservers:\n  a: {url: "ftp://x"}\n  a: {command: [x]}\n  b: {}\n'
        'rolls: {}\nroles: {reader: ["c.*:read"]}\nlimits: {every_key: {rate: fast}}\n'
    )
    code, said = refusal_to_start(gate)
    lines = [line for line in said.splitlines() if line.startswith(str(gate.config))]

    assert code == 2
    assert len(lines) >= 5
    assert all(line.removeprefix(f"{gate.config}:").split(":")[0].isdigit() for line in lines)
    assert gate.run("check").returncode == 2


def test_no_configuration_says_how_to_begin(tmp_path: Path) -> None:
    gate = Gate(tmp_path, "")
    gate.config.unlink()
    code, said = refusal_to_start(gate)

    assert code == 2
    assert "yett init" in said


def test_a_damaged_lock_ends_it_and_names_the_file(gate: Gate) -> None:
    key = gate.key("one", "reader")
    with running(gate):
        assert gate.execute("rec", "look", key, word="x").status == 200
    lock = gate.folder / "yett.lock"
    good = lock.read_text()
    for damaged in (good[:-20], good.replace("Does look", "Does evil")):
        lock.write_text(damaged)
        code, said = refusal_to_start(gate)
        assert code == 2, said
        assert "yett.lock" in said


def test_a_data_directory_that_cannot_be_written_ends_it(gate: Gate) -> None:
    if os.getuid() == 0:
        data = Path("/sys/yett")  # not even root makes a directory here
    else:
        gate.data.mkdir(mode=0o500)
        data = gate.data
    code, said = refusal_to_start(gate, "--data", str(data))

    assert code == 1
    assert str(data) in said


def test_a_file_in_place_of_the_data_directory_ends_it(gate: Gate) -> None:
    gate.data.write_text("")
    code, said = refusal_to_start(gate)

    assert code in (1, 2)
    assert str(gate.data) in said


def test_a_lost_key_of_the_vault_or_of_keys_ends_it(gate: Gate) -> None:
    gate.key("one", "reader")
    gate.yett("secret", "set", "token", "--server", "rec", text="s3cr3t-Va1ue")
    for name in ("pepper", "vault.key"):
        path = gate.data / name
        away = path.rename(path.with_suffix(".away"))
        code, said = refusal_to_start(gate)
        assert code in (1, 2)
        assert name in said
        away.rename(path)


def test_first_commands_at_the_same_time_do_not_disturb_each_other(gate: Gate) -> None:
    with ThreadPoolExecutor(4) as four:
        keys = list(four.map(lambda number: gate.key(f"key{number}", "reader"), range(4)))
    with running(gate):
        statuses = [gate.execute("rec", "look", key, word="x").status for key in keys]

    assert statuses == [200] * 4


def test_it_can_be_told_to_stop_while_it_starts(gate: Gate) -> None:
    for seconds in (0.15, 0.3, 0.5):
        gate.start_only()
        time.sleep(seconds)
        assert gate.process is not None
        gate.process.send_signal(signal.SIGTERM)
        assert gate.process.wait(10) in (0, -signal.SIGTERM)
    with running(gate):
        assert gate.yett("audit", "verify").startswith("ok ")


# -- a server is not there; the others are


def test_a_missing_program_and_a_dead_server_leave_the_others_working(
    gate: Gate, rec: Upstream
) -> None:
    dead = free_port()
    gate.configure(
        configuration(
            rec,
            more=f"  none: {{command: {as_yaml(['no-such-program-anywhere'])}}}\n"
            f"  broken: {{command: {as_yaml(['false'])}}}\n"
            f'  dead: {{url: "http://127.0.0.1:{dead}/mcp"}}\n',
            grants='"rec.*:read", "none.*:read", "broken.*:read", "dead.*:read"',
        )
    )
    key = gate.key("one", "reader")
    with running(gate):
        assert gate.execute("rec", "look", key, word="x").status == 200
        told = {server: gate.execute(server, "look", key, word="x") for server in ("none", "broken", "dead")}  # fmt: skip
        listed = Agent(gate, key, MODERN).tools()
        problems = {event["details"]["server"]: event["details"]["problem"] for event in gate.events("server.unreachable")}  # fmt: skip
        away = gate.admin("/api/v1/status").json["away"]
        with serving(tool("look"), port=dead) as risen:
            wait_until(
                lambda: gate.execute("dead", "look", key, word="x").status == 200, 10, each=0.3
            )
            assert len(risen.works) >= 1
        wait_until(lambda: "server dead can be used again" in gate.printed(), 5)
        log = gate.printed()

    assert "server none cannot be used: cannot start `no-such-program-anywhere`" in log
    assert {answer.refusal["reason"] for answer in told.values()} == {"upstream_unreachable"}
    assert listed == ["rec__look"]
    assert problems.keys() == {"none", "broken", "dead"}
    assert away.keys() == problems.keys()
    assert away["none"] == problems["none"]
    assert "no-such-program-anywhere" in problems["none"]
    assert str(dead) in problems["dead"]


def test_yett_server_test_says_what_is_wrong_and_exits_with_one(gate: Gate) -> None:
    gate.configure(f"servers: {{none: {{command: {as_yaml(['no-such-program-anywhere'])}}}}}\n")
    done = gate.run("server", "test", "none")

    assert done.returncode == 1
    assert "no-such-program-anywhere" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
