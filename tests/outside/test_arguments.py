"""Arguments by kind, seen from both sides of a gate: what reaches a server, and what a caller is told."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.needs import CORPORA, needs_corpus
from tests.outside.gate import DOORS, REST, Agent, Answer, Gate, Key, running
from tests.outside.upstream import MODERN, Upstream, serving

TEXT: Final = {"type": "string"}
PAYLOADS: Final = "argument_payloads.jsonl"
STATEMENTS: Final = "sql.jsonl"
KINDS: Final = """
servers:
  box:
    url: URL
    tools:
      read:
        arguments:
          path: {kind: path, roots: [/srv/data]}
          also: {kind: path, roots: [/srv/data]}
      fetch:
        arguments:
          url: {kind: url, hosts: ["*"], schemes: [https, http]}
          near: {kind: url, hosts: [localhost], resolve: true}
      run:
        arguments:
          command: {kind: command, programs: {git: [status, log, "[a-z0-9.-]+"]}}
          branch: {kind: pattern, pattern: "[a-z][a-z0-9-]*"}
      say: {access: read}
      rows:
        arguments:
          tenant: {kind: forced, value: principal.tenant}
          /where/owner: {kind: forced, value: principal.name}
roles: {user: ["box.*:read", "box.*:write"]}
limits: {breaker: {failures: 100000}}
"""


def tool(name: str, required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"name": name, "inputSchema": schema}


TOOLS: Final = (
    tool("read", path=TEXT, also={"type": "array", "items": TEXT}),
    tool("fetch", url=TEXT, near=TEXT),
    tool("run", command={"type": "array", "items": TEXT}, branch=TEXT),
    tool("say", text=TEXT),
    tool(
        "rows",
        ("tenant", "limit"),
        tenant={**TEXT, "x-mcp-header": "Tenant"},
        limit={"type": "integer"},
        where={"type": "object", "properties": {"owner": TEXT, "id": TEXT}, "required": ["owner"]},
    ),
)


@dataclass
class House:
    gate: Gate
    server: Upstream
    key: Key

    def agent(self, door: str = REST) -> Agent:
        return Agent(self.gate, self.key, door)

    def sent(self, name: str) -> list[dict[str, Any]]:
        """The arguments with which a tool was reached."""
        return [seen.message["params"]["arguments"] for seen in self.server.calls_of(name)]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with serving(*TOOLS) as server:
        folder = tmp_path_factory.mktemp("arguments")
        gate = Gate(folder, KINDS.replace("URL", server.url))
        key = gate.key("ada", "user", tenant="acme")
        with running(gate):
            yield House(gate, server, key)


@pytest.fixture(autouse=True)
def _forget(house: House) -> None:
    house.server.seen.clear()


def rows(name: str) -> list[dict[str, Any]]:
    with (CORPORA / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("door", DOORS)
def test_a_refusal_names_place_and_reason_at_every_door(house: House, door: str) -> None:
    answer = house.agent(door).call("box", "read", also=["a", "/etc/canary"])

    assert answer.status == (403 if door == REST else 200)
    assert door == REST or answer.code == 403
    refusal = answer.refusal
    assert (refusal["reason"], refusal["pointer"]) == ("argument_denied", "/also/1")
    assert refusal["detail"].endswith(": the value lies outside of the folders that are allowed")
    assert b"canary" not in answer.body
    assert house.gate.record_of(answer)["reason"] == "argument_denied"
    assert house.sent("read") == []


@pytest.mark.parametrize("door", DOORS)
def test_the_wrong_form_is_invalid_input_that_a_model_can_mend(house: House, door: str) -> None:
    answer = house.agent(door).call("box", "run", branch="main; id")

    assert answer.refusal["reason"] == "invalid_input"
    assert answer.refusal["pointer"] == "/branch"
    assert house.sent("run") == []


def test_what_fits_arrives_as_it_was_sent(house: House) -> None:
    arguments = {"path": "/srv/data/report.v1.2.pdf", "also": [".gitignore", "a..b/c"]}

    assert house.agent().call("box", "read", **arguments).status == 200
    assert house.sent("read") == [arguments]


def test_where_a_name_leads_is_asked_before_anything_is_sent(house: House) -> None:
    answer = house.agent().call("box", "fetch", near="https://localhost/")

    assert answer.refusal["reason"] == "argument_denied"
    assert answer.refusal["pointer"] == "/near"
    assert answer.refusal["detail"].endswith("names a host that leads to a private network")
    assert house.sent("fetch") == []


@pytest.mark.parametrize("door", DOORS)
def test_what_the_gate_sets_is_neither_shown_nor_chosen(house: House, door: str) -> None:
    agent = house.agent(door)
    if door == REST:
        shown = house.gate.request("GET", "/v1/tools", key=house.key).json["tools"]
    else:
        shown = agent.ask("tools/list").json["result"]["tools"]
    (schema,) = [item["inputSchema"] for item in shown if item["name"] == "box__rows"]
    assert list(schema["properties"]) == ["limit", "where"]
    assert schema["required"] == ["limit"]
    assert list(schema["properties"]["where"]["properties"]) == ["id"]

    answer = agent.call("box", "rows", limit=3)
    same = agent.call("box", "rows", limit=3, where={"owner": "ada", "id": "7"})
    other = agent.call("box", "rows", limit=3, tenant="globex")

    assert (answer.status, same.status) == (200, 200)
    forced = {"limit": 3, "tenant": "acme", "where": {"owner": "ada"}}
    assert house.sent("rows") == [forced, {**forced, "where": {"owner": "ada", "id": "7"}}]
    assert other.refusal["reason"] == "argument_denied"
    assert other.refusal["pointer"] == "/tenant"
    assert house.gate.record_of(answer)["input"] == forced


def test_a_mirrored_header_says_what_the_gate_has_set(house: House) -> None:
    assert house.agent(MODERN).call("box", "rows", limit=1).status == 200

    (seen,) = house.server.calls_of("rows")
    assert seen.header("mcp-param-tenant") == "acme"


@needs_corpus(PAYLOADS)
@pytest.mark.parametrize(
    ("kind", "name", "argument", "wrap"),
    [
        ("path_traversal", "read", "path", False),
        ("path_traversal", "read", "also", True),
        ("command_injection", "run", "command", True),
        ("command_injection", "run", "branch", False),
    ],
)
def test_payloads_never_reach_the_matching_kind(
    house: House, kind: str, name: str, argument: str, *, wrap: bool
) -> None:
    """Figure: 100 %. A word such as `whoami` is a fine name of a branch, and is no attack as one."""
    payloads = [row["text"] for row in rows(PAYLOADS) if row["kind"] == kind]
    assert len(payloads) > 200
    words = {text for text in payloads if argument == "branch" and text.isalpha()}
    for text in payloads:
        if text not in words:
            answer = ask(house, name, {argument: [text] if wrap else text})
            assert answer.refusal["reason"] in ("argument_denied", "invalid_input"), text
    assert len(words) < 10
    assert house.sent(name) == []


@needs_corpus(PAYLOADS)
@needs_corpus(STATEMENTS)
def test_text_of_no_kind_arrives_byte_for_byte(house: House) -> None:
    """Figure: 100 %, of every kind of payload and of injections into SQL."""
    texts = [row["text"] for row in rows(PAYLOADS)]
    texts += [row["sql"] for row in rows(STATEMENTS) if row["label"] == "injection"]
    connection = house.gate.connection()
    for text in texts:
        ask(house, "say", {"text": text}, on=connection)
    connection.close()

    assert [sent["text"] for sent in house.sent("say")] == texts


def ask(house: House, name: str, arguments: dict[str, Any], on: Any = None) -> Answer:
    body = {"tool": "box", "operation": name, "input": arguments}
    return house.gate.request("POST", "/v1/execute", body, key=house.key, on=on)


def test_a_guard_of_what_the_tool_does_not_have_is_found_before_it_guards_nothing(
    house: House, tmp_path: Path
) -> None:
    assert house.agent().call("box", "say", text="x").status == 200
    shutil.copy(house.gate.folder / "yett.lock", tmp_path)
    wrong = KINDS.replace("URL", house.server.url).replace("path: {", "pth: {")

    checked = Gate(tmp_path, wrong).run("check")

    assert checked.returncode == 2
    assert "servers.box.tools.read.arguments" in checked.stderr
    assert "the tool has no argument `/pth`" in checked.stderr
