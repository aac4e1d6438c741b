"""Limits and money, as agents and operators meet them: one running gate, all doors."""

import contextlib
import http.client
import json
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.outside.gate import DOORS, LEGACY, REST, Agent, Answer, Gate, Key, running
from tests.outside.upstream import MODERN, Odd, Upstream, serving, tool, wait_until
from yett.cli.root import root

CONFIGURATION = """\
servers:
  rec:
    url: {url}
    timeout: 600ms
    tools:
      few: {{rate: 3/minute}}
      dear: {{cost: 0.01 USD}}
      long: {{cost: {{amount: 0.001 USD, per: 10 characters of /word, most: 0.01 USD}}}}
      metered: {{cost: {{result: /usage/usd, most: 0.50 USD}}}}
      narrow: {{concurrency: 2}}
roles:
  worker: ["rec.*:read"]
limits:
  every_key: {{concurrency: 300}}
  keys:
    minute: {{rate: 5/minute}}
    quick: {{rate: 1/second}}
    heavy: {{input: 100 B/day}}
    spender: {{budget: [0.05 USD/day, 10 USD/month]}}
    watched: {{rate: 2/minute, observe: true}}
  teams:
    crew: {{keys: [one, two], budget: 0.03 USD/day}}
  tenants:
    acme: {{rate: 4/minute}}
  breaker: {{failures: 1000, identical: 20/minute, cooldown: 60s}}
"""
TOOLS = ("look", "few", "dear", "long", "metered", "narrow", "slow", "hang")


@dataclass
class House:
    gate: Gate
    rec: Upstream

    def key(self, name: str, tenant: str = "default") -> Key:
        return self.gate.key(name, "worker", tenant=tenant)

    def usage(self, key: Key) -> dict[str, object]:
        found = self.gate.request("GET", "/v1/usage", key=key)
        assert found.status == 200
        return dict(found.json)

    def spent(self, *words: str) -> list[dict[str, Any]]:
        """What `yett usage` prints, run in this process: half a second of each would go by before it begins."""
        place = ("--config", str(self.gate.config), "--data", str(self.gate.data))
        done = CliRunner().invoke(root, ["usage", *words, "--json", *place])
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("limits")
    with serving(*map(tool, TOOLS)) as rec:
        rec.offer.odd["hang"] = Odd(delay=30)
        rec.offer.odd["slow"] = Odd(delay=0.5)
        rec.offer.odd["narrow"] = Odd(delay=0.5)
        gate = Gate(folder, CONFIGURATION.format(url=rec.url))
        with running(gate):
            yield House(gate, rec)


def told(house: House, name: str) -> list[dict[str, Any]]:
    return [event["details"] for event in house.gate.events(name)]


def tell(house: House, usd: object) -> None:
    content = {} if usd is None else {"usage": {"usd": usd}}
    house.rec.offer.odd["metered"] = Odd(
        result={"content": [{"type": "text", "text": "done"}], "structuredContent": content}
    )


def test_whatever_door_and_method_a_key_takes_it_gets_its_rate_and_no_more(house: House) -> None:
    """Threat D05."""
    key = house.key("minute")
    agents = [Agent(house.gate, key, door) for door in DOORS]
    statuses = [agent.open().status for agent in agents if agent.door in LEGACY]
    for round_ in range(3):
        for agent in agents:
            statuses.append(agent.call("rec", "look", word=f"w{round_}").status)
            statuses.append(house.gate.request("GET", "/v1/tools", key=key).status)
    reached = [
        seen for seen in house.rec.works if seen.message["params"]["arguments"].get("word") == "w0"
    ]

    assert statuses.count(200) <= 5
    assert set(statuses) == {200, 429}
    assert len(reached) <= 5


