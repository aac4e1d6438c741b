"""Policies tried on what was recorded, and beside what happens, at a real gate."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.outside.gate import REST, Agent, Gate
from tests.outside.upstream import serving, tool, wait_until

CONFIGURATION = """\
servers:
  rec:
    url: {url}
    tools: {{look: {{access: read}}, change: {{access: write}}}}
roles:
  reader: ["rec.*:read"]
  writer: ["rec.*:read", "rec.change:write"]
"""
CLOSED = """
@id("no-moon")
forbid(principal, action, resource == Tool::"rec/look")
when { context.arguments has word && context.arguments.word == "moon" };

@id("no-change")
forbid(principal, action == Action::"write", resource);
"""
OPEN = """
@id("anybody-writes")
permit(principal, action == Action::"write", resource in Server::"rec");
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    folder: Path = tmp_path_factory.mktemp("trials")
    with serving(tool("look"), tool("change", reads=False)) as rec:
        made = Gate(folder, CONFIGURATION.format(url=rec.url))
        reader = Agent(made, made.key("reader", "reader"), REST)
        writer = Agent(made, made.key("writer", "writer"), REST)
        made.start()
        try:
            wait_until(lambda: len(writer.tools()) == 2)
            for word in ("sun", "moon", "moon"):
                assert not reader.call("rec", "look", word=word).is_refusal
            assert reader.call("rec", "change", word="x").is_refusal
            assert not writer.call("rec", "change", word="x").is_refusal
            yield made
        finally:
            made.kill()


def rows(gate: Gate, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gate.yett("policy", *words, "--json").splitlines()]


def test_replay_lists_what_would_newly_be_denied(gate: Gate) -> None:
    file = gate.folder / "closed.cedar"
    file.write_text(CLOSED)
    found = rows(gate, "replay", str(file), "--since", "1h")

    brief = {(row["change"], row["caller"], row["tool"], *row["policies"]): row for row in found}
    assert brief.keys() == {
        ("denied", "reader", "rec/look", "no-moon"),
        ("denied", "writer", "rec/change", "no-change"),
    }
    moon = brief["denied", "reader", "rec/look", "no-moon"]
    assert (moon["calls"], moon["sure"], moon["after"]) == (2, True, "argument_denied")
    assert gate.records("--id", moon["example"])


def test_replay_lists_what_would_newly_be_allowed(gate: Gate) -> None:
    folder = gate.folder / "open"
    folder.mkdir()
    (folder / "open.cedar").write_text(OPEN)
    found = rows(gate, "replay", str(folder), "--since", "30d")

    assert [(row["change"], row["caller"], row["tool"]) for row in found] == [
        ("allowed", "reader", "rec/change")
    ]


def test_replay_of_another_configuration_and_of_none(gate: Gate) -> None:
    other = gate.folder / "other.yaml"
    other.write_text(gate.config.read_text().replace('"rec.change:write"', '"rec.look:write"'))

    found = rows(gate, "replay", str(other))
    assert [(row["change"], row["caller"], row["after"]) for row in found] == [
        ("denied", "writer", "not_permitted")
    ]
    assert "nothing would be decided otherwise" in gate.yett("policy", "replay", str(gate.config))


def test_the_least_grant_is_what_was_used(gate: Gate) -> None:
    (found,) = rows(gate, "suggest", "--key", "writer")

    assert found["grants"] == ["rec.change:write"]
    assert found["unused"] == ["rec.*:read"]
    assert 'writer-least: ["rec.change:write"]' in gate.yett("policy", "suggest", "--key", "writer")


def test_what_was_refused_is_no_use(gate: Gate) -> None:
    """A refusal names the policies that forbade it; that is not what the key needs."""
    agent = Agent(gate, gate.key("Ann.Lee@example", "writer"), REST)
    wait_until(lambda: not agent.call("rec", "look", word="sun").is_refusal)
    policies = gate.folder / "policies"
    policies.mkdir()
    (policies / "closed.cedar").write_text(CLOSED)
    wait_until(lambda: agent.call("rec", "change", word="x").is_refusal)
    (policies / "closed.cedar").unlink()
    wait_until(lambda: gate.records("--key", "Ann.Lee@example", "--decision", "denied"))

    (found,) = rows(gate, "suggest", "--key", "Ann.Lee@example")
    refused = gate.records("--key", "Ann.Lee@example", "--decision", "denied")
    assert refused[0]["policies"] == ["no-change"]
    allowed = gate.records("--key", "Ann.Lee@example", "--decision", "allowed")
    assert sum(found["calls"].values()) == len([r for r in allowed if r["method"] == "tools/call"])
    assert found["role"] == "ann-lee-example-least"


def test_a_shadow_records_what_it_would_have_done_and_does_nothing(gate: Gate) -> None:
    agent = Agent(gate, gate.key("watched", "writer"), REST)
    wait_until(lambda: not agent.call("rec", "look", word="sun").is_refusal)
    file = gate.folder / "closed.cedar"
    file.write_text(CLOSED)
    before = len(gate.events("configuration.reloaded"))
    gate.yett("policy", "shadow", str(file))
    wait_until(lambda: len(gate.events("configuration.reloaded")) > before)

    for _ in range(3):
        assert not agent.call("rec", "change", word="x").is_refusal
    assert not agent.call("rec", "look", word="moon").is_refusal
    assert not agent.call("rec", "look", word="sun").is_refusal

    wait_until(lambda: len(rows(gate, "shadow")) == 2, seconds=20)
    found = {row["tool"]: row for row in rows(gate, "shadow")}
    assert (found["rec/change"]["calls"], found["rec/change"]["would"]) == (3, "not_permitted")
    assert found["rec/look"]["policies"] == ["no-moon"]
    assert found["rec/look"]["caller"] == "watched"

    before = len(gate.events("configuration.reloaded"))
    gate.yett("policy", "shadow", "--stop")
    wait_until(lambda: len(gate.events("configuration.reloaded")) > before)
    assert gate.run("policy", "shadow").returncode == 1
