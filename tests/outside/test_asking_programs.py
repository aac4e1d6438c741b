"""Servers that are programs, of either era, before callers of either era: asked back, and told of
progress."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.outside.gate import REST, ROOT, Agent, Gate, Key, running
from tests.outside.upstream import wait_until
from tests.peers.python_client import visit

pytestmark = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
PROGRAM: Final = ROOT / "tests" / "servers" / "sdk_stdio.py"
ROUNDS: Final = "test_input_required_result_"
ANSWERS: Final[dict[str, Any]] = {
    "elicitation": {"action": "accept", "content": {"name": "Ada", "color": "red"}},
    "sampling": {"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m"},
    "roots": {"roots": [{"uri": "file:///a", "name": "a"}]},
}


@dataclass
class Place:
    gate: Gate
    key: Key


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("asking-programs")
    servers = {
        name: {
            "command": [sys.executable, str(PROGRAM), era],
            "may_ask": ["elicitation", "sampling", "roots"],
        }
        for name, era in (("old", "legacy"), ("new", "modern"))
    }
    grants = [f"{name}.*:{access}" for name in servers for access in ("read", "write")]
    gate = Gate(
        folder, f"servers: {json.dumps(servers)}\nroles: {json.dumps({'reader': grants})}\n"
    )
    key = gate.key("agent")
    with running(gate):
        wait_until(lambda: len({name[:3] for name in Agent(gate, key, REST).tools()}) == 2, 60)
        yield Place(gate, key)


def call(name: str, *, progress: bool = False) -> dict[str, Any]:
    return {
        "method": "tools/call",
        "params": {"name": name, "arguments": {}},
        "progress": progress,
    }


async def visited(place: Place, mode: str, server: str, *steps: dict[str, Any]) -> dict[str, Any]:
    account = await visit(
        {
            "url": f"http://127.0.0.1:{place.gate.port}/mcp/{server}",
            "key": place.key.secret,
            "mode": mode,
            "answers": ANSWERS,
            "steps": steps,
        }
    )
    assert account["complaints"] == []
    return account


def texts(account: dict[str, Any]) -> list[str]:
    return [outcome["result"]["content"][0]["text"] for outcome in account["outcomes"]]


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
@pytest.mark.parametrize("server", ["old", "new"])
async def test_a_program_asks_and_tells_its_caller(server: str, mode: str, place: Place) -> None:
    account = await visited(
        place,
        mode,
        server,
        call(f"{ROUNDS}elicitation"),
        call(f"{ROUNDS}list_roots"),
        call(f"{ROUNDS}multiple_inputs"),
        call(f"{ROUNDS}multi_round"),
        call("test_tool_with_progress", progress=True),
    )
    progress = [note["params"]["progress"] for note in account["notifications"] if note["method"] == "notifications/progress"]  # fmt: skip
    rounds = place.gate.records("--tool", f"{server}/{ROUNDS}multi_round")[-3:]

    assert texts(account)[:4] == ["Hello, Ada!", "Roots: file:///a", "three answers", "Ada likes red"]  # fmt: skip
    assert progress == [0, 50, 100]
    assert [record["status"] for record in rounds] == ["input_required", "input_required", "ok"]
    assert [record.get("continues") for record in rounds[1:]] == [rounds[0]["id"], rounds[1]["id"]]
    assert rounds[1]["answers"]
