"""Policies from outside: a change holds everywhere in time, a bad file changes nothing, and every call was allowed."""

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from tests.outside.gate import DOORS, Agent, Answer, Gate, Key, running, stream_of
from tests.outside.upstream import MODERN, Upstream, serving, tool, wait_until

TAKES_EFFECT_SECONDS_MAX = 5.0
CALLS = 200
STOP = '@id("stop")\nforbid(principal, action, resource);\n'


@dataclass
class House:
    gate: Gate
    rec: Upstream
    key: Key

    def status(self, **arguments: Any) -> int:
        return self.gate.execute("rec", "look", self.key, **{"word": "x", **arguments}).status

    def becomes(self, status: int, **arguments: Any) -> None:
        wait_until(lambda: self.status(**arguments) == status, TAKES_EFFECT_SECONDS_MAX)

    def policy(self, text: str) -> None:
        """Put one file into the place of another, as an editor does; empty: take it away."""
        path = self.gate.folder / "policies" / "test.cedar"
        if not text:
            path.unlink(missing_ok=True)
            return
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(path)

    def version(self) -> str:
        return str(json.loads(self.gate.yett("policy", "check", "--json"))["version"])


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serving(tool("look"), tool("peek")) as rec:
        folder = tmp_path_factory.mktemp("policies")
        (folder / "policies").mkdir()
        text = f'servers:\n  rec: {{url: {rec.url}}}\nroles:\n  reader: ["rec.*:read"]\n'
        text += "limits: {breaker: {failures: 100000}}\n"
        found = Gate(folder, text)
        house = House(found, rec, found.key("one", "reader"))
        with running(found):
            wait_until(lambda: house.status() == 200)
            yield house


@pytest.fixture
def house(gate: House) -> Iterator[House]:
    yield gate
    gate.policy("")
    gate.becomes(200)


def listening(house: House) -> socket.socket:
    """Open a `subscriptions/listen` of the modern version."""
    agent = Agent(house.gate, house.key, MODERN)
    message = agent.message("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    fields = agent.headers("subscriptions/listen", message["params"])
    body = json.dumps(message).encode()
    lines = [
        "POST /mcp HTTP/1.1",
        f"Host: 127.0.0.1:{house.gate.port}",
        f"Authorization: Bearer {house.key.secret}",
        "Accept: application/json, text/event-stream",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in fields.items()),
    ]
    connection = socket.create_connection(("127.0.0.1", house.gate.port), 5)
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    connection.settimeout(TAKES_EFFECT_SECONDS_MAX)
    received = b""
    while b"acknowledged" not in received:
        received += connection.recv(65536)
    return connection


def read_until(connection: socket.socket, word: bytes) -> None:
    connection.settimeout(TAKES_EFFECT_SECONDS_MAX)
    received = b""
    while word not in received:
        part = connection.recv(65536)
        assert part, received
        received += part


def test_a_changed_policy_holds_everywhere_in_time_on_open_streams_too(house: House) -> None:
    agents = [Agent(house.gate, house.key, door) for door in DOORS]
    for agent in agents:
        assert {"rec__look", "rec__peek"} <= set(agent.tools())
    kept = house.gate.connection()
    body = {"tool": "rec/look", "input": {"word": "x"}}
    assert house.gate.request("POST", "/execute", body, key=house.key, on=kept).status == 200
    legacy = Agent(house.gate, house.key, "2025-11-25")
    with stream_of(legacy) as stream, closing(listening(house)) as subscription, closing(kept):
        changed = time.monotonic()
        house.policy('forbid(principal, action, resource == Tool::"rec/look");')
        read_until(stream, b"tools/list_changed")
        read_until(subscription, b"tools/list_changed")
        assert "rec__look" not in legacy.tools()
        for agent in agents:
            assert "rec__look" not in agent.tools()
            assert agent.call("rec", "look", word="x").refusal["reason"] == "unknown_tool"
        assert house.gate.request("POST", "/execute", body, key=house.key, on=kept).status == 404
        assert time.monotonic() - changed < TAKES_EFFECT_SECONDS_MAX


