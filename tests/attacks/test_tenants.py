"""Two tenants side by side (promise 7): whatever one does, the other sees what it would have
seen alone; and what belongs to one is to the other what does not exist."""

import json
import operator
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.outside.gate import DOORS, LEGACY, REST, Agent, Answer, Gate, Key
from tests.outside.upstream import MODERN, Odd, serving, tool, wait_until
from yett.core.clock import SystemClock
from yett.core.seal import KEY_BYTES, Sealer

CONFIGURATION = """\
servers:
  rec:
    url: {rec}
    tools: {{look: {{access: read}}, scarce: {{access: read, rate: 2/day}}, dear: {{access: read, cost: 0.3 USD}}, fail: {{access: read}}}}
  own: {{url: "{own}", labels: [private]}}
roles:
  reader: ["rec.*:read"]
  owner: ["own.*:read"]
limits:
  every_key: {{budget: 1 USD/day, concurrency: 4}}
"""
# What differs between two runs of the same thing: ids, times, what is measured, and the keys' own names.
_DIFFERENT = (
    (re.compile(r'"(?:id|request_id|key_id)":\s*(?:"[^"]*"|[0-9]+)'), '"id":""'),
    (
        re.compile(r'"(?:created_at|expires_at|resets_at|reset|at)":\s*(?:"[^"]*"|[0-9.]+)'),
        '"at":""',
    ),
    (re.compile(r'"(?:name)":\s*"[ab]-[0-9]+"'), '"name":""'),
    (re.compile(r'"nextCursor":\s*"[^"]*"'), '"nextCursor":""'),
)
_HEADERS = frozenset({"content-type", "www-authenticate", "allow", "retry-after"})


class Pair:
    """One gate on which both are, and one on which only the first is."""

    def __init__(self, shared: Gate, alone: Gate) -> None:
        self.shared = shared
        self.alone = alone
        self.count = 0

    def keys(self) -> tuple[Key, Key, Key]:
        """Fresh ones: the first tenant's on both gates, and the other tenant's."""
        self.count += 1
        name = f"a-{self.count}"
        return (
            self.shared.key(name, "reader", tenant="acme"),
            self.alone.key(name, "reader", tenant="acme"),
            self.shared.key(f"b-{self.count}", "reader", "owner", tenant="rival"),
        )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    offered = [tool(name) for name in ("look", "scarce", "dear", "fail")]
    with (
        serving(*offered) as rec,
        serving(*offered) as rec_alone,
        serving(tool("look")) as own,
    ):
        gates = []
        for name, server in (("shared", rec), ("alone", rec_alone)):
            server.offer.odd["fail"] = Odd(hang_up=True)
            folder: Path = tmp_path_factory.mktemp(name)
            gates.append(Gate(folder, CONFIGURATION.format(rec=server.url, own=own.url)))
        try:
            for gate in gates:
                first = Agent(gate, gate.key("first", "reader", "owner"), REST)
                gate.start()
                wait_until(lambda: len(first.tools()) == 5)  # noqa: B023 - called at once
            yield Pair(*gates)
        finally:
            for gate in gates:
                gate.kill()


def seen(answer: Answer) -> str:
    """What a caller sees of an answer, without what differs each time."""
    text = answer.body.decode()
    for pattern, instead in _DIFFERENT:
        text = pattern.sub(instead, text)
    headers = {name: value for name, value in answer.headers.items() if name in _HEADERS}
    headers.pop("retry-after", None) if answer.status != 429 else None
    return f"{answer.status} {sorted(headers)} {text}"


Step = tuple[str, ...]
STEPS: st.SearchStrategy[Step] = st.sampled_from(
    [
        ("call", "look"),
        ("call", "scarce"),
        ("call", "dear"),
        ("call", "fail"),
        ("call", "gone"),
        ("call", "own"),
        ("bad", "look"),
        ("list",),
        ("usage",),
        ("key",),
        ("resource",),
    ]
)


def act(agent: Agent, step: Step) -> Answer:
    match step:
        case ("call", "own"):
            return agent.call("own", "look", word="x")
        case ("call", name):
            return agent.call("rec", name, word="x")
        case ("bad", name):
            return agent.call("rec", name, word=7)
        case ("list",) if agent.door == REST:
            return agent.gate.request("GET", "/v1/tools", key=agent.key)
        case ("list",):
            return agent.ask("tools/list")
        case ("resource",) if agent.door != REST:
            return agent.ask("resources/read", {"uri": "memo://one"})
        case ("key",):
            return agent.gate.request("GET", "/v1/key", key=agent.key)
        case _:
            return agent.gate.request("GET", "/v1/usage", key=agent.key)


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(st.tuples(st.booleans(), STEPS), min_size=4, max_size=40),
    doors=st.tuples(st.sampled_from(DOORS), st.sampled_from(DOORS)),
)
def test_one_sees_the_same_with_and_without_the_other(
    pair: Pair, steps: list[tuple[bool, Step]], doors: tuple[str, str]
) -> None:
    """True: the first tenant's step; False: the other's, on the shared gate only."""
    key_shared, key_alone, key_other = pair.keys()
    mine = Agent(pair.shared, key_shared, doors[0])
    alone = Agent(pair.alone, key_alone, doors[0])
    other = Agent(pair.shared, key_other, doors[1])
    for is_mine, step in steps:
        if is_mine:
            assert seen(act(mine, step)) == seen(act(alone, step)), step
        else:
            act(other, step)
    for step in (("usage",), ("key",), ("list",)):
        assert seen(act(mine, step)) == seen(act(alone, step))


