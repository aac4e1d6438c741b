"""`yett audit verify|prove|checkpoint|key` as an operator uses them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.yett.audit.scene import append, open_log
from yett.audit.private import open_digest
from yett.audit.proof import standalone
from yett.audit.proof.keys import KEYS_NAME
from yett.audit.proof.note import COSIGNATURE, VerifierKey
from yett.cli.root import root

MEMBERS = '"at":"2026-11-22T13:00:00.000000Z","kind":"own","id":"r-1"'


class Shell:
    def __init__(self, folder: Path, configuration: str = "") -> None:
        self.folder = folder
        self.data = folder / ".yett"
        self.directory = self.data / "audit"
        (folder / "yett.yaml").write_text(f"mode: development\n{configuration}")
        (folder / "yett.yaml").chmod(0o600)

    def run(self, *words: str) -> tuple[int, str, str]:
        place = ["--config", str(self.folder / "yett.yaml"), "--data", str(self.data)]
        done = CliRunner().invoke(root, ["audit", *words, *place])
        return done.exit_code, done.stdout, done.stderr

    def good(self, *words: str) -> str:
        code, out, err = self.run(*words)
        assert code == 0, out + err
        return out

    def write(self, lines: int) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        with open_log(self.directory) as log:
            for _ in range(lines):
                append(log, MEMBERS)


@pytest.fixture(name="shell")
def _shell(tmp_path: Path) -> Shell:
    found = Shell(tmp_path, "audit: {checkpoints: {to: [{directory: elsewhere}]}}\n")
    (tmp_path / "elsewhere").mkdir()
    found.write(10)
    return found


def test_the_whole_way_from_the_key_to_the_proof(shell: Shell) -> None:
    assert "no checkpoint to compare with" in shell.good("verify")
    key = shell.good("key").strip()
    note = shell.good("checkpoint")
    assert note.splitlines()[:2] == [key.partition("+")[0], "13"]
    assert list((shell.folder / "elsewhere").glob("checkpoints-*.txt"))
    assert "2 checkpoints agree, the newest up to 13" in shell.good("verify")
    proof = shell.folder / "r.tlog-proof"
    shell.good("prove", "r-1", "--output", str(proof))
    assert (
        standalone.check_proof(proof.read_text(), standalone.read_key(key)).count("ok record") == 10
    )
    assert shell.run("prove", "r-1", "--output", str(proof))[0] == 1  # it exists
    assert json.loads(shell.good("prove", "5", "--json"))["proof"].startswith(
        "c2sp.org/tlog-proof@v1"
    )
    found = json.loads(shell.good("prove", "--consistency", "5", "13"))
    assert (found["old"]["size"], found["new"]["size"]) == (5, 13)
    assert shell.good("checkpoint", "--json")


def test_a_rollback_is_said_with_exit_code_1_and_where(shell: Shell) -> None:
    shell.good("checkpoint")
    [path] = shell.directory.glob("segment-*")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))
    (shell.directory / "head").unlink()

    code, out, _ = shell.run("verify")

    assert code == 1
    assert out.startswith("broken: record 11: checkpoint: ")
    assert json.loads(shell.run("verify", "--json")[1])["ok"] is False


def test_keys_are_rotated_and_that_is_recorded(shell: Shell) -> None:
    first = shell.good("key").strip()
    second = shell.good("key", "--rotate").splitlines()
    assert second[1] == first
    assert second[0] != first
    retired = shell.good("key", "--retire").splitlines()
    assert retired == [second[0], f"{first}  (retired)"]
    events = [json.loads(line) for line in shell.good("search", "--kind", "event", "--json").splitlines()]  # fmt: skip
    changed = [event for event in events if event["event"].startswith("checkpoint.key")]
    assert [event["event"] for event in changed] == ["checkpoint.key_rotated", "checkpoint.key_retired"]  # fmt: skip
    assert changed[0]["details"]["key"] == second[0]
    assert shell.run("key", "--rotate", "--retire")[0] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("prove",), "name one record"),
        (("prove", "x", "--consistency", "1", "2"), "name one record"),
        (("prove", "1"), "never signed"),
        (("prove", "--consistency", "5", "2"), "cannot have begun"),
        (("prove", "--consistency", "5", "2000"), "is missing"),
        (("verify", "--checkpoint", __file__), "Name the key with --key"),
        (("verify", "--checkpoint", __file__, "--key", "x"), "no public key"),
    ],
)
def test_what_cannot_be_done_is_said(shell: Shell, words: tuple[str, ...], said: str) -> None:
    code, _, err = shell.run(*words)

    assert code == 1
    assert said in err


def test_a_document_is_digested_as_in_the_record(shell: Shell) -> None:
    path = shell.folder / "input.json"
    path.write_bytes(b'{"a":1}\n')

    assert shell.good("digest", str(path)).strip() == open_digest(shell.data)(b'{"a":1}')


def test_a_record_that_is_unknown_or_not_signed_yet_is_said(shell: Shell) -> None:
    shell.good("checkpoint")
    assert "there is no record" in shell.run("prove", "no-such")[2]
    shell.write(1)
    assert "was not signed yet" in shell.run("prove", "15")[2]


def test_a_place_that_cannot_be_reached_fails_the_checkpoint_and_names_it(shell: Shell) -> None:
    (shell.folder / "elsewhere").rmdir()

    code, out, err = shell.run("checkpoint")

    assert code == 1
    assert "elsewhere: No such file" in err
    assert "— yett.local/log/" in out  # the copy beside the log is there


def test_a_place_that_is_not_there_is_not_taken_for_one_that_is_empty(shell: Shell) -> None:
    """Attack: with the disk of the checkpoints away, a log that was rolled back with all beside it agrees."""
    shell.good("checkpoint")
    (shell.folder / "elsewhere").rename(shell.folder / "away")
    for path in (*shell.directory.glob("checkpoints-*.txt"), shell.directory / "head"):
        path.unlink()

    code, out, err = shell.run("verify")

    assert (code, out) == (1, "")
    assert "elsewhere cannot be read: No such file" in err


def test_whoever_takes_the_key_away_takes_no_checkpoint_away(shell: Shell) -> None:
    """Attack: without the file of keys nothing was compared, and a log that was written anew agreed."""
    shell.good("checkpoint")
    (shell.data / KEYS_NAME).unlink()

    code, out, err = shell.run("verify")

    assert (code, out) == (1, "")
    assert "Name the key with --key" in err


def test_a_witness_that_cannot_be_asked_is_not_a_witness_that_agrees(shell: Shell) -> None:
    """Attack: roll the log back with all checkpoints beside it, so that there is nothing to ask with."""
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    key = VerifierKey("witness.example/w", COSIGNATURE, public)
    (shell.folder / "yett.yaml").write_text(
        "mode: development\naudit: {checkpoints: {to: [{witness: "
        f"{{url: 'http://127.0.0.1:9', key: '{key}'}}}}]}}}}\n"
    )
    shell.run("checkpoint")  # the witness does not answer
    for path in (*shell.directory.glob("checkpoints-*.txt"), shell.directory / "head"):
        path.unlink()

    code, out, err = shell.run("verify")

    assert (code, out) == (1, "")
    assert "the witness witness.example/w cannot be asked" in err
