"""What may change while the gate runs: configuration, policies, lock. Nobody is dropped, nothing is lost."""

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.outside.gate import DOORS, REST, Agent, Gate, Key, running, stream_of
from tests.outside.upstream import MODERN, Upstream, serving, tool, wait_until

TAKES_EFFECT_SECONDS_MAX = 5.0


def configuration(rec: Upstream, *, more: str = "", grants: str = '"rec.*:read"') -> str:
    return f"servers:\n  rec: {{url: {rec.url}}}\n{more}roles:\n  reader: [{grants}]\n"


@dataclass
class House:
    gate: Gate
    rec: Upstream
    key: Key
    leaving: Key

    def status(self, name: str = "look", server: str = "rec", key: Key | None = None) -> int:
        return self.gate.execute(server, name, key or self.key, word="x").status

    def becomes(self, status: int, name: str = "look", server: str = "rec") -> None:
        """Wait until a call ends so, which must not take longer than promised."""
        wait_until(lambda: self.status(name, server) == status, TAKES_EFFECT_SECONDS_MAX)

    def refused(self) -> int:
        return len(self.gate.events("configuration.refused"))


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serving(tool("look"), tool("change", reads=False)) as rec:
        folder = tmp_path_factory.mktemp("reload")
        (folder / "policies").mkdir()
        found = Gate(folder, configuration(rec))
        keys = found.key("one", "reader"), found.key("leaving", "reader")
        with running(found):
            house = House(found, rec, *keys)
            wait_until(lambda: house.status() == 200)
            yield house


@pytest.fixture
def house(gate: House) -> House:
    """The gate as every test wants to find it."""
    gate.gate.configure(configuration(gate.rec))
    gate.becomes(200)
    gate.becomes(404, "change")
    return gate


def test_a_good_configuration_is_taken_over_and_drops_nobody(house: House) -> None:
    gate, key = house.gate, house.key
    body = {"tool": "rec/look", "input": {"word": "x"}}
    reloaded = len(gate.events("configuration.reloaded"))
    kept = gate.connection()
    assert gate.request("POST", "/execute", body, key=key, on=kept).status == 200
    own = kept.sock.getsockname()
    with serving(tool("look")) as second, stream_of(Agent(gate, key, "2025-11-25")) as stream:
        more = f"  late: {{url: {second.url}}}\n"
        gate.configure(configuration(house.rec, more=more, grants='"rec.*:write", "late.*:read"'))
        house.becomes(200, "change")
        house.becomes(200, "look", "late")
        assert house.status() == 404
        assert gate.request("POST", "/execute", body, key=key, on=kept).status == 404
        assert kept.sock.getsockname() == own
        kept.close()
        received = b""
        while b"list_changed" not in received:
            received += stream.recv(65536)
        gate.configure(configuration(house.rec))
        house.becomes(404, "look", "late")
    assert len(gate.events("configuration.reloaded")) >= reloaded + 2


@pytest.mark.parametrize(
    "bad", ["servers: {", "rolls: {}\n", 'roles: {reader: ["nobody.*:read"]}\n', "- 1\n"]
)
def test_a_bad_configuration_leaves_the_old_one_serving_and_is_recorded(
    bad: str, house: House
) -> None:
    before = house.refused()
    house.gate.configure(bad)
    wait_until(lambda: house.refused() > before)

    assert house.status() == 200
    assert house.status("change") == 404
    assert Agent(house.gate, house.key, REST).tools() == ["rec__look"]


def test_a_configuration_that_vanishes_leaves_all_going_on_revocation_too(house: House) -> None:
    gate = house.gate
    assert house.status(key=house.leaving) == 200
    away = gate.config.rename(gate.folder / "away.yaml")
    time.sleep(1.5)
    assert house.status() == 200
    assert gate.run("key", "revoke", "leaving").returncode == 0
    wait_until(lambda: house.status(key=house.leaving) == 401, TAKES_EFFECT_SECONDS_MAX)
    away.rename(gate.config)
    gate.configure(configuration(house.rec, grants='"rec.*:write"'))
    house.becomes(200, "change")


def test_no_call_fails_while_the_configuration_changes(house: House) -> None:
    gate = house.gate
    end = time.monotonic() + 2.5
    statuses = set()
    number = 0
    while time.monotonic() < end:
        number += 1
        if number % 20 == 0:
            gate.configure(
                configuration(house.rec, more=f"  more{number}: {{url: {house.rec.url}}}\n")
            )
            assert gate.process is not None
            gate.process.send_signal(signal.SIGHUP)
        statuses.add(gate.execute("rec", "look", house.key, word=str(number)).status)

    assert statuses == {200}


def test_a_policy_file_is_taken_over_and_a_bad_one_is_not(house: House) -> None:
    policy = house.gate.folder / "policies" / "stop.cedar"
    policy.write_text('@id("stop")\nforbid(principal, action, resource);\n')
    house.becomes(404)
    before = house.refused()
    policy.write_text("forbid(principal, action, resource) when {")
    wait_until(lambda: house.refused() > before)
    assert house.status() == 404
    policy.unlink()
    house.becomes(200)


def test_a_lock_damaged_while_it_runs_changes_nothing_and_is_recorded(house: House) -> None:
    lock = house.gate.folder / "yett.lock"
    good = lock.read_text()
    lock.write_text(good.replace("Does look", "Does evil"))
    wait_until(lambda: house.gate.events("lock.damaged"))
    assert house.status() == 200
    assert "evil" not in Agent(house.gate, house.key, MODERN).ask("tools/list").body.decode()
    pins = json.loads(good)
    del pins["servers"]["rec"]["tools"]["look"]
    lock.write_text(json.dumps(pins))
    house.becomes(404)
    agents = [Agent(house.gate, house.key, door) for door in DOORS]
    assert {agent.call("rec", "look", word="x").refusal["reason"] for agent in agents} == {"unknown_tool"}  # fmt: skip
    lock.write_text(good)
    house.becomes(200)
