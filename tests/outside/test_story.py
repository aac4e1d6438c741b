"""The first minutes of a user, word by word as the README tells them."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.outside.gate import YETT, Agent, Gate
from tests.outside.upstream import MODERN, serving, tool, wait_until

LINES_MAX = 15


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A folder that `yett init` has been run in; ports of its own."""
    done = run(tmp_path, "init")
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "yett.yaml").read_text()
    found = Gate(tmp_path, written.replace("listen: 127.0.0.1:8080", "#"))  # on free ports instead
    try:
        yield found
    finally:
        found.kill()


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*YETT, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=90,
        check=False,
        env={**os.environ, **environment},
    )


def test_init_check_key_up_call_verify(gate: Gate) -> None:
    written = [line for line in gate.config.read_text().splitlines() if line.strip()]
    assert gate.data.stat().st_mode & 0o777 == 0o700
    assert run(gate.folder, "check").stdout.startswith("ok: ")
    made = run(gate.folder, "key", "create", "laptop", "--role", "reader")
    key = re.search(r"yett_live_\w+", made.stdout)
    assert key is not None
    assert gate.start() < 10
    first = gate.execute("notes", "read_note", key[0], title="welcome")
    snippet = re.search(r"^curl .*$", made.stdout, re.MULTILINE)
    assert snippet is not None
    shown = subprocess.run(shlex.split(snippet[0]), capture_output=True, check=False, timeout=10)
    listed = Agent(gate, key[0], MODERN).tools()
    assert gate.stop() == 0
    verified = run(gate.folder, "audit", "verify")
    again = run(gate.folder, "init")

    assert len(written) <= LINES_MAX + 2
    assert first.json["output"]["content"][0]["text"].startswith("Every call you make here")
    assert b"notes__read_note" in shown.stdout
    assert listed == ["notes__list_notes", "notes__read_note", "notes__search_notes"]
    assert re.match(r"ok \d+ records", verified.stdout)
    assert (again.returncode, "--force" in again.stderr) == (1, True)
    assert f"ready on http://127.0.0.1:{gate.port}" in gate.printed()
    assert key[0] not in gate.printed()


def test_the_first_key_is_shown_once_with_what_to_paste(gate: Gate) -> None:
    gate.start_only("--first-key", "reader")
    wait_until(gate.is_ready, 10)
    wait_until(lambda: "yett_live_" in gate.printed())
    said = gate.printed()
    key = re.search(r"yett_live_\w+", said)
    assert key is not None
    wait_until(lambda: gate.execute("notes", "list_notes", key[0]).status == 200)
    assert gate.stop() == 0

    for client in ("curl", "Claude Code", "Cursor", "VS Code"):
        assert client in said
    assert json.loads(run(gate.folder, "key", "list", "--json").stdout)["name"] == "first"


def test_the_demonstration_does_as_it_says() -> None:
    done = run(Path.cwd(), "demo", "--json")
    *steps, verdict = [
        json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")
    ]

    assert done.returncode == 0, done.stderr
    assert [step["step"] for step in steps] == [
        "allowed",
        "refused",
        "invalid",
        "limited",
        "cleaned",
    ]
    assert all(step["as_expected"] for step in steps)
    assert [step["status"] for step in steps] == [200, 404, 400, 429, 200]
    assert verdict["audit_verify"].startswith("ok ")


# -- taking over a client's servers


CANARY = "cAn4ryZq7x9W"


def servers(url: str) -> dict[str, Any]:
    return {
        "orders": {"command": "npx", "args": ["-y", "server-postgres", f"postgres://admin:P@{CANARY}1@prod-db:5432/main"]},
        "flags": {"command": "serve", "args": ["--token", f"{CANARY}2"], "env": {"API_KEY": f"{CANARY}3"}},
        "web": {"type": "http", "url": url, "headers": {"Authorization": f"Bearer {CANARY}4"}},
    }  # fmt: skip


CLIENTS: dict[str, tuple[str, str]] = {
    "claude-desktop": ("claude_desktop_config.json", "mcpServers"),
    "claude-code": (".mcp.json", "mcpServers"),
    "cursor": (".cursor/mcp.json", "mcpServers"),
    "vscode": (".vscode/mcp.json", "servers"),
    "plain": ("mcp.json", "mcpServers"),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_clients_servers_move_behind_the_gate_and_their_secrets_into_the_vault(
    name: str, gate: Gate
) -> None:
    path, member = CLIENTS[name]
    file = gate.folder / path
    file.parent.mkdir(exist_ok=True)
    with serving(tool("look")) as web:
        file.write_text(json.dumps({member: servers(web.url)}, indent=2))
        file.chmod(0o600)
        done = run(gate.folder, "import", path, "--rewrite", "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        found = json.loads(done.stdout.splitlines()[-1])
        rewritten = file.read_text()
        assert run(gate.folder, "check").returncode == 0
        backup = Path(found["backup"])
        left = [
            str(item)
            for item in gate.folder.rglob("*")
            if item.is_file() and item.resolve() != (gate.folder / backup).resolve()
            if CANARY.encode() in item.read_bytes()
        ]
        if name == "plain":
            _is_served_with_its_secret(gate, web)

    assert (found["client"], len(found["secrets"])) == (name, 4)
    assert {row["status"] for row in found["servers"]} == {"added"}
    assert left == []
    assert CANARY not in done.stdout + done.stderr + rewritten
    assert CANARY in (gate.folder / backup).read_text()
    assert (gate.folder / backup).stat().st_mode & 0o077 == 0
    assert f"127.0.0.1:{gate.port}/mcp" in rewritten
    assert "server-postgres" not in rewritten


def _is_served_with_its_secret(gate: Gate, web: Any) -> None:
    """The address still works, now with the secret from the vault."""
    text = gate.config.read_text().replace('"notes.*:read"]', '"notes.*:read", "web.*:read"]', 1)
    gate.config.write_text(text)
    key = gate.key("agent", "reader")
    gate.start()
    wait_until(lambda: gate.execute("web", "look", key, word="x").status == 200)
    assert gate.stop() == 0
    assert web.calls_of("look")[-1].header("authorization") == f"Bearer {CANARY}4"
    assert CANARY not in gate.printed()