def test_after_the_time_that_is_told_the_call_is_made(house: House) -> None:
    key = house.key("quick")
    first = house.gate.execute("rec", "look", key, word="a")
    second = house.gate.execute("rec", "look", key, word="b")
    wait = int(second.headers["retry-after"])
    time.sleep(wait)

    assert (first.status, second.status, wait) == (200, 429, 1)
    assert first.headers["ratelimit-policy"] == '"1/second";q=1;w=1'
    assert first.headers["ratelimit"] == '"1/second";r=0;t=1'
    assert second.headers["ratelimit"] == '"limit";r=0;t=1'
    assert house.gate.execute("rec", "look", key, word="c").status == 200


@pytest.mark.parametrize("door", DOORS)
def test_a_refusal_says_at_every_door_when_to_come_again(door: str, house: House) -> None:
    agent = Agent(house.gate, house.key(f"often-{door}"), door)
    answers = [agent.call("rec", "few", word="a") for _ in range(4)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    refused = answers[-1]
    seconds = int(refused.headers["retry-after"])
    assert 15 <= seconds <= 20
    assert refused.headers["ratelimit"] == f'"limit";r=0;t={seconds}'
    shown = refused.json if door == REST else refused.json["error"]["data"]
    assert (shown["reason"], shown["retry_after_seconds"]) == ("rate_limited", seconds)


def test_a_tool_has_a_rate_for_each_key_and_a_tenant_one_for_all_of_its_keys(house: House) -> None:
    alone = house.key("alone")
    few = [house.gate.execute("rec", "few", alone, word=f"{n}").status for n in range(4)]
    keys = [house.key(f"acme-{n}", tenant="acme") for n in range(3)]
    of_tenant = [
        house.gate.execute("rec", "look", key, word=f"{n}").status for n in range(2) for key in keys
    ]

    assert few == [200, 200, 200, 429]
    assert of_tenant == [200] * 4 + [429] * 2


def test_bytes_of_arguments_are_limited(house: House) -> None:
    key = house.key("heavy")
    statuses = [house.gate.execute("rec", "look", key, word="x" * 20).status for _ in range(5)]

    assert statuses == [200, 200, 200, 429, 429]


def test_a_tool_takes_so_many_calls_at_once_from_all_keys_together(house: House) -> None:
    keys = [house.key(f"narrow-{n}") for n in range(5)]
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(house.gate.execute, "rec", "narrow", key, word="x") for key in keys]
        statuses = sorted(one.result().status for one in asked)

    assert statuses == [200, 200, 429, 429, 429]


def test_a_limit_that_is_only_observed_refuses_nobody_and_is_told(house: House) -> None:
    key = house.key("watched")
    statuses = [house.gate.execute("rec", "look", key, word=f"{n}").status for n in range(5)]

    assert statuses == [200] * 5
    metrics = house.gate.admin("/metrics").body.decode()
    assert "yett_limits_observed_total 3.0" in metrics


def test_the_price_goes_by_the_argument_and_by_what_the_result_says(house: House) -> None:
    key = house.key("spender")
    by_argument = [
        house.gate.execute("rec", "long", key, word="x" * length).json["usage"]["cost"]
        for length in (1, 10, 15)
    ]
    before = len(house.gate.events("cost.untold"))
    tell(house, 0.0123)
    agent = Agent(house.gate, house.key("rich"), REST)
    good = agent.call("rec", "metered", word="x").json["usage"]["cost"]
    lies = []
    impossible: list[object] = [None, -1, "NaN", "1e309", 7, True, []]
    for lie in impossible:
        tell(house, lie)
        lies.append(agent.call("rec", "metered", word=f"{lie}").json["usage"]["cost"])

    assert by_argument == ["0.0001 USD", "0.001 USD", "0.0015 USD"]
    assert good == "0.0123 USD"
    assert lies == ["0.5 USD"] * 7
    wait_until(lambda: len(house.gate.events("cost.untold")) > before, 5)


