"""Who sends what nobody has a use for is known at once, whatever it is dressed up as."""

import base64
import secrets
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.outside.gate import DOORS, REST, Agent, Gate
from tests.outside.upstream import MODERN, Upstream, serving, tool, wait_until

VALUE = "AKIA" + secrets.token_hex(8).upper() + '/"+x'
CUTTING = "pass-" + secrets.token_hex(12)
CONFIGURATION = """\
servers:
  rec: {{url: "{url}", tools: {{look: {{access: read}}, change: {{access: write}}}}}}
roles: {{reader: ["rec.*:read"]}}
"""
WIDE = {"type": "object", "properties": {"word": {"type": "string"}, "more": {"type": "object"}}}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gate, Upstream]]:
    folder: Path = tmp_path_factory.mktemp("honey")
    look = tool("look") | {"inputSchema": WIDE | {"additionalProperties": True}}
    with serving(look, tool("change", reads=False)) as rec:
        gate = Gate(folder, CONFIGURATION.format(url=rec.url))
        first = Agent(gate, gate.key("first", "reader"), REST)
        gate.yett("secret", "set", "planted", "--honeytoken", text=VALUE)
        gate.yett("secret", "set", "deadly", "--honeytoken", "--cut-key", text=CUTTING)
        gate.start()
        try:
            wait_until(lambda: len(first.tools()) == 1)
            yield gate, rec
        finally:
            gate.kill()


DRESSES = {
    "as it is": VALUE,
    "inside": f"see {VALUE}, please",
    "lower case": VALUE.lower(),
    "reversed": VALUE[::-1],
    "hex": VALUE.encode().hex(),
    "percent": quote(VALUE, safe=""),
    **{
        f"base64 at {n}": base64.b64encode(b"x" * n + VALUE.encode() + b"yy").decode()
        for n in range(6)
    },
    "base64url": base64.urlsafe_b64encode(b"key=" + VALUE.encode()).decode(),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_it_is_known_in_whatever_dress(dress: str, house: tuple[Gate, Upstream]) -> None:
    gate, rec = house
    agent = Agent(gate, gate.key("dress-" + dress.replace(" ", "-"), "reader"), REST)
    sent = len(rec.works)

    refused = agent.call("rec", "look", word="hello", more={"deep": [DRESSES[dress]]})

    assert refused.refusal["reason"] == "argument_denied"
    assert len(rec.works) == sent
    alerts = [e["details"] for e in gate.events("secret.honeytoken")]
    told = [each for each in alerts if each["id"] == refused.request_id]
    assert [(each["name"], each["alert"], each["key_cut"]) for each in told] == [
        ("planted", "high", False)
    ]
    assert not agent.call("rec", "look", word="hello").is_refusal


@pytest.mark.parametrize("door", DOORS)
def test_a_thief_is_heard_who_may_not_even_call_the_tool(
    door: str, house: tuple[Gate, Upstream]
) -> None:
    gate, _ = house
    agent = Agent(gate, gate.key(f"thief-at-{door}", "reader"), door)
    before = len(gate.events("secret.honeytoken"))
    assert agent.call("rec", "change", word=VALUE).is_refusal
    assert len(gate.events("secret.honeytoken")) == before + 1


def test_it_is_known_from_the_first_call_on_and_while_the_configuration_changes(
    house: tuple[Gate, Upstream],
) -> None:
    gate, rec = house
    agent = Agent(gate, gate.key("patient", "reader"), REST)
    gate.stop()
    gate.start()
    missed = [agent.call("rec", "look", word=VALUE)]
    for number in range(3):
        gate.configure(CONFIGURATION.format(url=rec.url) + f"# {number}\n")
        for _ in range(60):
            missed.append(agent.call("rec", "look", word=VALUE))
            agent.call("rec", "look", word="hello")  # so that failures in a row do not keep it out
            time.sleep(0.005)
    assert [answer.body for answer in missed if not answer.is_refusal] == []


def test_it_can_cost_the_key(house: tuple[Gate, Upstream]) -> None:
    gate, _ = house
    key = gate.key("doomed", "reader")
    agent = Agent(gate, key, MODERN)
    assert not agent.call("rec", "look", word="hello").is_refusal

    assert agent.call("rec", "look", word=CUTTING).is_refusal
    wait_until(lambda: agent.call("rec", "look", word="hello").status == 401)

    (told,) = [event for event in gate.events("key.revoked") if key.id in str(event["details"])]
    assert told["actor"] == "gate"


def test_one_whose_row_was_changed_hides_no_other_and_is_watched_again(
    house: tuple[Gate, Upstream],
) -> None:
    gate, _ = house
    hidden = "hidden-" + secrets.token_hex(12)
    gate.yett("secret", "set", "a-hidden-one", "--honeytoken", text=hidden)
    gate.stop()
    whole = change_row(gate, "a-hidden-one", b"x" * 60)
    gate.start()
    agent = Agent(gate, gate.key("who-changed-a-row", "reader"), REST)
    assert agent.call("rec", "look", word=VALUE).is_refusal
    assert not agent.call("rec", "look", word=hidden).is_refusal  # nobody can know it
    (told,) = gate.events("secret.unwatched")
    assert (told["details"]["name"], told["details"]["alert"]) == ("a-hidden-one", "high")
    assert hidden not in str(told)

    change_row(gate, "a-hidden-one", whole)

    wait_until(lambda: agent.call("rec", "look", word=hidden).is_refusal, 20)
    assert agent.call("rec", "look", word=VALUE).is_refusal
    assert [len(gate.events(f"secret.{name}")) for name in ("unwatched", "watched")] == [1, 1]


def change_row(gate: Gate, name: str, ciphertext: bytes) -> bytes:
    """Write what is not what was sealed into the row of a secret; return what stood there."""
    with sqlite3.connect(gate.data / "yett.db", timeout=10) as database:
        (before,) = database.execute(
            "select ciphertext from secrets where name = ?", (name,)
        ).fetchone()
        database.execute("update secrets set ciphertext = ? where name = ?", (ciphertext, name))
    database.close()
    return bytes(before)


def test_no_server_can_be_given_it(house: tuple[Gate, Upstream]) -> None:
    gate, _ = house
    told = gate.run("secret", "set", "planted", "--honeytoken", "--server", "rec", text=VALUE)
    assert told.returncode == 1
    assert "for no server" in told.stderr
    assert "none: a honeytoken" in gate.yett("secret", "list")
    assert gate.run("secret", "audit").returncode == 0


@pytest.mark.parametrize(
    "value", ["short", "ab" * 20, secrets.token_hex(150)], ids=["short", "dull", "long"]
)
def test_what_others_might_send_is_refused(value: str, house: tuple[Gate, Upstream]) -> None:
    told = house[0].run("secret", "set", "bad", "--honeytoken", text=value)
    assert told.returncode == 1
    assert "honeytoken has" in told.stderr
    assert value not in told.stderr + told.stdout
