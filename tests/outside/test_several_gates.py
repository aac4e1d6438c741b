"""Four gates of four processes that share one PostgreSQL and one Redis, each with a data directory of its own."""

import contextlib
import http.client
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest

from tests.needs import needs_postgres, needs_valkey
from tests.outside.gate import Answer, Gate, Key
from tests.outside.upstream import Odd, Upstream, serving, tool, wait_until
from tests.postgres import Postgres, serving_postgres
from tests.valkey import Valkey, serving_valkey

pytestmark = [needs_postgres, needs_valkey]

TAKES_EFFECT_SECONDS_MAX: Final = 5.0
_GATES: Final = 4


def configuration(number: int, postgres: Postgres, valkey: Valkey, upstream: Upstream) -> str:
    return f"""\
node: gate-{number}
storage: {{url: "postgresql://postgres@127.0.0.1:{postgres.port}/yett", password: "file:{valkey.folder}/password"}}
counters: {valkey.url}
servers:
  files:
    url: {upstream.url}
    tools: {{read: {{access: read}}, slow: {{access: read}}, dear: {{access: read, cost: 0.4 USD}}}}
roles:
  reader: ["files.*:read"]
  writer: ["files.*:read", "files.*:write"]
limits:
  keys:
    counted: {{rate: 20/day}}
    narrow: {{concurrency: 2}}
    payer: {{budget: 1 USD/day}}
  breaker: {{failures: 6, cooldown: 60s}}
"""


@dataclass
class House:
    gates: list[Gate]
    upstream: Upstream
    postgres: Postgres
    valkey: Valkey

    def key(self, name: str) -> Key:
        """Make a key, and wait until every gate knows it, without a call of its own."""
        made, after = self.gates[0].key(name), self.gates[0].key(f"after-{name}")
        for gate in self.gates:
            wait_until(partial(self._knows, gate, after), 30)
        return made

    def _knows(self, gate: Gate, key: Key) -> bool:
        answer = gate.execute("files", "read", key, word="x")
        return answer.status == 200

    def everywhere(self, key: Key, operation: str, times: int) -> list[Answer]:
        """Call it so often, at all gates in turn and at once; an answer that never came is left out."""

        def call(number: int) -> Answer | None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.gates[number % len(self.gates)].execute(
                    "files", operation, key, word=str(number)
                )
            return None

        with ThreadPoolExecutor(24) as pool:
            return [answer for answer in pool.map(call, range(times)) if answer is not None]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    tools = (tool("read"), tool("slow"), tool("dear"))
    with serving_postgres() as postgres, serving_valkey() as valkey, serving(*tools) as upstream:
        postgres.run("create database yett")
        password = valkey.folder / "password"
        password.write_text(postgres.password)
        password.chmod(0o600)
        upstream.offer.odd["slow"] = Odd(delay=1.5)
        gates: list[Gate] = []
        for number in range(_GATES):
            folder = tmp_path_factory.mktemp(f"gate-{number}")
            gate = Gate(folder, configuration(number, postgres, valkey, upstream))
            if (
                gates
            ):  # what the keys and the vault depend on is brought along, and what was approved
                gate.data.mkdir(mode=0o700)
                for name in ("pepper", "vault.key"):
                    shutil.copy2(gates[0].data / name, gate.data / name)
                shutil.copy2(gates[0].folder / "yett.lock", gate.folder / "yett.lock")
            else:
                gate.yett("tool", "approve", "files")
                gate.yett("secret", "list")
                gate.yett("key", "list")
            gate.start_only()
            gates.append(gate)
        for gate in gates:
            wait_until(gate.is_ready, 60)
        yield House(gates, upstream, postgres, valkey)
        for gate in gates:
            if gate.process is not None and gate.process.poll() is None:
                assert gate.stop() == 0, gate.printed()[-2000:]


def test_four_gates_admit_exactly_what_one_would(house: House) -> None:
    key = house.key("counted")
    before = len(house.upstream.calls_of("read"))
    answers = house.everywhere(key, "read", 100)

    assert sorted({answer.status for answer in answers}) == [200, 429]
    assert sum(answer.status == 200 for answer in answers) == 20
    assert len(house.upstream.calls_of("read")) - before == 20
    # What is the caller's own affair counts as well.
    assert house.gates[3].request("GET", "/v1/usage", key=key).status == 429
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.refusal["reason"] == "rate_limited"
    assert 4000 <= int(refused.headers["retry-after"]) <= 4320


def test_records_name_the_gate_they_were_made_at(house: House) -> None:
    key = house.key("named")
    answers = [gate.execute("files", "read", key, word="x") for gate in house.gates[:2]]

    for number, answer in enumerate(answers):
        assert house.gates[number].record_of(answer)["node"] == f"gate-{number}"