def test_two_keys_of_a_team_share_its_budget(house: House) -> None:
    """Threat D06: two hundred at once, and one unit left."""
    one, two = house.key("one"), house.key("two")
    for key in (one, two):
        assert house.gate.execute("rec", "dear", key, word="x").status == 200
    with ThreadPoolExecutor(50) as pool:
        asked = [
            pool.submit(house.gate.execute, "rec", "dear", (one, two)[n % 2], word=f"{n}")
            for n in range(200)
        ]
        statuses = [one.result().status for one in asked]

    assert statuses.count(200) == 1
    assert statuses.count(402) == 199
    (row,) = house.spent("--by", "team")
    assert (row["team"], row["spent"], row["remaining"]) == ("crew", "0.03 USD", "0 USD")
    wait_until(lambda: bool(told(house, "budget.warning")), 5)
    events = [event for event in told(house, "budget.warning") if "team crew" in event["account"]]
    assert [event["percent"] for event in events] == [95]  # from two thirds to all of it at once


def test_a_loop_is_stopped_and_nobody_else_feels_it(house: House) -> None:
    """A runaway agent: the same call ten thousand times."""
    mad, calm = house.key("mad"), house.key("calm")
    agent, other = Agent(house.gate, mad, MODERN), Agent(house.gate, calm, MODERN)
    quiet = [timed(other, f"q{n}") for n in range(40)]
    stop = threading.Event()
    statuses: list[int] = []

    def run_away() -> None:
        while not stop.is_set():
            statuses.append(agent.call("rec", "look", word="again").status)

    thread = threading.Thread(target=run_away)
    thread.start()
    beside = [timed(other, f"b{n}") for n in range(40)]
    stop.set()
    thread.join()

    assert statuses.count(200) == 20
    assert set(statuses) == {200, 429}
    assert statistics.median(beside) < 5 * statistics.median(quiet) + 0.02
    wait_until(lambda: bool(told(house, "breaker.opened")), 5)
    (event,) = [one for one in told(house, "breaker.opened") if one["caller"] == mad.id]
    assert event["alert"] == "high"
    house.gate.yett("key", "unblock", "mad")
    assert agent.call("rec", "look", word="other").status == 200


def timed(agent: Agent, word: str) -> float:
    started = time.perf_counter()
    assert agent.call("rec", "look", word=word).status == 200
    return time.perf_counter() - started


def test_an_outcome_that_nobody_knows_is_spent_until_an_operator_says_what_it_was(
    house: House,
) -> None:
    house.rec.offer.odd["dear"] = Odd(delay=30)
    key = house.key("unlucky")
    lost = house.gate.execute("rec", "dear", key, word="x")
    house.rec.offer.odd.pop("dear")
    assert lost.status == 504
    wait_until(lambda: bool(unknown(house)), 5)
    (row,) = [row for row in unknown(house) if row["call"] == lost.request_id]
    assert row["reserved"] == "0.01 USD"
    assert house.usage(key)["usage"]["spent"][0]["day"] == "0.01 USD"  # type: ignore[index]  # as it is written

    words = ("usage", "reconcile", lost.request_id, "--spent", "0.004 USD")
    assert house.gate.run(*words).returncode == 2
    house.gate.yett(*words, "--reason", "the server's own log")

    wait_until(lambda: house.usage(key)["usage"]["spent"][0]["day"] == "0.004 USD", 5)  # type: ignore[index]  # as above
    (event,) = told(house, "usage.reconciled")
    assert (event["id"], event["reason"]) == (lost.request_id, "the server's own log")
    assert lost.request_id not in [row["call"] for row in unknown(house)]


def unknown(house: House) -> list[dict[str, Any]]:
    return house.spent("reconcile")


def test_what_is_spent_is_shown_by_tool_tenant_and_day(house: House) -> None:
    key = house.key("shown", tenant="globex")
    assert house.gate.execute("rec", "dear", key, word="x").status == 200
    wait_until(lambda: bool(house.spent("--by", "tenant")), 5)

    tools = {row["tool"]: row["spent_day"] for row in house.spent("--by", "tool")}
    tenants = {row["tenant"]: row["spent"] for row in house.spent("--by", "tenant")}
    (day,) = house.spent("--by", "day", "--key", "shown")
    assert "rec/dear" in tools
    assert tenants["globex"] == "0.01 USD"
    assert day["spent"] == "0.01 USD"


