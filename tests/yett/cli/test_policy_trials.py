"""`yett policy test|replay|suggest|shadow`, from outside."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from yett.cli.root import root

CONFIGURATION = """
servers:
  notes:
    url: http://127.0.0.1:9/mcp
    tools:
      read: {access: read}
      write: {access: write}
      send: {access: write, egress: true}
roles:
  reader: ["notes.*:read"]
  writer: ["notes.*:read", "notes.*:write"]
"""
POLICIES = """
@id("no-out") @shown("not after that")
forbid(principal, action, resource is Tool)
when { resource.egress && context.session.touched.contains("private") };

@id("short")
forbid(principal, action == Action::"write", resource == Tool::"notes/write")
when { context.arguments has text && context.arguments.text like "* *" };

@id("asleep")
forbid(principal, action == Action::"write", resource == Tool::"notes/write")
when { context.hour < 6 };
"""
CASES = """
cases:
- name: readers read
  roles: [reader]
  tool: notes/read
  expect: permitted
  by: ["role/reader/notes.*:read"]
- name: readers do not write
  roles: [reader]
  tool: notes/write
  expect: not_permitted
- name: one word only
  roles: [writer]
  tool: notes/write
  input: {text: two words}
  at: "2026-11-22T13:00Z"
  expect: argument_denied
  by: [short]
- name: not at night
  roles: [writer]
  tool: notes/write
  input: {text: one}
  at: "2026-11-22T03:00Z"
  expect: denied
- name: by day
  roles: [writer]
  tool: notes/write
  input: {text: one}
  at: "2026-11-22T13:00Z"
  expect: permitted
- name: out
  roles: [writer]
  tool: notes/send
  expect: permitted
- name: not out after that
  roles: [writer]
  tool: notes/send
  seen: [private]
  expect: denied
  by: [no-out]
- name: out again, by who has not seen it
  roles: [writer]
  tool: notes/send
  expect: permitted
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "yett.yaml").write_text(CONFIGURATION)
    (tmp_path / "policies" / "tests").mkdir(parents=True)
    (tmp_path / "policies" / "a.cedar").write_text(POLICIES)
    (tmp_path / "policies" / "tests" / "cases.yaml").write_text(CASES)
    return tmp_path


def run(place: Path, *words: str) -> Result:
    where = ["--config", str(place / "yett.yaml"), "--data", str(place / "data")]
    return CliRunner().invoke(root, ["policy", *words, *where])


def rows(place: Path, *words: str, code: int = 0) -> list[dict[str, Any]]:
    result = run(place, *words, "--json")
    assert result.exit_code == code, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_cases_that_hold_are_counted(place: Path) -> None:
    result = run(place, "test")

    assert result.exit_code == 0, result.output
    assert "8 of 8 cases are decided as they must be" in result.output


def test_a_case_that_does_not_hold_is_told_and_ends_with_1(place: Path) -> None:
    file = place / "wrong.yaml"
    file.write_text(CASES.replace("expect: not_permitted", "expect: permitted", 1))
    result = run(place, "test", str(file))

    assert result.exit_code == 1
    assert "readers do not write: expected permitted, got not_permitted" in result.output
    found = rows(place, "test", str(file), code=1)
    assert [row["case"] for row in found if not row["ok"]] == ["readers do not write"]


def test_the_policy_that_decides_can_be_demanded(place: Path) -> None:
    file = place / "wrong.yaml"
    file.write_text(CASES.replace("by: [short]", "by: [asleep]"))
    assert "expected by `asleep`, decided by `short`" in run(place, "test", str(file)).output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cases: [{name: x}]", "missing required field"),
        ("cases: [{name: x, tool: notes/read, expect: maybe, roles: [reader]}]", "Invalid enum"),
        ("cases: [{name: x, tool: notes/read, expect: denied, colour: red}]", "colour"),
        (
            "cases: [{name: x, tool: gone/read, expect: denied, roles: [reader]}]",
            "odd.yaml: x: The configuration has no server `gone`",
        ),
        ("cases: [{name: x, tool: notes/read, expect: denied}]", "either --key NAME or --role"),
        (
            "cases: [{name: x, tool: notes/read, expect: denied, roles: [a], at: soon}]",
            "`soon` is no time",
        ),
        ("cases: x: y", "mapping values"),
    ],
)
def test_a_case_that_cannot_be_run_is_no_success(place: Path, text: str, told: str) -> None:
    file = place / "odd.yaml"
    file.write_text(text)
    result = run(place, "test", str(file))

    assert result.exit_code in {1, 2}
    assert told in result.output


def test_without_cases_there_is_no_success(place: Path) -> None:
    (place / "policies" / "tests" / "cases.yaml").unlink()
    result = run(place, "test")

    assert result.exit_code == 1
    assert "There are no cases" in result.output


def test_the_examples_of_detectors_are_tried_as_well(place: Path) -> None:
    detector = """
detectors:
  ticket: {kind: secrets, pattern: "ACME-[0-9]{6}", matches: ["see ACME-123456"], passes: ["ACME-12"]}
"""
    file = place / "yett.yaml"
    file.write_text(CONFIGURATION + detector)
    assert "all 2 examples of detectors" in run(place, "test").output

    file.write_text(CONFIGURATION + detector.replace('ACME-12"]', 'ACME-654321"]'))
    refused = run(place, "test")
    assert refused.exit_code == 2
    assert "ticket" in refused.output


def test_what_cannot_be_used_is_not_tried(place: Path) -> None:
    file = place / "new.cedar"
    file.write_text("permit(principal, action);")

    assert run(place, "shadow", str(file)).exit_code == 2
    assert "No policy is being tried" in run(place, "shadow").output
    assert run(place, "shadow", "--stop").exit_code == 1


def test_suggest_needs_a_key_that_is_there(place: Path) -> None:
    assert run(place, "suggest", "--key", "nobody").exit_code == 1
