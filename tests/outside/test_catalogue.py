"""One endpoint before many servers: pages, what is away, links that lead back, names for models, search."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.outside.gate import Agent, Gate, Key, running
from tests.outside.upstream import MODERN, RESOURCE, Odd, Upstream, serving, tool, wait_until

LEGACY = "2025-11-25"
MANY = 1_200
LONG = "look.at.everything.that.is.in.the.cupboard.under.the.stairs.v2"


@dataclass
class House:
    gate: Gate
    small: Upstream
    key: Key
    other: Key

    def agent(self, door: str = MODERN, key: Key | None = None) -> Agent:
        return Agent(self.gate, key or self.key, door)


def configuration(small: Upstream, large: Upstream, *, more: str = "") -> str:
    return (
        f"servers:\n  small: {{url: {small.url}}}\n  large: {{url: {large.url}}}\n"
        f'roles:\n  reader: ["small.*:read", "large.*:read"]\n{more}'
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    many = [tool(f"t{number:04d}") for number in range(MANY)]
    with serving(tool("look"), tool(LONG)) as small, serving(*many) as large:
        gate = Gate(tmp_path_factory.mktemp("catalogue"), configuration(small, large))
        key, other = gate.key("one", "reader"), gate.key("two", "reader")
        with running(gate):
            house = House(gate, small, key, other)
            wait_until(lambda: len(house.agent().tools()) > MANY // 2, 15.0)
            yield house


def pages(agent: Agent) -> list[list[str]]:
    found: list[list[str]] = []
    cursor = None
    while True:
        result = agent.ask("tools/list", {"cursor": cursor} if cursor else {}).json["result"]
        found.append([item["name"] for item in result["tools"]])
        cursor = result.get("nextCursor")
        if cursor is None:
            return found


@pytest.mark.parametrize("door", [MODERN, LEGACY])
def test_a_long_list_comes_in_pages_and_whole_over_rest(house: House, door: str) -> None:
    several = pages(house.agent(door))

    assert len(several) == 2
    names = [name for page in several for name in page]
    assert len(names) == len(set(names)) == MANY + 2
    assert sorted(Agent(house.gate, house.key, "rest").tools()) == sorted(names)


@pytest.mark.parametrize("door", [MODERN, LEGACY])
def test_a_cursor_of_another_caller_is_none(house: House, door: str) -> None:
    cursor = house.agent(door).ask("tools/list").json["result"]["nextCursor"]
    for agent, given in [(house.agent(door, house.other), cursor), (house.agent(door), "x" + cursor)]:  # fmt: skip
        answer = agent.ask("tools/list", {"cursor": given})
        assert (answer.code, answer.refusal["reason"]) == (-32602, "invalid_state")
        assert house.gate.record_of(answer)["reason"] == "invalid_state"


def test_a_link_leads_back_through_the_gate(house: House) -> None:
    agent = house.agent()
    link = {"type": "resource_link", "uri": RESOURCE["uri"], "name": "one"}
    house.small.offer.odd["look"] = Odd(result={"content": [link]})
    try:
        [found] = agent.call("small", "look", word="x").json["result"]["content"]
    finally:
        del house.small.offer.odd["look"]
    listed = [item["uri"] for item in agent.ask("resources/list").json["result"]["resources"]]
    read = agent.ask("resources/read", {"uri": found["uri"]}).json["result"]["contents"]

    assert found["uri"] in listed
    assert [item["uri"] for item in read] == [found["uri"]]


@pytest.mark.parametrize("form", ["openai", "openai-responses", "anthropic"])
def test_a_name_that_a_provider_refuses_has_an_alias_that_can_be_called(
    house: House, form: str
) -> None:
    found = house.gate.request("GET", f"/v1/tools?format={form}&q=cupboard", key=house.key).json
    [item] = found["tools"]
    alias = item.get("function", item)["name"]
    body: dict[str, Any] = {"tool": alias, "input": {"word": "x"}}
    answer = house.gate.request("POST", "/v1/execute", body, key=house.key)

    assert len(alias) <= 64
    assert "." not in alias
    assert (answer.json["tool"], answer.json["operation"]) == ("small", LONG)
    assert house.gate.record_of(answer)["tool"] == LONG
    named = house.agent().ask("tools/call", {"name": alias, "arguments": {"word": "x"}})
    assert named.status == 200


def test_what_is_away_is_marked_and_not_gone(house: House) -> None:
    agent = house.agent()

    def marks() -> dict[str, bool]:
        tools = agent.ask("tools/list").json["result"]["tools"]
        return {
            item["name"]: bool((item.get("_meta") or {}).get("yett/unavailable")) for item in tools
        }

    with house.small.restarting():
        agent.call("small", "look", word="x")
        wait_until(lambda: marks().get("small__look"), 10.0)
        found = marks()
        assert not found["large__t0000"]
        assert agent.call("large", "t0000", word="x").status == 200
        assert agent.call("small", "look", word="x").refusal["reason"] == "upstream_unreachable"
    wait_until(lambda: agent.call("small", "look", word="x").status == 200, 10.0)
    assert not marks()["small__look"]


def test_a_server_that_was_away_at_the_start_is_listed_from_the_lock(tmp_path: Any) -> None:
    with serving(tool("look")) as small, serving(tool("other")) as large:
        gate = Gate(tmp_path, configuration(small, large))
        key = gate.key("one", "reader")
        with running(gate):
            wait_until(lambda: len(Agent(gate, key, MODERN).tools()) == 2)
        small.close()
        with running(gate):
            wait_until(lambda: len(Agent(gate, key, MODERN).tools()) == 2)
            assert Agent(gate, key, MODERN).call("large", "other", word="x").status == 200


def test_three_tools_stand_for_all(tmp_path: Any) -> None:
    many = [tool(f"t{number:04d}") for number in range(50)]
    with serving(tool("look"), tool("change", reads=False)) as small, serving(*many) as large:
        gate = Gate(tmp_path, configuration(small, large, more="discovery: search\n"))
        key = gate.key("one", "reader")
        with running(gate):
            agent = Agent(gate, key, LEGACY)
            wait_until(lambda: "search_tools" in agent.tools())
            assert agent.tools() == ["search_tools", "describe_tool", "call_tool"]

            def ask(tool_name: str, **arguments: Any) -> Any:
                return agent.ask("tools/call", {"name": tool_name, "arguments": arguments})

            def found() -> list[str]:
                content = ask("search_tools", query="look").json["result"]["structuredContent"]
                return [item["name"] for item in content["tools"]]

            wait_until(lambda: found() == ["small__look"])
            shown = ask("describe_tool", name="small__look").json["result"]["structuredContent"]
            assert shown["inputSchema"]["required"] == ["word"]

            answer = ask("call_tool", name="small__look", arguments={"word": "hello"})
            assert "hello" in answer.json["result"]["content"][0]["text"]
            record = gate.record_of(answer)
            assert (record["method"], record["server"], record["tool"]) == (
                "tools/call",
                "small",
                "look",
            )

            # What may not be called is neither found nor described.
            assert ask("search_tools", query="change").json["result"]["structuredContent"]["tools"] == []  # fmt: skip
            unknown = ask("describe_tool", name="small__change")
            assert unknown.json["result"]["isError"] is True
            assert gate.record_of(unknown)["method"] == "tools/list"
            refused = ask("call_tool", name="small__change", arguments={"word": "x"})
            assert refused.refusal["reason"] == "unknown_tool"
            assert Agent(gate, key, LEGACY, "/mcp/small").tools() == ["look"]
