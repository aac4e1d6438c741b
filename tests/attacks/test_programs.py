"""Servers that are programs, and want to reach another caller than the one who called: by asking late, by
saying things behind their answers, by naming requests that are not theirs."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.outside.gate import ROOT, Agent, Answer, Gate, Key, children_of, meta, running
from tests.outside.upstream import MODERN, wait_until
from yett.upstreams.backends.stdio.lanes import LANES_MAX, LANES_PER_OWNER_MAX, PROCESSES_MAX

PROGRAM: Final = ROOT / "tests" / "servers" / "talking_stdio.py"
CALLERS: Final = 6
ROUNDS: Final = 5
SHARED: Final = 2
"""Processes of all callers: the one that is called, and the one that shows what it offers."""


@dataclass
class Place:
    gate: Gate
    keys: list[Key]


class Caller(Agent):
    def __init__(self, gate: Gate, key: Key) -> None:
        super().__init__(gate, key, MODERN, "/mcp/program")
        self.name = key.name

    def use(
        self, name: str, arguments: dict[str, Any], level: str | None = None, **more: Any
    ) -> Answer:
        params: dict[str, Any] = {"name": name, "arguments": arguments, **more}
        params["_meta"] = meta() | {
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
            "progressToken": self.name,
        }
        if level is not None:
            params["_meta"]["io.modelcontextprotocol/logLevel"] = level
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = self.headers("tools/call", params)
        return self.gate.request("POST", self.path, message, key=self.key, headers=headers)

    def is_asked_and_answers(self, number: int) -> Any:
        """Be asked a question of one's own, and return what the server heard as the answer to it."""
        mine = f"{self.name} {number}"
        form = {"message": mine, "requestedSchema": {"type": "object", "properties": {}}}
        arguments = {"requests": [{"method": "elicitation/create", "params": form}]}
        question = messages_of(self.use("ask", arguments))[-1]["result"]
        ((key, asked),) = question["inputRequests"].items()
        assert asked["params"]["message"] == mine
        content = {"action": "accept", "content": {"mine": mine}}
        answer = self.use(
            "ask", arguments, inputResponses={key: content}, requestState=question["requestState"]
        )
        return messages_of(answer)[-1]["result"]["content"][0]["text"]


def messages_of(answer: Answer) -> list[dict[str, Any]]:
    """Return every message of an answer, whether it is one or a stream."""
    text = answer.body.decode()
    lines = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line.strip()] or [answer.json]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("programs")
    program = {
        "command": [sys.executable, str(PROGRAM), "legacy"],
        "may_ask": ["elicitation"],
        "timeout": "20s",
    }
    servers = {"program": program}
    roles = {"reader": ["program.*:read", "program.*:write"]}
    gate = Gate(folder, f"servers: {json.dumps(servers)}\nroles: {json.dumps(roles)}\n")
    keys = [gate.key(f"agent-{number}") for number in range(CALLERS)]
    with running(gate):
        wait_until(lambda: bool(Agent(gate, keys[0], MODERN).tools()), 20)
        yield Place(gate, keys)


def test_questions_and_answers_of_many_callers_never_cross(place: Place) -> None:
    """More callers than one may have processes for, each with a question of its own."""
    callers = [Caller(place.gate, key) for key in place.keys]

    def work(caller: Caller) -> list[Any]:
        return [caller.is_asked_and_answers(number) for number in range(ROUNDS)]

    with ThreadPoolExecutor(CALLERS) as threads:
        found = list(threads.map(work, callers))

    for caller, answers in zip(callers, found, strict=True):
        for number, answer in enumerate(answers):
            assert json.loads(answer)[0]["result"]["content"] == {"mine": f"{caller.name} {number}"}
    assert len(children_of(place.gate.pid)) <= PROCESSES_MAX + SHARED


def test_what_a_program_says_behind_its_answer_reaches_no_other_caller(place: Place) -> None:
    first, second = (Caller(place.gate, key) for key in place.keys[:2])
    level = {"level": "emergency", "data": "for the first"}
    late = [{"method": "notifications/message", "params": level}] * 50
    late += [
        {"method": "notifications/progress", "params": {"progressToken": token, "progress": 99}}
        for token in range(200)
    ]

    for _ in range(5):
        first.use("say", {"before": late, "after": late}, "debug")
        heard = messages_of(second.use("state", {}, "debug"))
        shared = messages_of(Agent(place.gate, second.key, MODERN, "/mcp/program").call("program", "state"))  # fmt: skip

        assert [message for message in heard if "method" in message] == []
        assert [message for message in shared if "method" in message] == []


def test_a_question_behind_an_answer_is_asked_of_nobody(place: Place) -> None:
    first, second = (Caller(place.gate, key) for key in place.keys[:2])
    form = {"message": "your password?", "requestedSchema": {"type": "object"}}
    late = [{"id": f"late{n}", "method": "elicitation/create", "params": form} for n in range(20)]

    first.use("say", {"after": late})
    for _ in range(5):
        result = messages_of(second.use("state", {}))[-1]["result"]
        assert "password" not in json.dumps(result)
        assert result.get("resultType", "complete") == "complete"


def test_callers_who_never_answer_keep_nobody_from_plain_calls(place: Place) -> None:
    form = {"message": "?", "requestedSchema": {"type": "object"}}
    arguments = {"requests": [{"method": "elicitation/create", "params": form}]}
    callers = [Caller(place.gate, key) for key in place.keys[1:3]] * LANES_PER_OWNER_MAX
    with ThreadPoolExecutor(LANES_MAX) as threads:
        asked = list(threads.map(lambda caller: caller.use("ask", arguments), callers))
    plain = Agent(place.gate, place.keys[0], MODERN, "/mcp/program").call("program", "state")

    assert all("inputRequests" in answer.json["result"] for answer in asked)
    assert "result" in plain.json
    wait_until(lambda: len(children_of(place.gate.pid)) <= LANES_MAX + SHARED, 5)
