"""The outcome of a task is rows like any other: whoever asks for it later sees no more than the call would have shown."""

import json
from collections.abc import Iterator

import pytest

from tests.outside.gate import Gate, running
from tests.outside.test_tasks import House
from tests.outside.upstream import serving, tool, wait_until

POLICY = """
permit(principal, action == Action::"row", resource in Tool::"rec/work")
when { resource.word == principal.tenant };
"""


@pytest.fixture(scope="module", params=[True, False], ids=["extension", "core"])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    work = tool("work") | {"execution": {"taskSupport": "optional"}}
    with serving(work, tool("plain"), modern=request.param) as upstream:
        upstream.offer.slow.add("work")
        folder = tmp_path_factory.mktemp("row-tasks")
        (folder / "policies").mkdir()
        (folder / "policies" / "rows.cedar").write_text(POLICY)
        tools = {"work": {"rows": {"at": "", "hide": ["number"]}}}
        servers = {"rec": {"url": upstream.url, "tools": tools}}
        gate = Gate(folder, f'servers: {json.dumps(servers)}\nroles:\n  reader: ["rec.*:read"]\n')
        mine, other = gate.key("one", "reader", tenant="acme"), gate.key("two", "reader")
        with running(gate):
            house = House(gate, upstream, mine, other)
            wait_until(lambda: house.agent().call("rec", "plain", word="x").status == 200)
            yield house


@pytest.mark.parametrize("word", ["acme", "globex"])
def test_the_outcome_of_a_task_is_judged(house: House, word: str) -> None:
    agent, is_shown = house.agent(), word == "acme"
    task = house.task_of(house.begin(agent, word=word, number=7))
    house.about(agent, "tasks/get", task["taskId"])
    answer = house.about(agent, "tasks/get", task["taskId"])
    assert house.task_of(answer)["status"] == "completed"
    if house.upstream.modern:
        outcome = house.task_of(answer)["result"]
    else:
        outcome = house.about(agent, "tasks/result", task["taskId"]).json["result"]
        related = outcome["_meta"]["io.modelcontextprotocol/related-task"]
        assert related == {"taskId": task["taskId"]}

    said = outcome["content"][0]["text"]
    assert (said == '{"word":"acme"}') is is_shown
    assert "globex" not in said
    assert outcome.get("isError", False) is not is_shown


def test_a_task_can_be_cancelled(house: House) -> None:
    agent = house.agent()
    task = house.task_of(house.begin(agent, word="acme"))

    assert house.about(agent, "tasks/cancel", task["taskId"]).status == 200
