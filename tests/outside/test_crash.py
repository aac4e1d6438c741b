"""No record, no action; and nothing is lost or overspent when the process dies at any moment."""

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.outside.gate import DOORS, UPSTREAM, Agent, Gate, Key, as_yaml, children_of, running
from tests.outside.refusing import disk_full
from tests.outside.upstream import MODERN, Odd, Upstream, lines_of, serving, tool, wait_until

BUDGET_CALLS = 300


def configuration(rec: Upstream) -> str:
    return f"""\
servers:
  rec:
    url: {rec.url}
    tools: {{dear: {{cost: 0.01 USD}}}}
roles:
  worker: ["rec.*:read", "rec.*:write"]
limits:
  keys: {{spender: {{budget: {BUDGET_CALLS / 100:g} USD/day}}}}
"""


@pytest.fixture
def rec() -> Iterator[Upstream]:
    names = ("look", "dear", "doomed", "hold")
    with serving(*map(tool, names), tool("change", reads=False)) as found:
        found.offer.odd["hold"] = Odd(delay=0.4)
        yield found


@pytest.fixture
def gate(tmp_path: Path, rec: Upstream) -> Iterator[Gate]:
    found = Gate(tmp_path, configuration(rec))
    try:
        yield found
    finally:
        found.kill()


# -- no record, no action


@contextlib.contextmanager
def removed(gate: Gate) -> Iterator[None]:
    """The directory of the log is elsewhere."""
    away = gate.data / "audit.away"
    (gate.data / "audit").rename(away)
    yield
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(gate.data / "audit")
    away.rename(gate.data / "audit")


@contextlib.contextmanager
def replaced(gate: Gate) -> Iterator[None]:
    """An empty directory lies where the log was: what is written now is written to nobody."""
    with removed(gate):
        (gate.data / "audit").mkdir(mode=0o700)
        yield


@contextlib.contextmanager
def segment_removed(gate: Gate) -> Iterator[None]:
    [segment] = (gate.data / "audit").glob("segment-*")
    away = gate.data / "segment.away"
    segment.rename(away)
    yield
    away.rename(segment)


def full(gate: Gate) -> contextlib.AbstractContextManager[None]:
    return disk_full(gate.pid)


TROUBLES: list[Callable[[Gate], contextlib.AbstractContextManager[None]]] = [full, removed, replaced, segment_removed]  # fmt: skip


def test_without_a_record_nothing_happens_and_afterwards_all_goes_on(
    gate: Gate, rec: Upstream
) -> None:
    key = gate.key("worker", "worker")
    with running(gate):
        agents = [Agent(gate, key, door) for door in DOORS]
        for agent in agents:
            assert agent.call("rec", "look", word="x").status == 200
        for trouble in TROUBLES:
            _refuses_everything(gate, rec, agents, trouble)
        assert gate.yett("audit", "verify").startswith("ok ")
        words = [record["input"]["word"] for record in gate.records("--kind", "call")]
    reached = [seen.message["params"]["arguments"]["word"] for seen in rec.works]

    assert sorted(words) == sorted(reached)


def _refuses_everything(
    gate: Gate,
    rec: Upstream,
    agents: list[Agent],
    trouble: Callable[[Gate], contextlib.AbstractContextManager[None]],
) -> None:
    before = len(rec.works)
    name = getattr(trouble, "__name__", "")
    with trouble(gate):
        time.sleep(0.05)
        refused = [
            agent.call("rec", tool, word=name) for agent in agents for tool in ("look", "change")
        ]
        refused += [agent.ask("tools/list") for agent in agents[1:]]
        refused += [gate.request("GET", path, key=agents[0].key) for path in ("/v1/tools", "/v1/key", "/v1/usage")]  # fmt: skip
        refused += [
            gate.execute("rec", "look", "nobody", word="x"),
            gate.request("GET", "/nowhere"),
        ]
        ready, alive = gate.request("GET", "/readyz").status, gate.request("GET", "/healthz").status
        assert {answer.refusal["reason"] for answer in refused} == {"audit_unavailable"}, name
        assert {answer.status for answer in refused} == {503}, name
        assert (ready, alive) == (503, 200), name
        assert len(rec.works) == before, name
    wait_until(gate.is_ready)
    assert [agent.call("rec", "change", word=name).status for agent in agents] == [200] * 4, name