# -- what belongs to one is to the other what does not exist


@pytest.fixture(scope="module")
def two(pair: Pair) -> tuple[Agent, Agent]:
    """At the modern door: who owns, and a stranger of another tenant."""
    owner = pair.shared.key("the-owner", "reader", "owner", tenant="acme")
    stranger = pair.shared.key("a-stranger", "reader", tenant="rival")
    return Agent(pair.shared, owner, MODERN), Agent(pair.shared, stranger, MODERN)


@pytest.mark.parametrize("door", DOORS)
def test_anothers_tool_is_no_tool(door: str, two: tuple[Agent, Agent]) -> None:
    agent = Agent(two[1].gate, two[1].key, door)
    foreign = agent.call("own", "look", word="x")
    nothing = agent.call("own", "nothing", word="x")
    nowhere = agent.call("nowhere", "look", word="x")

    assert seen(foreign) == seen(nothing) == seen(nowhere)


def test_the_time_to_say_no_tells_nothing(two: tuple[Agent, Agent]) -> None:
    """Asked in turn and compared in pairs, so that whatever else the machine does slows both; a breaker must
    not open, so a call that is granted comes in between."""
    agent = two[1]
    seconds: dict[str, list[float]] = {"own": [], "nowhere": []}
    for number in range(300):
        for server in ("own", "nowhere") if number % 2 else ("nowhere", "own"):
            started = time.perf_counter()
            agent.call(server, "look", word="x")
            seconds[server].append(time.perf_counter() - started)
        agent.call("rec", "look", word="x")
    longer = statistics.median(map(operator.sub, seconds["own"], seconds["nowhere"]))

    assert abs(longer) < 0.15 * statistics.median(seconds["nowhere"])


@pytest.mark.parametrize("method", ["resources/read", "prompts/get"])
def test_anothers_resources_and_prompts_are_none(method: str, two: tuple[Agent, Agent]) -> None:
    owner, stranger = two
    there: dict[str, Any] = {"name": "own__greet", "arguments": {"whom": "x"}}
    not_there: dict[str, Any] = {"name": "own__gone", "arguments": {"whom": "x"}}
    if method == "resources/read":
        shown = owner.ask("resources/list").json["result"]["resources"]
        there = {"uri": next(r["uri"] for r in shown if "own" in r["uri"])}
        not_there = {"uri": there["uri"].replace("one", "two")}

    assert "result" in owner.ask(method, there).json
    refused = seen(stranger.ask(method, not_there))
    assert seen(stranger.ask(method, there)) == refused.replace("two", "one")  # it was asked for


@pytest.mark.parametrize("door", LEGACY)
def test_anothers_session_is_none(door: str, two: tuple[Agent, Agent]) -> None:
    owner = Agent(two[0].gate, two[0].key, door)
    owner.open()
    thief, guesser = (Agent(two[1].gate, two[1].key, door) for _ in range(2))
    thief.session = owner.session
    guesser.session = "A" * len(owner.session or "")

    assert seen(thief.ask("tools/list")) == seen(guesser.ask("tools/list"))
    assert "result" in owner.ask("tools/list").json


def test_anothers_ids_are_anybodys_guess(two: tuple[Agent, Agent]) -> None:
    """Ids of tasks, states and cursors are sealed; another's opens as little as a made-up one."""
    _, stranger = two
    owner_ids = _sealed_ids(two[0])
    assert owner_ids
    for method, params in owner_ids:
        made_up = {
            name: value[:-8] + "AAAAAAAA" if isinstance(value, str) and len(value) > 40 else value
            for name, value in params.items()
        }
        assert seen(stranger.ask(method, params)) == seen(stranger.ask(method, made_up)), method


def _sealed_ids(owner: Agent) -> list[tuple[str, dict[str, Any]]]:
    state = Sealer(b"k" * KEY_BYTES, SystemClock()).seal(
        {"a": 1}, owner="somebody", purpose="p", seconds=60
    )
    found: list[tuple[str, dict[str, Any]]] = [
        ("tasks/get", {"taskId": state}),
        ("tools/list", {"cursor": state}),
    ]
    listing = owner.ask("tools/list").json["result"]
    if "nextCursor" in listing:
        found.append(("tools/list", {"cursor": listing["nextCursor"]}))
    return found


def test_the_auditor_of_one_tenant_sees_its_records_only(
    pair: Pair, two: tuple[Agent, Agent]
) -> None:
    owner, stranger = two
    owner.call("own", "look", word="x")
    stranger.call("rec", "look", word="x")
    for tenant in ("acme", "rival"):
        records = pair.shared.records("--tenant", tenant)
        assert records
        assert {record["tenant"] for record in records} == {tenant}
        shown = pair.shared.admin(f"/api/v1/audit/records?tenant={tenant}&limit=1000").json
        assert {record["tenant"] for record in shown["records"]} == {tenant}
    assert json.dumps(pair.shared.records("--tenant", "acme")).count("a-stranger") == 0
