"""`yett policy`, from outside: what it prints, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from yett.catalogue.definitions import digest_of
from yett.catalogue.lock import Lock, Pin, encode_lock, with_pins
from yett.cli.root import root
from yett.core.operations import Kind
from yett.core.target import Access

CONFIGURATION = """
servers:
  github:
    url: http://127.0.0.1:9/mcp
    tools:
      search: {access: read}
      create: {access: write}
roles:
  reader: ["github.*:read"]
  maker: ["github.create:write", "github.create:write"]
"""
POLICIES = """
@id("small") @shown("One word only")
forbid(principal, action, resource == Tool::"github/create")
when { context.arguments has title && context.arguments.title like "* *" };
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "yett.yaml").write_text(CONFIGURATION)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.cedar").write_text(POLICIES)
    return tmp_path


def run(place: Path, *arguments: str, given: str | None = None) -> Result:
    where = ["--config", str(place / "yett.yaml"), "--data", str(place / "data")]
    return CliRunner().invoke(root, [*arguments, *where], input=given)


def answer(place: Path, *arguments: str, given: str | None = None) -> dict[str, Any]:
    result = run(place, *arguments, "--json", given=given)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_check_counts_and_notes(place: Path) -> None:
    found = answer(place, "policy", "check")

    assert (found["ok"], found["roles"], found["files"], found["policies"]) == (True, 2, 1, 3)
    assert found["warnings"] == []
    assert found["notes"] == [
        "roles: `maker` has `github.create:write` twice",
        "policies: of `github` nothing is approved yet, so what policies read of its arguments is not checked",
    ]
    assert "note: roles: `maker`" in run(place, "policy", "check").output


def approve(place: Path, name: str, properties: dict[str, Any], access: Access = "write") -> None:
    """Put a tool of github into the lock."""
    definition = {"name": name, "inputSchema": {"type": "object", "properties": properties}}
    pin = Pin(
        digest=digest_of("github", definition),
        access=access,
        access_from="operator",
        approved_by="test",
        approved_at="2026-11-22T00:00:00Z",
        definition=definition,
    )
    (place / "yett.lock").write_bytes(
        encode_lock(with_pins(Lock(), "github", Kind.TOOL, {name: pin}))
    )


def test_check_finds_what_a_tool_does_not_have(place: Path) -> None:
    approve(place, "create", {"titel": {"type": "string"}})

    found = answer(place, "policy", "check")
    assert not found["ok"]
    (warning,) = found["warnings"]
    assert warning.startswith("policies/a.cedar:2: `small` reads `context.arguments.title`, which")
    assert "did you mean `titel`?" in warning
    assert f"warning: {warning}" in run(place, "policy", "check").output
    assert run(place, "policy", "check").exit_code == 0
    assert run(place, "policy", "check", "--strict").exit_code == 1


def test_check_is_content_with_what_a_tool_has(place: Path) -> None:
    approve(place, "create", {"title": {"type": "string"}})

    assert answer(place, "policy", "check", "--strict")["warnings"] == []


def test_show_prints_what_policies_may_speak_of_and_what_each_tool_takes(place: Path) -> None:
    approve(place, "create", {"title": {"type": "string"}})

    whole = run(place, "policy", "show", "--schema").output
    assert '// Tool::"github/create", write' in whole
    assert "type arguments_of_github_create = { title?: String };" in whole
    alone = run(place, "policy", "show", "--schema", "--tool", "github/create").output
    assert "arguments: { title?: String }," in alone
    assert "github" not in run(place, "policy", "show", "--schema", "--server", "other").output
    assert run(place, "policy", "show", "--schema", "--tool", "github/crate").exit_code == 1


def test_check_names_file_and_line_and_ends_with_2(place: Path) -> None:
    (place / "policies" / "b.cedar").write_text("\npermit(principal, action);")
    result = run(place, "policy", "check")

    assert result.exit_code == 2
    assert "policies/b.cedar:2" in result.output


def test_a_folder_that_was_named_and_is_not_there_is_refused(place: Path) -> None:
    """A mistyped folder must not open what its forbids close."""
    (place / "yett.yaml").write_text(f"{CONFIGURATION}policies: polices\n")
    result = run(place, "policy", "check")

    assert result.exit_code == 2
    assert (
        f"yett.yaml:{CONFIGURATION.count(chr(10)) + 1}: `policies`: there is no folder"
        in result.output
    )