def test_a_key_that_is_revoked_at_one_is_refused_at_all(house: House) -> None:
    key = house.key("short")
    house.gates[1].yett("key", "revoke", "short")
    started = time.monotonic()
    for gate in house.gates:
        wait_until(lambda gate=gate: gate.execute("files", "read", key, word="x").status == 401)  # type: ignore[misc]
    assert time.monotonic() - started < TAKES_EFFECT_SECONDS_MAX

    # One gate wrote it down, and only one.
    events = [event for gate in house.gates for event in gate.events("key.revoked") if event["details"]["key"] == key.id]  # fmt: skip
    assert len(events) == 1


def test_calls_at_the_same_time_are_counted_together(house: House) -> None:
    key = house.key("narrow")
    answers = house.everywhere(key, "slow", 12)

    assert sum(answer.status == 200 for answer in answers) == 2
    again = house.everywhere(key, "read", 1)
    assert [answer.status for answer in again] == [200]  # the places are free again


def test_failures_at_all_gates_open_one_breaker(house: House) -> None:
    key = house.key("clumsy")
    for number in range(6):
        gate = house.gates[number % _GATES]
        assert gate.execute("files", "nothing", key).status == 404

    def refused(gate: Gate) -> bool:
        return gate.execute("files", "read", key, word="x").refusal.get("reason") == "circuit_open"

    for gate in house.gates:
        assert refused(gate)

    def told() -> list[str]:
        events = [event for gate in house.gates for event in gate.events("breaker.opened")]
        return [event["details"]["caller"] for event in events]

    wait_until(told)
    assert told() == [key.id]

    house.gates[3].yett("key", "unblock", "clumsy")
    for gate in house.gates:
        assert gate.execute("files", "read", key, word="x").status == 200


def test_a_store_that_is_away_ends_calls_and_its_return_needs_no_restart(house: House) -> None:
    gate = house.gates[0]
    key = house.key("patient")
    before = len(house.upstream.calls_of("read"))
    house.valkey.say("CONFIG", "SET", "maxmemory", "1")
    answers = house.everywhere(key, "read", 4)
    assert {(answer.status, answer.refusal["reason"]) for answer in answers} == {
        (503, "limits_unavailable")
    }
    house.valkey.say("CONFIG", "SET", "maxmemory", "0")
    assert gate.execute("files", "read", key, word="x").status == 200

    house.valkey.kill()
    wait_until(lambda: not gate.is_ready())
    answer = gate.execute("files", "read", key, word="x")
    assert (answer.status, answer.refusal["reason"]) == (503, "limits_unavailable")
    assert gate.record_of(answer)["decision"] == "error"
    assert len(house.upstream.calls_of("read")) == before + 1
    house.valkey.start()
    for each in house.gates:
        wait_until(each.is_ready)
    assert [answer.status for answer in house.everywhere(key, "read", 4)] == [200] * 4


def test_without_the_database_nobody_gets_in_for_long_and_its_return_needs_no_restart(
    house: House,
) -> None:
    gate, key = house.gates[1], house.key("alone")
    house.postgres.run(
        "alter database yett allow_connections false",
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'yett'",
    )
    dear = gate.execute("files", "dear", key, word="x")
    assert (dear.status, dear.refusal["reason"]) == (503, "limits_unavailable")
    wait_until(lambda: gate.execute("files", "read", key, word="x").status == 500, 12, each=0.5)
    assert not gate.is_ready()

    house.postgres.run("alter database yett allow_connections true")
    for each in house.gates:
        wait_until(each.is_ready)
    assert [answer.status for answer in house.everywhere(key, "read", 4)] == [200] * 4


def test_of_two_hundred_calls_for_the_last_of_a_budget_one_is_made_whoever_dies(
    house: House,
) -> None:
    key = house.key("payer")
    first = house.gates[0].execute("files", "dear", key, word="x")
    assert first.status == 200, house.gates[0].record_of(first)
    assert first.json["usage"] == {"cost": "0.4 USD", "budget_remaining": "0.6 USD"}
    seen = house.gates[1].request("GET", "/v1/usage", key=key)
    assert seen.json["limits"]["budget"]["remaining"] == "0.6 USD"
    assert seen.json["usage"]["spent"][0]["day"] == "0.4 USD"
    before = len(house.upstream.calls_of("dear"))

    with ThreadPoolExecutor(1) as pool:
        calling = pool.submit(house.everywhere, key, "dear", 200)
        time.sleep(0.15)
        house.gates[2].kill()
        house.gates[3].kill()
        answers = calling.result()

    made = len(house.upstream.calls_of("dear")) - before
    assert made <= 1
    assert sum(answer.status == 200 for answer in answers) <= made
    assert any(answer.status == 402 for answer in answers)
    printed = house.gates[1].yett("usage", "--key", "payer", "--json")
    assert '"spent":"0.8 USD"' in printed
