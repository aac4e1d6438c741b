"""`yett secret`: values go in by pipe, file or prompt, and never come out."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result

from tests.clock import HandClock
from tests.yett.cli.recorded import recorded
from tests.yett.credentials.samples import CANARY
from yett.cli.root import root
from yett.core.secret import Secret
from yett.credentials.build import open_vault
from yett.credentials.config import VaultConfig
from yett.credentials.vault import Vault
from yett.storage.build import open_database

YAML = """
servers:
  github:
    url: https://api.example/mcp/
    credential: {bearer: secret:github-token}
  db:
    command: [serve, "--dsn=pg://{secret:dsn}@db"]
    env: {TOKEN: "secret:github-token"}
"""


class Shell(NamedTuple):
    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / ".yett"

    def run(
        self, *words: str, value: str | bytes = "", code: int = 0, **environment: str
    ) -> Result:
        line = [
            "secret",
            *words,
            "--config",
            str(self.folder / "yett.yaml"),
            "--data",
            str(self.data),
        ]
        result = CliRunner().invoke(root, line, input=value, env=environment)
        assert result.exit_code == code, result.output
        assert CANARY not in result.output
        return result

    def rows(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        return [
            json.loads(line) for line in self.run(*words, "--json", code=code).stdout.splitlines()
        ]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / "yett.yaml").write_text(YAML)
    return Shell(tmp_path)


@pytest.fixture
def vault(shell: Shell) -> Iterator[Vault]:
    """What another process, such as the gate, sees."""
    database = open_database(shell.data)
    yield open_vault(VaultConfig(), data=shell.data, database=database, clock=HandClock())
    database.close()


def test_a_value_comes_from_standard_input_and_can_be_used_at_once(
    shell: Shell, vault: Vault
) -> None:
    result = shell.run("set", "github-token", "--server", "github", value=CANARY + "\n")

    assert "version" in result.stdout
    assert vault.get("github-token") == (Secret(CANARY), 1, ("github",))


def test_a_value_comes_from_a_file(shell: Shell, vault: Vault) -> None:
    (shell.folder / "value").write_bytes(b"line 1\nline 2\r\n")

    shell.run("set", "key", "--server", "db", "--from-file", str(shell.folder / "value"))

    assert vault.get("key")[0] == Secret("line 1\nline 2")


def test_a_value_is_never_taken_from_the_command_line_nor_repeated(
    shell: Shell, vault: Vault
) -> None:
    for words in (("set", "github-token", CANARY, "--server", "github"), ("rotate", "x", CANARY)):
        result = shell.run(*words, value="other", code=1)
        assert "command line" in result.output
    assert vault.names() == []


def test_a_secret_without_a_server_is_refused_with_the_line_to_write(shell: Shell) -> None:
    result = shell.run("set", "github-token", value=CANARY, code=1)

    assert "yett secret set github-token --server db --server github" in result.output
    assert "--server SERVER" in shell.run("set", "unheard-of", value=CANARY, code=1).output


@pytest.mark.parametrize("name", ["**", "../x", "A", "a b", "a/b"])
def test_a_name_that_is_none_is_refused(shell: Shell, name: str) -> None:
    assert "name" in shell.run("set", name, "--server", "github", value=CANARY, code=1).output


@pytest.mark.parametrize("value", ["", "\n", "changeme", "<your-token>", "x" * 70_000])
def test_what_is_no_value_is_refused(shell: Shell, vault: Vault, value: str) -> None:
    shell.run("set", "key", "--server", "github", value=value, code=1)
    vault.put("key", Secret("old"), servers=("github",))
    shell.run("rotate", "key", value=value, code=1)

    assert vault.get("key")[0] == Secret("old")


def test_a_server_that_is_not_configured_is_noted(shell: Shell) -> None:
    result = shell.run("set", "key", "--server", "gihtub", "--server", "db", value=CANARY)

    assert "not in the configuration (yet): gihtub" in result.output


def test_a_rotation_keeps_the_servers(shell: Shell, vault: Vault) -> None:
    shell.run("set", "key", "--server", "github", "--server", "db", value="old")
    rotated = json.loads(shell.run("rotate", "key", "--json", value=CANARY).stdout)

    assert rotated == {"name": "key", "version": 2}
    assert vault.get("key") == (Secret(CANARY), 2, ("db", "github"))


def test_what_is_not_there_is_said_so(shell: Shell) -> None:
    assert "no secret `none`" in shell.run("rotate", "none", value=CANARY, code=1).output
    assert "no secret `none`" in shell.run("remove", "none", code=1).output


def test_a_removed_secret_is_gone_and_who_needs_it_is_named(shell: Shell, vault: Vault) -> None:
    shell.run("set", "github-token", "--server", "github", value=CANARY)

    assert "refers to it for: db, github" in shell.run("remove", "github-token").output
    assert vault.names() == []


def test_a_listing_shows_names_and_no_values(shell: Shell) -> None:
    shell.run("set", "key", "--server", "github", value=CANARY)

    (row,) = shell.rows("list")

    assert row.keys() == {"name", "version", "servers", "created_at", "age_days"}
    assert (row["name"], row["servers"], row["age_days"]) == ("key", ["github"], 0)
    assert "key" in shell.run("list").stdout


def test_an_audit_finds_what_is_missing_misused_overdue_and_unused(
    shell: Shell, vault: Vault
) -> None:
    vault.put("github-token", Secret(CANARY), servers=("github",))
    vault.put("spare", Secret(CANARY), servers=("github",))

    found = {row["name"]: row["findings"] for row in shell.rows("audit", code=1)}
    assert found == {
        "dsn": ["missing"],
        "github-token": ["not for db"],
        "spare": ["unused"],
    }

    vault.put("dsn", Secret(CANARY), servers=("db",))
    vault.put("github-token", Secret(CANARY), servers=("github", "db"))
    assert {row["name"] for row in shell.rows("audit")} == {"dsn", "github-token", "spare"}


def test_an_old_secret_is_overdue(shell: Shell) -> None:
    database = open_database(shell.data)
    open_vault(VaultConfig(), data=shell.data, database=database, clock=HandClock())
    shell.run("set", "dsn", "--server", "db", value="x")
    with database.transaction() as transaction:
        transaction.execute("update secrets set created_at = created_at - 91 * 86400")
    database.close()

    row = next(row for row in shell.rows("audit", code=1) if row["name"] == "dsn")
    later = next(
        row for row in shell.rows("audit", "--max-age", "92d", code=1) if row["name"] == "dsn"
    )

    assert (row["age_days"], row["findings"]) == (91, ["overdue"])
    assert later["findings"] == []
    assert "90d" in shell.run("audit", "--max-age", "soon", code=1).output


def test_each_change_posts_an_event_that_names_who_did_it(shell: Shell) -> None:
    shell.run("set", "key", "--server", "github", value=CANARY)
    shell.run("rotate", "key", value=CANARY + "2")
    shell.run("remove", "key")
    events = recorded(shell.data)

    assert [event["event"] for event in events] == [
        "secret.stored",
        "secret.rotated",
        "secret.removed",
    ]
    assert all(str(event["actor"]).startswith("cli:") for event in events)
    assert CANARY not in str(events)


def test_a_passphrase_may_open_the_vault(shell: Shell) -> None:
    words = "correct horse battery staple"
    shell.run("set", "key", "--server", "github", value=CANARY, YETT_VAULT_PASSPHRASE=words)

    assert not (shell.data / "vault.key").exists()
    shell.run("list", YETT_VAULT_PASSPHRASE=words)
    wrong = shell.run("list", code=2, YETT_VAULT_PASSPHRASE=words + " no")
    assert words not in wrong.output


def test_a_secret_may_be_stored_before_there_is_a_configuration(shell: Shell) -> None:
    (shell.folder / "yett.yaml").unlink()
    shell.data.mkdir()

    shell.run("set", "key", "--server", "github", value=CANARY)

    assert [row["findings"] for row in shell.rows("audit")] == [["unused"]]


def test_at_a_terminal_the_value_is_asked_for_and_not_shown(shell: Shell, vault: Vault) -> None:
    terminal, theirs = pty.openpty()
    line = ["secret", "set", "key", "--server", "github", "--data", str(shell.data)]
    with subprocess.Popen(
        [sys.executable, "-c", "from yett.cli import main; main()", *line],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=shell.folder, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        while b"Value" not in shown:
            shown += os.read(terminal, 1024)
        os.write(terminal, CANARY.encode() + b"\n")
        try:
            while more := os.read(terminal, 1024):
                shown += more
        except OSError:  # the other end was closed
            pass
        assert process.wait(10) == 0, shown
    os.close(terminal)

    assert CANARY.encode() not in shown
    assert vault.get("key")[0] == Secret(CANARY)
