"""`yett lock`: two steps from an approval to its signature."""

import json
from pathlib import Path

import pytest

from tests.yett.cli.test_tool import CONFIGURATION, ToolShell


class LockShell(ToolShell):
    """Runs `yett lock …`; `tool` runs `yett tool …`."""

    def lock(self, *words: str, code: int = 0) -> str:
        self._command = "lock"
        try:
            return self.run(*words, code=code).output
        finally:
            self._command = "tool"


@pytest.fixture
def shell(tmp_path: Path) -> LockShell:
    return LockShell(tmp_path)


def test_a_lock_is_approved_signed_and_verified(shell: LockShell) -> None:
    key = shell.folder / "key"
    made = json.loads(shell.lock("key", str(key), "--json").splitlines()[0])
    assert key.stat().st_mode & 0o777 == 0o600
    assert "is there already" in shell.lock("key", str(key), code=1)
    line = f'lock: {{signed_by: ["{made["signed_by"]} anna"]}}\n'
    assert "no `" in shell.lock("sign", "--key", str(key), code=1)

    shell.run("approve", "things")
    assert "does not name this key" in shell.lock("sign", "--key", str(key))
    (shell.folder / "yett.yaml").write_text(CONFIGURATION + line)
    assert "does not name this key" not in shell.lock("sign", "--key", str(key))
    assert made["signed_by"] in shell.lock("verify")

    shell.offer(("look", "Looks"), ("touch", "Touches"), ("smell", "Smells"))
    assert "yett lock sign" in shell.run("approve", "things").output
    assert "not signed" in shell.lock("verify", code=1)
    assert shell.lock("sign", "--key", str(key))
    assert json.loads(shell.lock("verify", "--json"))["approved"] == 3


def test_the_key_of_somebody_else_signs_for_nobody(shell: LockShell) -> None:
    for name in ("key", "other"):
        shell.lock("key", str(shell.folder / name))
    line = (shell.folder / "key.pub").read_text().strip()
    (shell.folder / "yett.yaml").write_text(f'{CONFIGURATION}lock: {{signed_by: ["{line}"]}}\n')
    shell.run("approve", "things")
    shell.lock("sign", "--key", str(shell.folder / "other"))
    assert "not signed" in shell.lock("verify", code=1)
    shell._command = "check"
    assert "is not signed by anybody" in shell.run(code=2).output


def test_what_is_no_key_is_told(shell: LockShell) -> None:
    shell.run("approve", "things")
    (shell.folder / "no").write_text("nonsense")
    shell._command = "lock"
    assert "yett lock key" in shell.run("sign", "--key", str(shell.folder / "none"), code=1).output
    (shell.folder / "yett.yaml").write_text(f"{CONFIGURATION}lock: {{signed_by: [nonsense]}}\n")
    assert "ssh-ed25519" in shell.run("verify", code=2).output
