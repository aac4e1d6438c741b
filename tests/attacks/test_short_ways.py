"""Short ways remember what was found out before. Here each is led to where that is not true any more."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.outside.gate import ROOT, Agent, Gate, meta, running
from tests.outside.upstream import MODERN, wait_until

PROGRAM: Final = ROOT / "tests" / "servers" / "one_word_stdio.py"


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    servers = {"word": {"command": [sys.executable, str(PROGRAM)]}}
    roles = {"reader": ["word.*:read"]}
    gate = Gate(
        tmp_path_factory.mktemp("short"),
        f"servers: {json.dumps(servers)}\nroles: {json.dumps(roles)}\n",
    )
    key = gate.key("probe")
    with running(gate):
        wait_until(lambda: bool(Agent(gate, key, MODERN).tools()), 20)
        yield gate


def resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@pytest.mark.parametrize("door", ["2025-11-25", MODERN])
@pytest.mark.parametrize(
    ("method", "params"),
    [("resources/read", {"uri": "memo://one"}), ("prompts/get", {"name": "greet"})],
)
def test_what_only_a_tool_may_answer_is_no_answer_to_anything_else(
    gate: Gate, door: str, method: str, params: dict[str, Any]
) -> None:
    agent = Agent(gate, gate.key(f"{next(iter(params))}-{door}"), door, "/mcp/word")
    for _ in range(3):  # from the second on, its answers are only compared with the first
        assert agent.call("word", "say").text == "word"

    answer = agent.ask(method, params)

    assert answer.refusal.get("reason") == "upstream_invalid", answer.body


def test_a_refusal_leaves_nothing_behind(gate: Gate) -> None:
    """Neither that of a stranger, who can have as many as there is time for, nor any other."""
    good = Agent(gate, gate.key("busy"), MODERN, "/mcp/word")
    params = {"name": "nothing", "arguments": {"text": "x" * 12_000}, "_meta": meta()}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    grown = []
    for key in ("yett_test_nobody", good.key):
        connection, before = gate.connection(), 0
        for count in (200, 1_500):
            before = resident_bytes(gate.pid)
            for _ in range(count):
                answer = gate.request(
                    "POST", "/mcp/word", message, key=key, on=connection, headers=good.headers("tools/call", params)
                )  # fmt: skip
                assert answer.is_refusal
        connection.close()
        grown.append(resident_bytes(gate.pid) - before)
    assert max(grown) < 10 * 1024 * 1024, grown  # it was twenty-two