def test_a_policy_file_that_everybody_may_write_is_refused(place: Path) -> None:
    (place / "policies" / "a.cedar").chmod(0o666)
    result = run(place, "policy", "check")

    assert result.exit_code == 2
    assert "everybody may write" in result.output


def test_show_prints_the_whole_set_as_cedar(place: Path) -> None:
    text = run(place, "policy", "show").output

    assert '@id("role/reader/github.*:read")' in text
    assert 'resource in Server::"github");' in text
    assert "// policies/a.cedar" in text
    rows = [json.loads(line) for line in run(place, "policy", "show", "--json").output.splitlines()]
    assert [row["id"] for row in rows][-1] == "small"


def test_show_can_print_the_schema(place: Path) -> None:
    assert "entity Key" in run(place, "policy", "show", "--schema").output
    assert "entity Key" in answer(place, "policy", "show", "--schema")["schema"]


def test_explain_says_which_policy_permits(place: Path) -> None:
    found = answer(place, "policy", "explain", "--role", "reader", "--tool", "github/search")

    assert found["decision"] == "permitted"
    assert found["policies"] == ["role/reader/github.*:read"]
    assert found["where"] == ["roles"]


def test_explain_proposes_the_smallest_grant(place: Path) -> None:
    found = answer(place, "policy", "explain", "--role", "reader", "--tool", "github/create")

    assert (found["decision"], found["reason"]) == ("denied", "not_permitted")
    assert found["grant"] == "reader: github.create:write"


def test_explain_judges_the_input(place: Path) -> None:
    asked = ["policy", "explain", "--role", "maker", "--tool", "github/create", "--input"]
    (place / "input.json").write_text('{"title": "two words"}\n')
    found = answer(place, *asked, str(place / "input.json"))

    assert (found["reason"], found["shown"]) == ("argument_denied", "One word only")
    assert (found["where"], found["grant"]) == (["policies/a.cedar:2"], None)
    assert answer(place, *asked, "-", given='{"title": "one"}')["decision"] == "permitted"


def test_explain_takes_a_key_by_name_and_says_that_it_is_revoked(place: Path) -> None:
    run(place, "key", "create", "laptop", "--role", "reader")
    asked = ["policy", "explain", "--key", "laptop", "--tool", "github/search"]

    assert answer(place, *asked)["key"] == "laptop"
    run(place, "key", "revoke", "laptop")
    assert "revoked" in run(place, *asked).output


def test_explain_takes_the_class_from_the_lock(place: Path) -> None:
    definition = {"name": "list"}
    pin = {
        "digest": digest_of("github", definition), "access": "read", "access_from": "operator", "approved_by": "x",
        "approved_at": "2026-01-01T00:00:00Z", "definition": definition, "quarantined": True,
    }  # fmt: skip
    lock = {"servers": {"github": {"tools": {"list": pin}}}, "version": 1}
    (place / "yett.lock").write_text(json.dumps(lock))
    found = answer(place, "policy", "explain", "--role", "reader", "--tool", "github/list")

    assert (found["access"], found["reason"]) == ("read", "tool_quarantined")

    definition["name"] = "edited by hand"
    (place / "yett.lock").write_text(json.dumps(lock))
    refused = run(place, "policy", "explain", "--role", "reader", "--tool", "github/list")

    assert refused.exit_code == 2
    assert "the lock is damaged" in refused.output


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--tool", "github/search"], "either --key NAME or --role ROLE"),
        (["--role", "a", "--key", "b", "--tool", "github/search"], "either --key NAME"),
        (["--role", "reader", "--tool", "search"], "SERVER/TOOL"),
        (["--role", "reader", "--tool", "git/search"], "no server `git`"),
        (["--role", "reader", "--tool", "github/unknown"], "yett tool approve github unknown"),
        (["--key", "nobody", "--tool", "github/search"], "nobody"),
        (
            ["--role", "reader", "--tool", "github/search", "--input", "-"],
            "cannot be the arguments",
        ),
    ],
)
def test_explain_says_what_it_needs(place: Path, arguments: list[str], what: str) -> None:
    for given in ("[]", "{"):
        result = run(place, "policy", "explain", *arguments, given=given)
        assert result.exit_code == 1
        assert what in result.output
