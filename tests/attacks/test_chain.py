"""The classic chain: read what is private, read what a stranger wrote, send it out. The rule
that stops it is the one in docs/how-to/keep-private-data-inside.md, word for word."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.outside.gate import DOORS, LEGACY, REST, ROOT, Agent, Gate, Key
from tests.outside.upstream import MODERN, Odd, Upstream, serving, tool, wait_until

GUIDE = ROOT / "docs" / "how-to" / "keep-private-data-inside.md"
LETTER = "Dear Ms Lovelace, your account 4711-0815 shows a balance of 1,234.56 pounds."
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}}
CONFIGURATION = """\
servers:
  mail:
    url: {mail}
    labels: [private]
    tools: {{send: {{access: write, egress: true}}, size: {{access: read}}}}
  web:
    url: {web}
    tools: {{fetch: {{access: read, labels: [untrusted]}}}}
  notes: {{url: "{notes}"}}
roles:
  agent: ["mail.*:read", "mail.*:write", "web.*:read", "notes.*:read"]
"""


@dataclass
class House:
    gate: Gate
    mail: Upstream

    def agent(self, name: str, door: str) -> Agent:
        return Agent(self.gate, self.gate.key(name, "agent"), door)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("chain")
    policies = re.findall(r"```cedar\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (folder / "policies").mkdir()
    (folder / "policies" / "no-way-out.cedar").write_text("".join(policies))
    send = tool("send", reads=False) | {"inputSchema": TEXT}
    with (
        serving(tool("read"), send) as mail,
        serving(tool("fetch")) as web,
        serving(tool("look")) as notes,
    ):
        mail.offer.odd["read"] = Odd(text=LETTER)
        gate = Gate(folder, CONFIGURATION.format(mail=mail.url, web=web.url, notes=notes.url))
        first = gate.key("first", "agent")
        gate.start()
        try:
            wait_until(lambda: len(Agent(gate, first, REST).tools()) == 4)
            yield House(gate, mail)
        finally:
            gate.kill()


@pytest.mark.parametrize("door", DOORS)
def test_the_chain_is_stopped_at_its_last_step(door: str, house: House) -> None:
    agent = house.agent(f"chain-{door}", door)
    assert not agent.call("mail", "send", text="hello").is_refusal
    agent.call("mail", "read", word="x")
    assert not agent.call("mail", "send", text="thanks, got it").is_refusal
    agent.call("web", "fetch", word="x")
    sent = len(house.mail.calls_of("send"))

    refused = agent.call("mail", "send", text="anything at all")

    assert refused.refusal["reason"] in {"argument_denied", "unknown_tool"}
    assert len(house.mail.calls_of("send")) == sent
    record = house.gate.record_of(refused)
    assert "no-way-out" in record["private"]
    assert not agent.call("notes", "look", word="x").is_refusal


@pytest.mark.parametrize("first", DOORS)
def test_another_door_or_session_is_no_way_out(first: str, house: House) -> None:
    key = house.gate.key(f"hop-{first}", "agent")
    before = Agent(house.gate, key, first)
    before.call("mail", "read", word="x")
    before.call("web", "fetch", word="x")

    for door in DOORS:
        assert Agent(house.gate, key, door).call("mail", "send", text="out").is_refusal, door


def test_another_key_is_not_bound(house: House) -> None:
    bound = house.agent("bound", MODERN)
    bound.call("mail", "read", word="x")
    bound.call("web", "fetch", word="x")

    assert not house.agent("free", MODERN).call("mail", "send", text="hello").is_refusal


@pytest.mark.parametrize("door", [REST, LEGACY[-1]])
def test_a_copy_of_what_is_private_does_not_go_out(door: str, house: House) -> None:
    agent = house.agent(f"copy-{door}", door)
    agent.call("mail", "read", word="x")

    copied = agent.call("mail", "send", text=f"FYI: {LETTER.upper().replace(' ', '_')}")
    said = agent.call("mail", "send", text="I have read it and will answer tomorrow.")

    assert copied.refusal["reason"] == "argument_denied"
    assert "the arguments repeat private data" in copied.refusal["detail"]
    assert not said.is_refusal


def test_the_record_says_when_a_caller_was_labelled(house: House) -> None:
    key = house.gate.key("told", "agent")
    for _ in range(2):
        Agent(house.gate, key, REST).call("mail", "read", word="x")

    events = [event["details"] for event in house.gate.events("caller.labelled")]
    told = [event["labels"] for event in events if event["caller"] == key.id]
    assert told == [["private"]]


def test_a_restart_makes_nobody_forget(house: House) -> None:
    """The last test here: the gate is killed."""
    key = house.gate.key("patient", "agent")
    agent = Agent(house.gate, key, REST)
    agent.call("mail", "read", word="x")
    agent.call("web", "fetch", word="x")
    wait_until(lambda: _is_written(house.gate, key))
    house.gate.kill()
    house.gate.start()
    wait_until(lambda: not agent.call("notes", "look", word="x").is_refusal)

    assert agent.call("mail", "send", text="now").is_refusal


def _is_written(gate: Gate, key: Key) -> bool:
    with sqlite3.connect(gate.data / "yett.db") as database:
        rows = database.execute("select label from labels where principal = ?", (key.id,))
        return len(rows.fetchall()) == 2
