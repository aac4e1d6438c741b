"""Short ways remember what was found out before. Here each is led to where that is not true any more."""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.outside.gate import ROOT, Agent, Gate, running
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