def test_an_answer_that_cannot_be_recorded_is_not_given(gate: Gate, rec: Upstream) -> None:
    key = gate.key("worker", "worker")
    with running(gate):
        assert gate.execute("rec", "hold", key, word="x").status == 200
        answers = []
        asking = threading.Thread(target=lambda: answers.append(gate.execute("rec", "hold", key, word="y")))  # fmt: skip
        asking.start()
        wait_until(lambda: len(rec.calls_of("hold")) == 2)
        with disk_full(gate.pid):
            asking.join(5)
        wait_until(gate.is_ready)
        record = gate.records("--kind", "call")[-1]
    [answer] = answers

    assert (answer.status, answer.refusal["reason"]) == (503, "audit_unavailable")
    assert answer.refusal["outcome_unknown"] is True
    assert record["input"] == {"word": "y"}
    assert record["status"] == "unknown"


def test_a_log_deleted_for_good_refuses_until_the_gate_begins_a_new_one(gate: Gate, rec: Upstream) -> None:  # fmt: skip
    key = gate.key("worker", "worker")
    gate.start()
    assert gate.execute("rec", "look", key, word="x").status == 200
    shutil.rmtree(gate.data / "audit")
    time.sleep(0.05)
    before = len(rec.works)

    assert gate.execute("rec", "change", key, word="x").status == 503
    assert len(rec.works) == before
    gate.stop()
    with running(gate):
        assert gate.execute("rec", "change", key, word="x").status == 200
        assert gate.yett("audit", "verify").startswith("ok ")


# -- kill -9


class Load:
    """Threads that call one tool as fast as they can, each call with a word of its own."""

    def __init__(self, gate: Gate, key: Key, name: str, *, threads: int = 4) -> None:
        self.statuses: list[int] = []
        self._stop = threading.Event()
        self._gate, self._key, self._name = gate, key, name
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def _work(self, number: int) -> None:
        connection = self._gate.connection(timeout=5)
        run = time.monotonic_ns() % 10**6
        try:
            for count in range(100_000):
                if self._stop.is_set():
                    return
                body = {"tool": f"rec/{self._name}", "input": {"word": f"{run}-{number}-{count}"}}
                answer = self._gate.request("POST", "/execute", body, key=self._key, on=connection)
                self.statuses.append(answer.status)
        except (OSError, ValueError, json.JSONDecodeError):
            return  # the gate was killed
        except Exception:  # noqa: BLE001 - http.client, in the middle of an answer
            return
        finally:
            connection.close()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)


def wait_for_calls(rec: Upstream, count: int) -> None:
    wait_until(lambda: len(rec.calls_of("dear")) >= count, 20)