SPELLINGS = (
    "rec__look", "look", "rec.look", "rec/look", "rec:look", "rec_look", "rec___look", "rec__peek",
    "REC__LOOK", "Rec__look", "rec__Look", " rec__look", "rec__look ", "rec__look\t", "rec__look\0",
    "rec__lo%6fk", "rec%5f%5flook", "rec%2elook", "rec__l\u043e\u043ek", "\uff52\uff45\uff43__look",
    "rec__loo\u212a", "rec__look\u200b", "\ufeffrec__look", "rec__lo\u00adok", "rec__look#", "rec__look?x=1",
    "rec__look/", "../rec__look", "rec__../look", "rec__rec__look", "rec__look__", "*", "rec__*", "rec__loo",
    "rec__lookk", "__look", "rec__", "__proto__", "rec__look;peek", "rec\u2024look", "rec\uff0flook", "nothing",
)  # fmt: skip


@pytest.mark.parametrize("path", ["/mcp", "/mcp/rec"])
def test_a_tool_that_is_forbidden_looks_like_one_that_is_not_there(house: House, path: str) -> None:
    """Z02: whatever the spelling, what is not listed is refused in the same words, on every door."""
    house.policy('forbid(principal, action, resource == Tool::"rec/peek");')
    wait_until(lambda: house.gate.execute("rec", "peek", house.key, word="x").status == 404)
    before = len(house.rec.works)
    for door in DOORS[1:]:
        agent = Agent(house.gate, house.key, door, path)
        shown = set(agent.tools())
        said = {
            json.dumps(without_ids(agent.ask("tools/call", {"name": name, "arguments": {"word": "x"}})), sort_keys=True)
            for name in SPELLINGS
            if name not in shown
        }  # fmt: skip
        assert len(said) == 1, said
    assert len(house.rec.works) == before
    over_rest = {
        json.dumps(without_ids(house.gate.execute(server, name, house.key, word="x")))
        for server, name in [
            ("rec", "peek"),
            ("rec", "nothing"),
            ("nothing", "look"),
            ("rec", "Look"),
        ]
    }
    assert len(over_rest) == 1, over_rest


def without_ids(answer: Answer) -> dict[str, Any]:
    """What an answer says, without what differs from one to the next."""
    found = dict(answer.json)
    found.pop("id", None)
    text = json.dumps(found).replace(answer.request_id, "")
    return {"status": answer.status, "said": text}


BOMBS: dict[str, Callable[[], str]] = {
    "brackets": lambda: (
        f"permit(principal, action, resource) when {{ {'(' * 9_000}true{')' * 9_000} }};"
    ),
    "a chain": lambda: (
        f"forbid(principal, action, resource) when {{ {'context.hour > 3 && ' * 9_000}true }};"
    ),
    "a megabyte": lambda: (
        f'forbid(principal, action, resource) when {{ principal.tenant == "{"x" * 1_000_000}" }};'
    ),
    "stars": lambda: (
        f'forbid(principal, action, resource) when {{ principal.tenant like "{"a*" * 500}b" }};'
    ),
    "division": lambda: "forbid(principal, action, resource) when { context.hour / 0 == 1 };",
    "no such attribute": lambda: "forbid(principal, action, resource) when { context.moon };",
    "half a file": lambda: "forbid(principal, action, resource) when {",
    "no text": lambda: "forbid(principal, action, resource);\x00",
}


