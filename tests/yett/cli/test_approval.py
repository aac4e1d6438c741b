"""`yett approval`: looking at what waits, answering as this machine's operator and as a named approver."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.yett.authorization.approval.asking import ONE, TWO, validated
from tests.yett.cli.recorded import recorded
from yett.authorization.approval.desk import ApprovalDesk
from yett.cli.root import root
from yett.core.clock import SystemClock
from yett.core.errors import Denied
from yett.core.proofs import Agreement, Ask
from yett.core.seal import KEY_BYTES, Sealer
from yett.storage.build import open_database


class Shell:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "yett.yaml").write_text("servers: {}\n")
        self.database = open_database(folder / ".yett")
        self.desk = ApprovalDesk(
            self.database, SystemClock(), bytes, Sealer(bytes(KEY_BYTES), SystemClock())
        )

    def asked(self, ask: Ask = ONE, **arguments: Any) -> str:
        with pytest.raises(Denied) as caught:
            self.settle(ask, **arguments)
        return str(caught.value.approval)

    def settle(self, ask: Ask = ONE, **arguments: Any) -> Agreement:
        return asyncio.run(self.desk.settle(validated(arguments), ask))

    def run(self, *words: str, code: int = 0, text: str | None = None, secret: str = "") -> Result:
        line = ["approval", *words, "--config", str(self.folder / "yett.yaml")]
        result = CliRunner(env={"YETT_APPROVER_SECRET": secret}).invoke(root, line, input=text)
        assert result.exit_code == code, result.output
        return result

    def row(self, *words: str, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*words, "--json", **more).stdout)
        return found

    def approver(self, name: str) -> str:
        return str(self.row("approver", "add", name)["secret"])


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    found = Shell(tmp_path)
    yield found
    found.database.close()


def test_nothing_waits(shell: Shell) -> None:
    assert "nothing waits for a person" in shell.run("list").output
    assert shell.run("list", "--json").stdout == ""
    assert "approval list --all" in shell.run("show", "apr_none", code=1).output


def test_what_waits_is_listed_shown_whole_and_agreed_to(shell: Shell) -> None:
    identifier = shell.asked(path="/tmp/" + "x" * 80)
    listed = shell.run("list").output
    assert (identifier in listed, "github/search" in listed, "0 of 1" in listed) == (
        True,
        True,
        True,
    )
    assert "x" * 80 not in listed
    shown = shell.run("show", identifier).output
    assert "x" * 80 in shown
    assert "ONLY THE BEGINNING" not in shown

    row = shell.row("approve", identifier, "--reason", "looks right")
    assert (row["state"], row["answers"][0]["reason"]) == ("approved", "looks right")
    agreement = shell.settle(path="/tmp/" + "x" * 80)
    assert agreement.approvers[0].startswith("cli:")


def test_what_is_too_long_to_be_shown_says_so(shell: Shell) -> None:
    shown = shell.run("show", shell.asked(text="y" * 20_000)).output
    assert "THIS IS ONLY THE BEGINNING of 20011 bytes" in shown


def test_what_a_caller_wrote_does_nothing_to_the_terminal(shell: Shell) -> None:
    shown = shell.run("show", shell.asked(text="a\x1b[2Jb\u202ec")).output
    assert not {"\x1b", "\u202e"} & set(shown)


def test_a_no_is_listed_until_it_is_over(shell: Shell) -> None:
    identifier = shell.asked()
    assert shell.row("deny", identifier, "--reason", "never")["state"] == "denied"
    assert shell.row("list")["state"] == "denied"
    assert "denied" in shell.run("approve", identifier, code=1).output


def test_a_named_approver_shows_its_secret_by_variable_file_or_input(shell: Shell) -> None:
    bo, cy, di = map(shell.approver, ("bo", "cy", "di"))
    file = shell.folder / "secret"
    file.write_text(f"{cy}\n")
    three = Ask(("careful",), people=3)
    identifier = shell.asked(three)

    assert shell.row("approve", identifier, "--as", "bo", secret=bo)["state"] == "pending"
    row = shell.row("approve", identifier, "--as", "cy", "--secret-file", str(file))
    assert row["state"] == "pending"
    assert shell.row("approve", identifier, "--as", "di", text=f"{di}\n")["state"] == "approved"
    assert shell.settle(three).approvers == ("bo", "cy", "di")


def test_nobody_answers_for_another(shell: Shell) -> None:
    bo = shell.approver("bo")
    shell.approver("cy")
    identifier = shell.asked(TWO)
    for name, secret in (("cy", bo), ("bo", bo[:-1]), ("bo", ""), ("nobody", bo)):
        failed = shell.run("approve", identifier, "--as", name, code=1, secret=secret)
        assert "not the secret of an approver" in failed.output
        assert bo not in failed.output
    assert "2 different people" in shell.run("approve", identifier, code=1).output
    assert shell.row("show", identifier)["answers"] == []
    assert "--as" in shell.run("approve", identifier, "--secret-file", __file__, code=2).output


def test_a_secret_is_shown_once_and_never_taken_from_the_command_line(shell: Shell) -> None:
    made = shell.run("approver", "add", "bo").output
    assert "yett_approver_" in made
    assert "shown this once" in made
    assert "yett_approver_" not in shell.run("approver", "list").output
    assert "There is an approver" in shell.run("approver", "add", "bo", code=1).output
    shell.run("approve", "apr_1", "--secret", "x", code=2)

    shell.run("approver", "remove", "bo")
    assert (
        "See `yett approval approver list`" in shell.run("approver", "remove", "bo", code=1).output
    )
    assert shell.row("approver", "list")["removed_at"] is not None


def test_breaking_the_glass_wants_a_reason_and_is_recorded_as_an_alert(shell: Shell) -> None:
    identifier = shell.asked(TWO)
    assert "--reason" in shell.run("approve", identifier, "--break-glass", code=1).output
    shell.row("approve", identifier, "--break-glass", "--reason", "the house burns")

    events = recorded(shell.folder / ".yett")
    assert [(event["event"], event.get("alert")) for event in events] == [
        ("approval.requested", "low"),
        ("approval.break_glass", "high"),
    ]
    assert events[1]["reason"] == "the house burns"