def test_a_gate_killed_under_load_has_recorded_all_and_overspends_nothing(gate: Gate, rec: Upstream) -> None:  # fmt: skip
    key = gate.key("spender", "worker")
    gate.start()
    wait_until(lambda: gate.execute("rec", "look", key, word="x").status == 200)
    for life in range(2):
        load = Load(gate, key, "dear")
        wait_for_calls(rec, (life + 1) * BUDGET_CALLS // 4)
        gate.kill()
        load.end()
        reached = {seen.message["params"]["arguments"]["word"] for seen in rec.calls_of("dear")}
        verdict = gate.yett("audit", "verify")
        gate.start()
        recorded = {record["input"]["word"] for record in gate.records("--tool", "rec/dear")}
        assert verdict.startswith("ok ")
        assert reached <= recorded
    load = Load(gate, key, "dear")
    wait_until(lambda: load.statuses.count(402) >= 4, 30)
    load.end()
    usage = gate.request("GET", "/v1/usage", key=key).json
    calls = len(rec.calls_of("dear"))

    assert BUDGET_CALLS / 2 <= calls <= BUDGET_CALLS
    assert float(usage["limits"]["budget"]["spent"].split()[0]) >= calls / 100
    assert usage["limits"]["budget"]["remaining"] == "0 USD"
    assert gate.yett("audit", "verify").startswith("ok ")
    assert len(gate.events("audit.opened")) >= 3
    assert gate.stop() == 0


def test_pins_quarantine_and_revocation_survive_a_kill(gate: Gate, rec: Upstream) -> None:
    with_key = gate.key("worker", "worker"), gate.key("leaving", "worker")
    gate.start()
    for key in with_key:
        assert gate.execute("rec", "look", key, word="x").status == 200
    gate.yett("key", "revoke", "leaving")
    gate.yett("tool", "quarantine", "rec", "doomed")
    wait_until(lambda: gate.execute("rec", "look", with_key[1], word="x").status == 401)
    wait_until(lambda: gate.execute("rec", "doomed", with_key[0], word="x").status == 403)
    gate.kill()
    rec.offer.tools["dear"] = tool("dear", description="changed while nobody looked")
    rec.offer.tools["late"] = tool("late")
    before = len(rec.works)
    gate.start()
    key, leaving = with_key
    told = {
        "revoked": gate.execute("rec", "look", leaving, word="x").refusal["reason"],
        "quarantined": gate.execute("rec", "doomed", key, word="x").refusal["reason"],
        "changed": gate.execute("rec", "dear", key, word="x").refusal["reason"],
        "new": gate.execute("rec", "late", key, word="x").refusal["reason"],
    }

    assert told == {
        "revoked": "unauthenticated",
        "quarantined": "tool_quarantined",
        "changed": "tool_quarantined",
        "new": "unknown_tool",
    }
    assert len(rec.works) == before
    assert sorted(Agent(gate, key, MODERN).tools()) == ["rec__change", "rec__hold", "rec__look"]
    assert gate.stop() == 0


def test_a_call_under_way_ends_well_when_the_gate_is_told_to_stop(
    gate: Gate, rec: Upstream
) -> None:
    key = gate.key("worker", "worker")
    gate.start()
    answers = []
    assert gate.execute("rec", "look", key, word="x").status == 200
    asking = threading.Thread(target=lambda: answers.append(gate.execute("rec", "hold", key, word="y")))  # fmt: skip
    asking.start()
    wait_until(lambda: rec.calls_of("hold"))
    code = gate.stop()
    asking.join(5)

    assert code == 0
    assert [answer.status for answer in answers] == [200]
    assert [record["status"] for record in gate.records("--tool", "rec/hold")] == ["ok"]


def test_a_program_is_started_again_when_it_dies_and_ends_with_the_gate(tmp_path: Path) -> None:
    log = tmp_path / "seen.log"
    command = as_yaml([sys.executable, str(UPSTREAM), str(log), "legacy"])
    gate = Gate(tmp_path, f'servers: {{tray: {{command: {command}}}}}\nroles: {{worker: ["tray.*:read"]}}\n')  # fmt: skip
    key = gate.key("worker", "worker")
    with running(gate):
        assert gate.execute("tray", "look", key, word="one").status == 200
        [first] = children_of(gate.pid)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: gate.execute("tray", "look", key, word="two").status == 200)
        [second] = children_of(gate.pid)
    works = [line["params"]["arguments"]["word"] for line in lines_of(log) if line["method"] == "tools/call"]  # fmt: skip

    assert first != second
    assert not Path(f"/proc/{second}").exists()
    assert works[0], works[-1] == ("one", "two")
    assert gate.run("audit", "verify").returncode == 0


def test_a_program_that_comes_back_changed_is_looked_at_before_any_call(tmp_path: Path) -> None:
    program, log = tmp_path / "server.py", tmp_path / "seen.log"
    program.write_text(UPSTREAM.read_text())
    command = as_yaml([sys.executable, str(program), str(log)])
    gate = Gate(tmp_path, f'servers: {{tray: {{command: {command}}}}}\nroles: {{worker: ["tray.*:read"]}}\n')  # fmt: skip
    key = gate.key("worker", "worker")
    with running(gate):
        assert gate.execute("tray", "look", key, word="one").status == 200
        program.write_text(UPSTREAM.read_text().replace("Does {name}", "Steals {name}"))
        os.kill(children_of(gate.pid)[0], signal.SIGKILL)
        told = {gate.execute("tray", "look", key, word=f"after{n}").status for n in range(20)}
        wait_until(lambda: gate.execute("tray", "look", key, word="late").status == 403)
    words = [line["params"]["arguments"]["word"] for line in lines_of(log) if line["method"] == "tools/call"]  # fmt: skip

    assert words == ["one"]
    assert 200 not in told
