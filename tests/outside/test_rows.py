"""Rows and fields, seen from outside: who sees what at each door, how it is explained, and how soon it changes."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.outside.gate import DOORS, REST, Agent, Answer, Gate, Key, running
from tests.outside.upstream import SCHEMA, Odd, Upstream, serving, tool, wait_until

OTHERS: Final = "globex-only"
ROWS: Final[list[dict[str, Any]]] = [
    {"id": 1, "tenant": "acme", "name": "ours", "ssn": "078-05-1120"},
    {"id": 2, "tenant": "globex", "name": OTHERS, "ssn": "219-09-9999"},
]
ROW: Final = {"type": "object", "properties": {name: {} for name in ROWS[0]}, "required": ["ssn"]}
OUTPUT: Final = {
    "type": "object",
    "properties": {"rows": {"type": "array", "items": ROW, "minItems": 2}},
}
ANSWER: Final = {"content": [{"type": "text", "text": f"2 rows, {OTHERS} is one"}], "structuredContent": {"rows": ROWS}, "_meta": {"sql": OTHERS}}  # fmt: skip
POLICY: Final = """\
// Who sees which customers.
@id("own")
permit(principal in Role::"clerk", action == Action::"row", resource in Tool::"crm/list")
when { resource.tenant == principal.tenant };
"""


class House:
    def __init__(self, gate: Gate, keys: dict[str, Key]) -> None:
        self.gate = gate
        self.keys = keys

    def call(self, who: str, door: str = REST) -> Answer:
        return Agent(self.gate, self.keys[who], door).call("crm", "list", word="x")

    def write(self, policy: str) -> None:
        file = self.gate.folder / "policies" / "rows.cedar"
        fresh = file.with_suffix(".new")
        fresh.write_text(policy)
        fresh.replace(file)


@pytest.fixture(scope="module")
def crm() -> Iterator[Upstream]:
    with serving(tool("list") | {"outputSchema": OUTPUT, "inputSchema": SCHEMA}) as found:
        found.offer.odd["list"] = Odd(result=ANSWER)
        yield found


@pytest.fixture(scope="module")
def house(crm: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    rows = {"at": "/structuredContent/rows", "hide": ["ssn"]}
    tools = {"list": {"access": "read", "rows": rows}}
    folder = tmp_path_factory.mktemp("rows")
    (folder / "policies").mkdir()
    gate = Gate(
        folder,
        f"servers: {json.dumps({'crm': {'url': crm.url, 'tools': tools}})}\n"
        'roles: {clerk: ["crm.*:read"]}\n',
    )
    keys = {tenant: gate.key(tenant, "clerk", tenant=tenant) for tenant in ("acme", "globex", "initech")}  # fmt: skip
    found = House(gate, keys)
    found.write(POLICY)
    with running(gate):
        wait_until(lambda: bool(Agent(gate, keys["acme"], REST).tools()), 10)
        yield found


def ids(answer: Answer) -> list[int]:
    found = answer.json.get("result") or answer.json["output"]
    assert json.loads(answer.text) == found["structuredContent"]
    return [row["id"] for row in found["structuredContent"]["rows"]]


@pytest.mark.parametrize("door", DOORS)
def test_each_tenant_sees_its_rows_at_each_door(house: House, door: str) -> None:
    answers = {who: house.call(who, door) for who in house.keys}

    assert {who: ids(answer) for who, answer in answers.items()} == {
        "acme": [1], "globex": [2], "initech": [],
    }  # fmt: skip
    assert OTHERS.encode() not in answers["acme"].body + answers["initech"].body
    assert b"078-05-1120" not in answers["acme"].body


def test_the_schema_that_is_shown_fits_what_is_shown(house: House) -> None:
    agent = Agent(house.gate, house.keys["acme"], DOORS[-1], "/mcp/crm")
    shown = agent.ask("tools/list").json["result"]["tools"][0]["outputSchema"]
    row = shown["properties"]["rows"]["items"]

    assert set(row["properties"]) == {"id", "tenant", "name"}
    assert row["required"] == []
    assert "minItems" not in shown["properties"]["rows"]


def test_a_policy_about_rows_is_explained(house: House) -> None:
    words = ("policy", "explain", "--tool", "crm/list", "--json", "--key")
    acme = json.loads(house.gate.yett(*words, "acme"))

    assert acme["rows"] == 'those where `tenant` is "acme"'
    assert acme["row_policies"] == ["own"]
    assert '`tenant` is "globex"' in house.gate.yett(*words[:-2], "--key", "globex")


def test_a_policy_that_cannot_be_applied_is_refused_and_the_old_one_stays(house: House) -> None:
    house.write(POLICY.replace("resource.tenant ==", "resource.tenants.contains(resource.id) &&"))
    try:
        done = house.gate.run("policy", "check")
        assert done.returncode == 2
        assert "policies/rows.cedar:2" in done.stderr
        assert "cannot be applied to rows" in done.stderr
        wait_until(lambda: "cannot be applied to rows" in house.gate.printed(), 10)
        assert ids(house.call("acme")) == [1]
    finally:
        house.write(POLICY)


def test_a_changed_policy_is_in_effect_within_seconds(house: House) -> None:
    house.write(POLICY.replace("== principal.tenant", '== "globex"'))
    try:
        wait_until(lambda: ids(house.call("acme")) == [2], 5)
    finally:
        house.write(POLICY)
        wait_until(lambda: ids(house.call("acme")) == [1], 5)


def test_the_record_says_that_rows_were_kept_back(house: House) -> None:
    record = house.gate.record_of(house.call("acme"))

    assert record["policies"] == ["role/clerk/crm.*:read", "own"]
    assert record["findings"] == ["rows:hidden"]
    assert OTHERS not in json.dumps(record)


def test_a_wrong_section_is_refused_with_its_line(house: House) -> None:
    right = house.gate.config.read_text()
    house.gate.config.write_text(right.replace("/structuredContent/rows", "structuredContent.rows"))
    try:
        done = house.gate.run("check")
    finally:
        house.gate.config.write_text(right)

    assert done.returncode == 2
    assert "yett.yaml:3" in done.stderr
    assert "`structuredContent.rows` is no JSON pointer" in done.stderr
    assert house.gate.run("check").returncode == 0
