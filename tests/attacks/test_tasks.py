"""Attacks on callers by servers that go on with a task: questions that the operator did not let them ask,
and answers that hide beside a task (MCP 2026-07-28, Tasks; `may_ask`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.outside.gate import Agent, Answer, Gate, Key, running
from tests.outside.upstream import MODERN, Odd, Upstream, serving, tool, wait_until

EXTENSION: Final = "io.modelcontextprotocol/tasks"
CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
FORM: Final = {"message": "Your password?", "requestedSchema": {"type": "object", "properties": {"p": {"type": "string"}}}}  # fmt: skip
PAGE: Final = {"mode": "url", "message": "Look", "url": "https://evil.example/"}
TASK: Final = {"taskId": "own", "status": "input_required", "createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z", "ttlMs": None}  # fmt: skip


def asking(params: dict[str, Any], method: str = "elicitation/create") -> dict[str, Any]:
    return {"q": {"method": method, "params": params}}


@dataclass
class House:
    gate: Gate
    upstream: Upstream
    key: Key

    def ask(
        self, server: str, method: str, params: dict[str, Any], **capabilities: dict[str, Any]
    ) -> Answer:
        agent = Agent(self.gate, self.key, MODERN, f"/mcp/{server}")
        message = agent.message(method, params)
        message["params"]["_meta"][CAPABILITIES] = {"extensions": {EXTENSION: {}}} | capabilities
        headers = agent.headers(method, message["params"])
        if "taskId" in params:
            headers["Mcp-Name"] = params["taskId"]
        return self.gate.request("POST", agent.path, message, key=self.key, headers=headers)

    def begin(self, server: str, **capabilities: dict[str, Any]) -> Answer:
        params = {"name": "work", "arguments": {"word": "x"}}
        return self.ask(server, "tools/call", params, **capabilities)

    def answers(self, more: dict[str, Any]) -> None:
        """Let the server say this about its last task."""
        list(self.upstream.offer.tasks.values())[-1]["task"].update(more)

    def about(self, server: str, more: dict[str, Any], **capabilities: dict[str, Any]) -> Answer:
        """Begin a task, and ask about it when the server says more."""
        identifier = self.begin(server, **capabilities).json["result"]["taskId"]
        self.answers(more)
        return self.ask(server, "tasks/get", {"taskId": identifier}, **capabilities)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("tasks")
    with serving(tool("work"), tool("ready")) as upstream:
        upstream.offer.slow.add("work")
        gate = Gate(
            folder,
            f"servers:\n  quiet: {{url: {upstream.url}}}\n"
            f"  asking: {{url: {upstream.url}, may_ask: [elicitation]}}\n"
            'roles: {reader: ["quiet.*:read", "asking.*:read"]}\n',
        )
        key = gate.key("one")
        with running(gate):
            found = House(gate, upstream, key)
            wait_until(lambda: all(found.begin(name).status == 200 for name in ("quiet", "asking")))
            yield found


@pytest.mark.parametrize(
    ("server", "question", "capabilities"),
    [
        ("quiet", asking(FORM), {"elicitation": {"form": {}}}),
        ("quiet", asking({}, "roots/list"), {"roots": {}}),
        ("asking", asking(FORM), {}),
        ("asking", asking(PAGE), {"elicitation": {"form": {}}}),
        ("asking", asking({}, "roots/list"), {"roots": {}, "elicitation": {"form": {}}}),
    ],
)
def test_a_task_asks_nothing_that_its_server_may_not_ask(
    server: str, question: dict[str, Any], capabilities: dict[str, Any], house: House
) -> None:
    more = {"status": "input_required", "inputRequests": question}
    answer = house.about(server, more, **capabilities)

    assert answer.refusal["reason"] == "upstream_invalid", answer.body
    assert house.gate.record_of(answer)["reason"] == "upstream_invalid"


def test_nor_does_it_as_it_begins(house: House) -> None:
    result = {"resultType": "task", **TASK, "inputRequests": asking(FORM)}
    house.upstream.offer.odd["work"] = Odd(result=result)
    try:
        answer = house.begin("quiet", elicitation={"form": {}})
    finally:
        del house.upstream.offer.odd["work"]

    assert answer.refusal["reason"] == "upstream_invalid", answer.body


def test_what_it_may_ask_it_asks(house: House) -> None:
    more = {"status": "input_required", "inputRequests": asking(FORM)}
    answer = house.about("asking", more, elicitation={"form": {}})

    assert answer.json["result"]["inputRequests"] == asking(FORM)


def test_nothing_hides_beside_a_task(house: House) -> None:
    """What is outside of the one inside is not looked at as a task, so it must not be there."""
    inside = {**TASK, "status": "working", "taskId": "other"}
    answer = house.about("quiet", {"task": inside, "inputRequests": {"q": 5}, "result": ["odd"]})

    assert answer.refusal["reason"] == "upstream_invalid", answer.body
