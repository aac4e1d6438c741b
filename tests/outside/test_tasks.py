"""Tasks: work that goes on after the answer, asked about by the caller that began it and nobody else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.outside.gate import Agent, Answer, Gate, Key, running
from tests.outside.upstream import MODERN, Upstream, serving, tool, wait_until

LEGACY = "2025-11-25"
EXTENSION = "io.modelcontextprotocol/tasks"
DECLARED: dict[str, Any] = {
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {EXTENSION: {}}}
}


@dataclass
class House:
    gate: Gate
    upstream: Upstream
    mine: Key
    other: Key

    @property
    def door(self) -> str:
        return MODERN if self.upstream.modern else LEGACY

    def agent(self, key: Key | None = None) -> Agent:
        return Agent(self.gate, key or self.mine, self.door)

    def begin(self, agent: Agent, **arguments: Any) -> Answer:
        return self.ask(agent, "tools/call", {"name": "rec__work", "arguments": arguments})

    def ask(self, agent: Agent, method: str, params: dict[str, Any]) -> Answer:
        message = agent.message(method, params)
        if self.upstream.modern:
            message["params"]["_meta"] |= DECLARED
        elif method == "tools/call":
            message["params"]["task"] = {"ttl": 60_000}
        headers = agent.headers(method, message["params"])
        if "taskId" in params:
            headers["Mcp-Name"] = params["taskId"]
        return self.gate.request("POST", "/mcp", message, key=agent.key, headers=headers)

    def task_of(self, answer: Answer) -> dict[str, Any]:
        result: dict[str, Any] = answer.json["result"]
        return result if self.upstream.modern else result.get("task", result)

    def about(self, agent: Agent, method: str, identifier: str) -> Answer:
        return self.ask(agent, method, {"taskId": identifier})


@pytest.fixture(scope="module", params=[True, False], ids=["extension", "core"])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    work = tool("work") | {"execution": {"taskSupport": "optional"}}
    with serving(work, tool("plain"), modern=request.param) as upstream:
        upstream.offer.slow.add("work")
        text = f'servers:\n  rec: {{url: {upstream.url}}}\nroles:\n  reader: ["rec.*:read"]\n'
        gate = Gate(tmp_path_factory.mktemp("tasks"), text)
        mine, other = gate.key("one", "reader"), gate.key("two", "reader")
        with running(gate):
            house = House(gate, upstream, mine, other)
            wait_until(lambda: house.agent().call("rec", "plain", word="x").status == 200)
            yield house


def test_a_task_is_begun_asked_about_and_ends_with_its_result(house: House) -> None:
    agent = house.agent()
    begun = house.begin(agent, word="long")
    task = house.task_of(begun)

    assert task["status"] == "working"
    assert "task-" not in task["taskId"]
    assert house.gate.record_of(begun)["tool"] == "work"

    first = house.task_of(house.about(agent, "tasks/get", task["taskId"]))
    assert (first["taskId"], first["status"]) == (task["taskId"], "working")
    second = house.about(agent, "tasks/get", task["taskId"])
    assert house.task_of(second)["status"] == "completed"
    assert house.gate.record_of(second)["method"] == "tasks/get"
    assert house.gate.record_of(second)["tool"] == "work"

    if house.upstream.modern:
        outcome = house.task_of(second)["result"]
    else:
        outcome = house.about(agent, "tasks/result", task["taskId"]).json["result"]
        related = outcome["_meta"]["io.modelcontextprotocol/related-task"]
        assert related == {"taskId": task["taskId"]}
    assert outcome["content"][0]["text"] == '{"word": "long"}'
    assert b"task-" not in second.body


@pytest.mark.parametrize("method", ["tasks/get", "tasks/cancel"])
def test_nobody_else_can_name_it(house: House, method: str) -> None:
    agent, other = house.agent(), house.agent(house.other)
    identifier = house.task_of(house.begin(agent, word="x"))["taskId"]
    seen = len(house.upstream.seen)

    for who, named in [(other, identifier), (agent, "task-0"), (agent, identifier[:-2] + "AA")]:
        refused = house.about(who, method, named)
        assert (refused.code, refused.refusal["reason"]) == (-32602, "invalid_state")
        assert house.gate.record_of(refused)["reason"] == "invalid_state"
    assert not any(item.method == method for item in house.upstream.seen[seen:])


def test_it_can_be_cancelled(house: House) -> None:
    agent = house.agent()
    identifier = house.task_of(house.begin(agent, word="x"))["taskId"]

    assert house.about(agent, "tasks/cancel", identifier).status == 200
    assert house.task_of(house.about(agent, "tasks/get", identifier))["status"] == "cancelled"


def test_who_may_no_longer_call_the_tool_may_not_ask_about_its_tasks(house: House) -> None:
    key = house.gate.key("leaving", "reader")
    agent = house.agent(key)
    identifier = house.task_of(house.begin(agent, word="x"))["taskId"]
    house.gate.yett("tool", "quarantine", "rec", "work")
    try:
        wait_until(lambda: house.about(agent, "tasks/get", identifier).is_refusal)
    finally:
        house.gate.yett("tool", "approve", "rec", "work")
    wait_until(lambda: not house.about(agent, "tasks/get", identifier).is_refusal)


def test_a_caller_that_takes_no_tasks_is_given_none(house: House) -> None:
    answer = house.agent().call("rec", "work", word="now")

    if house.upstream.modern:  # this server makes a task of it all the same, which it must not
        assert answer.refusal["reason"] == "upstream_invalid"
    else:
        assert answer.json["result"]["content"][0]["text"] == '{"word": "now"}'


def test_a_tool_that_makes_no_tasks_answers_at_once(house: House) -> None:
    answer = house.ask(
        house.agent(), "tools/call", {"name": "rec__plain", "arguments": {"word": "x"}}
    )

    assert answer.json["result"]["content"][0]["text"] == '{"word": "x"}'


def test_what_an_era_does_not_know_is_no_method_of_it(house: House) -> None:
    agent = house.agent()
    identifier = house.task_of(house.begin(agent, word="x"))["taskId"]
    other = "tasks/result" if house.upstream.modern else "tasks/update"

    assert house.about(agent, other, identifier).code == -32601
    assert house.ask(agent, "tasks/list", {}).code == -32601


def test_an_update_reaches_a_server_of_the_era_that_has_them(house: House) -> None:
    agent = house.agent()
    identifier = house.task_of(house.begin(agent, word="x"))["taskId"]
    inputs = {"q": {"action": "accept", "content": {"name": "anna"}}}
    answer = house.ask(agent, "tasks/update", {"taskId": identifier, "inputResponses": inputs})

    assert answer.code == (None if house.upstream.modern else -32601)
    told = list(house.upstream.offer.tasks.values())[-1]["told"]
    assert told == (inputs if house.upstream.modern else {})
