"""`yett key`: the secret is shown once, and everything else can be looked up."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.yett.cli.recorded import recorded
from tests.yett.cli.shell import Shell
from yett.authentication.keys import parse_key
from yett.cli.root import root
from yett.cli.snippets import snippets
from yett.limits.backends.journal_file import open_ledger, read_balances
from yett.limits.demand import AccountDemand

YAML = """
listen: 0.0.0.0:9999
tls: {development_ca: true}
servers: {time: {command: [mcp-server-time]}}
roles:
  reader: ["time.*:read"]
  writer: ["time.*:write"]
authentication: {key_lifetime: 30d}
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, YAML, command="key", about="name")


def test_a_created_key_is_printed_with_exactly_what_scripts_rely_on(shell: Shell) -> None:
    (record,) = shell.rows("create", "laptop", "--role", "writer", "--role", "reader")
    assert list(record) == ["id", "key", "name", "roles", "tenant", "environment", "expires_at"]
    assert record["roles"] == ["reader", "writer"]
    assert (record["name"], record["tenant"]) == ("laptop", "default")
    assert record["environment"] == "live"
    parsed = parse_key(record["key"].encode())
    assert parsed is not None
    assert parsed.id == record["id"]
    expires = datetime.fromisoformat(record["expires_at"])
    assert 29.9 < (expires - datetime.now(UTC)).total_seconds() / 86400 < 30.1
    assert shell.events() == ["key.created laptop"]


def test_the_secret_appears_there_and_nowhere_else(shell: Shell) -> None:
    (record,) = shell.rows("create", "laptop", "--role", "reader")
    secret = record["key"].rsplit("_", 1)[1]
    (listed,) = shell.rows("list")
    (one,) = shell.rows("show", "laptop")
    assert listed == one
    assert "key" not in listed
    for text in (str(listed), shell.run("list").output, shell.run("show", record["id"]).output):
        assert secret not in text
    files = [file for file in (shell.folder / ".yett").rglob("*") if file.is_file()]
    kept = b"".join(file.read_bytes() for file in files)
    assert secret.encode() not in kept


def test_for_a_person_the_snippets_come_with_it(shell: Shell) -> None:
    output = shell.run("create", "laptop", "--role", "reader").output
    keys = set(re.findall(r"yett_live_\w+", output))
    assert len(keys) == 1
    for expected in (
        "claude mcp add --transport http yett https://127.0.0.1:9999/mcp",
        "curl https://127.0.0.1:9999/v1/tools",
        '"mcpServers"',
        '"servers"',
    ):
        assert expected in output


def test_tenant_environment_and_expiry_can_be_chosen(shell: Shell) -> None:
    (record,) = shell.rows(
        *("create", "ci", "--role", "reader", "--tenant", "acme"),
        *("--environment", "test", "--expires", "1h"),
    )
    assert (record["tenant"], record["environment"]) == ("acme", "test")
    assert record["key"].startswith("yett_test_")
    (row,) = shell.rows("list")
    assert row["state"] == "active"


def test_a_role_that_is_not_defined_is_refused_with_those_that_are(shell: Shell) -> None:
    result = shell.run("create", "laptop", "--role", "reader", "--role", "root", code=1)
    assert "no role `root`. There are: reader, writer" in result.output
    assert shell.rows("list") == []


@pytest.mark.parametrize("expires", ["soon", "0s", "9999d", "-1d"])
def test_an_expiry_that_would_not_do_is_refused(shell: Shell, expires: str) -> None:
    words = ("create", "laptop", "--role", "reader", f"--expires={expires}")
    assert "such as" in shell.run(*words, code=1).output


def test_a_key_needs_a_role(shell: Shell) -> None:
    result = CliRunner().invoke(root, ["key", "create", "laptop"])
    assert result.exit_code == 2
    assert "--role" in result.output


def test_rotate_shows_a_new_secret_of_the_same_key(shell: Shell) -> None:
    (old,) = shell.rows("create", "laptop", "--role", "reader")
    (new,) = shell.rows("rotate", "laptop", "--overlap", "1h")
    assert new["id"] == old["id"]
    assert new["key"] != old["key"]
    (row,) = shell.rows("show", old["id"])
    assert row["old_secret_until"] is not None
    shell.rows("rotate", "laptop", "--overlap", "0s")
    assert shell.rows("show", old["id"])[0]["old_secret_until"] is None
    assert shell.events() == ["key.created laptop", "key.rotated laptop", "key.rotated laptop"]


def test_revoked_keys_are_listed_on_request_only(shell: Shell) -> None:
    shell.rows("create", "laptop", "--role", "reader")
    (revoked,) = shell.rows("revoke", "laptop")
    assert revoked["state"] == "revoked"
    assert shell.rows("list") == []
    assert len(shell.rows("list", "--all")) == 1
    assert "yett key list" in shell.run("revoke", "nobody", code=1).output


def test_expired_keys_are_shown_as_such(shell: Shell) -> None:
    shell.rows("create", "laptop", "--role", "reader", "--expires", "1ms")
    assert shell.rows("list")[0]["state"] == "expired"


def test_the_clock_can_be_accepted(shell: Shell) -> None:
    assert "taken for right" in shell.run("clock", "--accept").output


def test_budgets_follow_an_accepted_clock_unless_a_gate_holds_them(shell: Shell) -> None:
    directory = shell.folder / ".yett" / "ledger"
    shell.run("list")
    ahead = datetime.now(UTC).timestamp() + 40 * 86_400
    ledger = open_ledger(directory)
    ledger.purse([AccountDemand("USD key a")], "server/tool").reserve("call-1", 5, ahead)
    ledger.keep("call-1")
    told = shell.run("clock", "--accept", code=1).output
    ledger.close()

    assert "Stop the gate" in told
    assert read_balances(directory).is_ahead_of(ahead - 86_400)
    assert "taken for right" in shell.run("clock", "--accept").output
    assert not read_balances(directory).is_ahead_of(datetime.now(UTC).timestamp())
    (event,) = recorded(shell.folder / ".yett")
    assert (event["event"], event["of"]) == ("clock.accepted", "ledger")


def test_snippets_take_the_address_with_or_without_the_path() -> None:
    assert snippets("http://127.0.0.1:8080/mcp/", "k") == snippets("http://127.0.0.1:8080", "k")
    for text in snippets("http://127.0.0.1:8080", "the-key").values():
        assert "the-key" in text
