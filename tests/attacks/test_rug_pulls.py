"""Attacks promise 8 through a running gate: every field of a definition in turn, after it was approved.

The server is asked again after it was away for a moment, as it is each minute in any case."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.attacks.hostile_schemas import HOSTILE, deep, of_object
from tests.outside.gate import Agent, Gate, Key, running
from tests.outside.upstream import MODERN, SCHEMA, Upstream, serving, tool, wait_until

PINNED: Final[dict[str, Any]] = {
    "title": "Look",
    "description": "Looks for a word and says where it is.",
    "inputSchema": {
        **SCHEMA,
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What to look for",
        "$comment": "Nothing",
        "properties": {
            "word": {
                "type": "string",
                "title": "Word",
                "description": "The word",
                "maxLength": 20,
                "pattern": "^[a-z]+$",
                "default": "no",
                "examples": ["yes"],
            },
            "number": {"type": "integer", "minimum": 0, "enum": [1, 2, 3]},
        },
        "additionalProperties": False,
        "x-note": "one",
    },
    "outputSchema": {"type": "object", "description": "Places", "properties": {"at": {"type": "string"}}},
    "annotations": {"title": "Looks", "readOnlyHint": True, "openWorldHint": False},
    "icons": [{"src": "data:image/png;base64,AAAA", "mimeType": "image/png"}],
    "execution": {"taskSupport": "forbidden"},
    "_meta": {"vendor.example/kind": "search"},
    "x-system": "calm",
}  # fmt: skip
REORDERED: Final = "reordered"


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path to every leaf, and to the name of every member."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key, "name")
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))
    else:
        yield (*path, "value")


def mutated(value: Any, path: tuple[str | int, ...]) -> Any:
    """One byte more in one place: of a text, a number or a name; a truth turned into a lie."""
    head, *rest = path
    if head == "value" and not rest:
        return (not value) if isinstance(value, bool) else value + (1 if isinstance(value, int) else "s")  # fmt: skip
    if rest == ["name"]:
        return {(f"{key}s" if key == head else key): inner for key, inner in value.items()}
    copied: Any = dict(value) if isinstance(value, dict) else list(value)
    copied[head] = mutated(copied[head], tuple(rest))
    return copied


def turned(value: Any) -> Any:
    """The same members in another order, everywhere."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


PLACES: Final = list(places(PINNED))


def name_of(number: int) -> str:
    return f"look_{number:03d}"


def definition(number: int, *, plain: bool = False) -> dict[str, Any]:
    return {"name": name_of(number), **({} if plain else PINNED)}