def execute_once(house: House, key: Key, name: str, word: str, tool: str = "dear") -> Answer:
    body = {"tool": "rec", "operation": tool, "input": {"word": word}}
    headers = {"Idempotency-Key": name}
    return house.gate.request("POST", "/v1/execute", body, key=key, headers=headers)


def made(house: House, word: str) -> int:
    return [seen.message["params"]["arguments"].get("word") for seen in house.rec.works].count(word)


def test_a_call_that_is_repeated_with_its_key_is_made_once(house: House) -> None:
    """Threat D09."""
    house.rec.offer.odd["dear"] = Odd(delay=0.2, text="done")
    key, other = house.key("careful"), house.key("another")
    with ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(execute_once, house, key, "order-1", "buy") for _ in range(50)]
        answers = [one.result() for one in asked]
    house.rec.offer.odd.pop("dear")
    again = execute_once(house, key, "order-1", "buy")
    (first,) = [
        one for one in answers if one.status == 200 and "idempotency-replayed" not in one.headers
    ]

    assert made(house, "buy") == 1
    assert {one.status for one in answers} <= {200, 409}
    assert {one.refusal["reason"] for one in answers if one.status == 409} <= {"duplicate_call"}
    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"
    assert again.request_id != first.request_id
    assert house.gate.record_of(again)["kind"] == "own"
    assert house.usage(key)["usage"]["spent"][0]["day"] == "0.01 USD"  # type: ignore[index]  # as it is written
    for changed in (
        execute_once(house, key, "order-1", "sell"),
        execute_once(house, key, "order-1", "buy", "look"),
    ):
        assert (changed.status, changed.refusal["reason"]) == (422, "key_reused")
    assert execute_once(house, other, "order-1", "buy").status == 200
    assert made(house, "buy") == 2


def test_what_was_not_made_may_be_made_and_what_may_have_been_is_not(house: House) -> None:
    key = house.key("patient")
    for _ in range(2):
        assert execute_once(house, key, "k", "x" * 21).status == 400
    assert execute_once(house, key, "k", "good").status == 200
    house.rec.offer.odd["dear"] = Odd(delay=30)
    lost = execute_once(house, key, "lost", "gone")
    house.rec.offer.odd.pop("dear")
    again = execute_once(house, key, "lost", "gone")

    assert (lost.status, again.status) == (504, 504)
    assert made(house, "gone") == 1
    assert execute_once(house, key, "bad key", "x").status == 400
    assert house.gate.request("POST", "/v1/execute", {"tool": "rec", "operation": "look", "input": {"word": "x"}}, headers={"Idempotency-Key": "k"}).status == 401  # fmt: skip


def test_after_a_kill_nothing_is_made_twice_and_all_that_was_spent_is(house: House) -> None:
    key = house.key("killed")
    done = execute_once(house, key, "done", "kept")
    house.rec.offer.odd["dear"] = Odd(delay=5)
    thread = threading.Thread(target=execute_quietly, args=(house, key))
    thread.start()
    wait_until(lambda: made(house, "half") == 1, 5)
    house.gate.kill()
    thread.join()
    house.rec.offer.odd.pop("dear")
    house.gate.start()

    again, half = execute_once(house, key, "done", "kept"), execute_once(house, key, "half", "half")

    assert again.body == done.body
    assert (half.status, half.refusal["reason"]) == (409, "duplicate_call")
    assert (made(house, "kept"), made(house, "half")) == (1, 1)
    assert house.usage(key)["usage"]["spent"][0]["day"] == "0.02 USD"  # type: ignore[index]  # as it is written
    assert "0.01 USD" in [row["reserved"] for row in unknown(house)]


def execute_quietly(house: House, key: Key) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        execute_once(house, key, "half", "half")