def test_no_policy_file_ends_the_gate_or_opens_it(house: House) -> None:
    """Each is refused with its line, and what held before goes on holding."""
    house.policy('@id("peek") forbid(principal, action, resource == Tool::"rec/peek");')
    wait_until(lambda: house.gate.execute("rec", "peek", house.key, word="x").status == 404)
    for name, bomb in BOMBS.items():
        before = len(house.gate.events("configuration.refused"))
        house.policy("\n\n" + bomb())
        wait_until(
            lambda before=before: len(house.gate.events("configuration.refused")) > before,  # type: ignore[misc]  # bound
            TAKES_EFFECT_SECONDS_MAX,
        )
        why = house.gate.events("configuration.refused")[-1]["details"]["why"]
        assert "policies/test.cedar:3" in why, (name, why)
        assert house.status() == 200, name
        assert house.gate.execute("rec", "peek", house.key, word="x").status == 404, name


def test_a_policy_that_cannot_be_evaluated_denies_and_raises_one_alarm(house: House) -> None:
    house.policy(
        '@id("erring") forbid(principal, action, resource == Tool::"rec/look")'
        " when { context.arguments.number > 3 };"
    )
    house.becomes(404)
    before = len(house.rec.works)
    statuses = {house.status(word="hunter2") for _ in range(20)}

    assert statuses == {404}
    assert len(house.rec.works) == before
    assert house.status(number=1) == 200
    (alarm,) = [event["details"] for event in house.gate.events("policy.error")]
    assert (alarm["alert"], alarm["tool"], alarm["caller"]) == ("high", "rec/look", house.key.id)
    assert "hunter2" not in json.dumps(alarm)


def test_a_locked_store_changes_no_decision(house: House) -> None:
    """What the policies say is in memory; a store that does not answer makes nothing permitted."""
    house.policy('forbid(principal, action, resource == Tool::"rec/peek");')
    wait_until(lambda: house.gate.execute("rec", "peek", house.key, word="x").status == 404)
    (path,) = house.gate.data.glob("*.db")
    before = len(house.rec.calls_of("peek"))
    with closing(sqlite3.connect(path, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        until = time.monotonic() + 2
        while time.monotonic() < until:
            assert house.gate.execute("rec", "peek", house.key, word="x").status in {404, 503}
            assert house.status() in {200, 503}
        lock.execute("ROLLBACK")
    assert len(house.rec.calls_of("peek")) == before


def test_every_call_was_allowed_by_the_policies_it_was_recorded_with(house: House) -> None:
    """Z10: two hundred calls at once while a policy comes and goes."""
    allowing = house.version()
    house.policy(STOP)
    stopping = house.version()
    house.becomes(404)
    house.rec.seen.clear()
    over = threading.Event()

    def toggle() -> None:
        stopped = True
        while not over.is_set():
            stopped = not stopped
            house.policy(STOP if stopped else "")
            time.sleep(0.4)

    toggling = threading.Thread(target=toggle)
    toggling.start()
    try:
        with ThreadPoolExecutor(CALLS) as crowd:
            rounds = [
                list(crowd.map(lambda n, r=r: house.status(word=f"r{r}n{n}"), range(CALLS)))
                for r in range(6)
            ]
    finally:
        over.set()
        toggling.join()
    statuses = [status for each in rounds for status in each]
    records = {
        record["id"]: record
        for record in house.gate.records("--tool", "rec/look", "--limit", "5000")
        if record.get("input") and word_of(record).startswith("r")
    }
    reached = {seen.message["params"]["arguments"]["word"] for seen in house.rec.calls_of("look")}
    allowed = {
        word_of(record): record for record in records.values() if record["decision"] == "allowed"
    }

    assert set(statuses) == {200, 404}
    assert len(reached) == statuses.count(200)
    assert {allowed[word]["policy_version"] for word in reached} == {allowing}
    denied = [record for record in records.values() if record["policy_version"] == stopping]
    assert len(denied) == statuses.count(404)
    assert {(record["decision"], *record["policies"]) for record in denied} == {("denied", "stop")}


def word_of(record: dict[str, Any]) -> str:
    return str(record["input"]["word"])