@dataclass
class House:
    gate: Gate
    rec: Upstream
    key: Key

    def ask_again(self) -> None:
        """Let the server be away for a moment, so that the gate asks it once more."""
        with self.rec.restarting():
            self.call("steady")
        wait_until(lambda: self.call("steady").status == 200, 15)

    def call(self, name: str) -> Any:
        return self.gate.execute("rec", name, self.key, word="hello")

    def shown(self) -> dict[str, Any]:
        found = Agent(self.gate, self.key, MODERN, "/mcp/rec").ask("tools/list").json
        return {item["name"]: item for item in found["result"]["tools"]}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A tool for each place of a definition, and one that will only be reordered."""
    tools = [definition(number) for number in range(len(PLACES))]
    tools += [{"name": REORDERED, **PINNED}, tool("steady")]
    with serving(*tools) as rec:
        gate = Gate(
            tmp_path_factory.mktemp("rugs"),
            f'servers:\n  rec: {{url: {rec.url}, tools: {{steady: {{access: read}}}}}}\nroles:\n  reader: ["rec.*:read"]\n',
        )
        key = gate.key("one", "reader")
        with running(gate):
            found = House(gate, rec, key)
            wait_until(lambda: len(found.shown()) == len(tools))
            for number, path in enumerate(PLACES):
                bad = mutated(PINNED, path)
                rec.offer.tools[name_of(number)] = {"name": name_of(number), **bad}
            rec.offer.tools[REORDERED] = turned({"name": REORDERED, **PINNED})
            before = found.shown()
            found.ask_again()
            found.before = before  # type: ignore[attr-defined]  # what was shown while nothing had changed
            yield found


def test_one_byte_in_any_field_takes_that_tool_out_of_use(house: House) -> None:
    shown = house.shown()
    still = [PLACES[number] for number in range(len(PLACES)) if name_of(number) in shown]

    assert still == []
    assert len(PLACES) > 50


def test_none_of_them_can_be_called_and_nothing_reaches_the_server(house: House) -> None:
    before = len(house.rec.works)
    reasons, key = set(), house.key
    for number in range(len(PLACES)):
        # A caller who is refused so often would be slowed: a fresh one.
        if number % 40 == 0:
            key = house.gate.key(f"k{number}", "reader")
        answer = house.gate.execute("rec", name_of(number), key, word="hello")
        reasons.add((answer.status, answer.refusal["reason"]))

    assert reasons == {(403, "tool_quarantined")}
    assert len(house.rec.works) == before


def test_each_is_an_alert_of_its_own(house: House) -> None:
    events = house.gate.events("tool.quarantined")
    told = {event["details"]["tool"]: event["details"] for event in events}

    assert told.keys() == {name_of(number) for number in range(len(PLACES))}
    assert {details["alert"] for details in told.values()} == {"high"}
    assert all(details.get("changes") or details["problem"] for details in told.values())


def test_another_order_changes_nothing_of_what_is_shown(house: House) -> None:
    before: dict[str, Any] = house.before  # type: ignore[attr-defined]  # see the fixture
    shown = house.shown()

    assert shown.keys() == {REORDERED, "steady"}
    assert json.dumps(shown[REORDERED]) == json.dumps(before[REORDERED])
    assert house.call(REORDERED).status == 200


def test_approving_one_brings_back_that_one(house: House) -> None:
    number = PLACES.index(("description", "value"))
    (told,) = [
        json.loads(line)
        for line in house.gate.yett("tool", "diff", "rec", name_of(number), "--json").splitlines()
    ]
    assert [(change["pointer"], change["severity"]) for change in told["changes"]] == [
        ("/description", "medium")
    ]
    house.gate.yett("tool", "approve", "rec", name_of(number), "--yes")
    wait_until(lambda: name_of(number) in house.shown())
    assert house.shown()[name_of(number)]["description"].endswith("it is.s")
    assert house.call(name_of(number)).status == 200


def test_what_a_server_says_at_the_handshake_reaches_nobody(tmp_path: Path) -> None:
    """`instructions` and `serverInfo` are not pinned, so no agent is told of them."""
    mark = "IGNORE-ALL-PREVIOUS-7f3a"
    with serving(tool("look"), modern=False) as old:
        plain = old.offer.result

        def said(method: str, params: dict[str, Any], *, modern: bool) -> dict[str, Any]:
            result = plain(method, params, modern=modern)
            if method in ("initialize", "server/discover"):
                result |= {
                    "instructions": mark,
                    "serverInfo": {"name": mark, "title": mark, "version": mark},
                }
            return result  # fmt: skip

        old.offer.result = said  # type: ignore[method-assign]  # the server of this test says more
        gate = Gate(tmp_path, f'servers:\n  old: {{url: {old.url}}}\nroles:\n  reader: ["old.*:read"]\n')  # fmt: skip
        key = gate.key("one", "reader")
        with running(gate):
            wait_until(lambda: Agent(gate, key, MODERN).tools())
            gate.heard.clear()
            for door in ("2025-06-18", "2025-11-25", MODERN):
                agent = Agent(gate, key, door, "/mcp/old")
                if door != MODERN:
                    agent.open()
                else:
                    agent.ask("server/discover")
                agent.ask("tools/list")
                agent.call("old", "look", word="x")
            gate.execute("old", "look", key, word="x")

    assert gate.heard
    assert not any(mark.encode() in heard for heard in gate.heard)


def test_hostile_schemas_spoil_no_other_tool_and_keep_no_caller_waiting(tmp_path: Path) -> None:
    """P19, P20: everybody else is served while they are judged, and nothing is fetched for them."""
    with serving(tool("look")) as good, serving() as evil, serving() as canary:
        asks = [canary.url, f"http://127.0.0.1:{canary.port}/schema.json#/a", "file:///etc/passwd"]
        schemas = {
            f"remote_{n}": of_object(properties={"a": {"$ref": u}}) for n, u in enumerate(asks)
        }
        schemas |= {"dialect": of_object(**{"$schema": canary.url}), "deeper": deep(200)}
        refused = {*schemas, "unknown_dialect", "doubling", "itself"}
        schemas |= {re.sub(r"\W+", "_", name): schema for name, schema in HOSTILE.items()}
        for name, schema in schemas.items():
            evil.offer.tools[name] = {"name": name, "inputSchema": schema}
        evil.offer.tools["fine"] = tool("fine")
        gate = Gate(
            tmp_path,
            f"servers:\n  good: {{url: {good.url}}}\n  evil: {{url: {evil.url}}}\n"
            'roles:\n  reader: ["good.*:read", "evil.*:read"]\n',
        )
        key = gate.key("one", "reader")
        with running(gate):
            wait_until(lambda: gate.execute("good", "look", key, word="x").status == 200)
            busy = _median(gate, key)
            wait_until(lambda: gate.execute("evil", "fine", key, word="x").status == 200, 40)
            calm = _median(gate, key)
            live = gate.yett("tool", "list", "evil", "--live", "--json").splitlines()

    states = {row["name"]: row["state"] for row in map(json.loads, live)}
    assert {name for name in refused if states[name] == "refused"} == refused
    assert states["fine"] == "approved"
    assert canary.seen == []
    assert busy < 5 * calm + 0.01


def _median(gate: Gate, key: Key, calls: int = 40) -> float:
    connection = gate.connection()
    taken = []
    body = {"tool": "good", "operation": "look", "input": {"word": "x"}}
    for _ in range(calls):
        started = time.monotonic()
        answer = gate.request("POST", "/v1/execute", body, key=key, on=connection)
        taken.append(time.monotonic() - started)
        assert answer.status == 200
    connection.close()
    return sorted(taken)[calls // 2]
