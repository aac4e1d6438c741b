"""A server of 2025-11-25 wants a page to be visited first (error -32042): callers of either era get there."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from mcp import Client
from mcp.client.context import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import UrlElicitationRequiredError
from mcp_types import ElicitRequestParams, ElicitRequestURLParams, ElicitResult, TextContent

from tests.conformance.fixture import OneEra
from tests.outside.gate import REST, Agent, Answer, Gate, Key, meta, running
from tests.outside.sdk import serving
from tests.outside.upstream import MODERN, wait_until

PAGE = "https://pages.example.com/sign?document=7"
URL: dict[str, Any] = {"elicitation": {"url": {}}}
ACCEPTED = {"action": "accept"}


@dataclass
class Place:
    gate: Gate
    key: Key
    visited: list[str]
    """What was signed: the server asks until it was."""

    def call(self, capabilities: dict[str, Any], path: str = "/mcp/office", **more: Any) -> Answer:
        agent = Agent(self.gate, self.key, MODERN, path)
        params = {"name": "sign", "arguments": {}, **more}
        params["_meta"] = meta() | {"io.modelcontextprotocol/clientCapabilities": capabilities}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return self.gate.request("POST", path, message, key=self.key, headers=agent.headers("tools/call", params))  # fmt: skip


def office(visited: list[str], page: str) -> OneEra:
    server: MCPServer[Any] = MCPServer("office")

    @server.tool()
    def sign() -> str:
        if not visited:
            wanted = ElicitRequestURLParams(message="Please sign", url=page, elicitation_id="e-1")
            raise UrlElicitationRequiredError([wanted])
        return f"signed {visited.pop()}"

    return OneEra(server.streamable_http_app(), "legacy")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    visited: list[str] = []
    evil = office([], "javascript:alert(1)")
    with serving(office(visited, PAGE)) as good_url, serving(evil) as evil_url:
        servers = {
            "office": {"url": good_url, "may_ask": ["elicitation"]},
            "silent": {"url": good_url},
            "evil": {"url": evil_url, "may_ask": ["elicitation"]},
        }
        grants = [f"{name}.sign:write" for name in servers]
        gate = Gate(
            tmp_path_factory.mktemp("pages"),
            f"servers: {json.dumps(servers)}\nroles: {{reader: {json.dumps(grants)}}}\n",
        )
        found = Place(gate, gate.key("agent"), visited)
        with running(gate):
            wait_until(lambda: len(Agent(gate, found.key, REST).tools()) == 3, 15)
            yield found


def test_a_modern_caller_is_asked_to_go_there_and_the_call_goes_on(place: Place) -> None:
    asked = place.call(URL).json["result"]
    place.visited.append("document 7")
    answer = place.call(
        URL,
        requestState=asked["requestState"],
        inputResponses=dict.fromkeys(asked["inputRequests"], ACCEPTED),
    )

    assert asked["resultType"] == "input_required"
    assert [request["params"] for request in asked["inputRequests"].values()] == [{"mode": "url", "message": "Please sign", "url": PAGE}]  # fmt: skip
    assert answer.text == "signed document 7"
    records = place.gate.records("--server", "office")
    assert [record["status"] for record in records[-2:]] == ["input_required", "ok"]


@pytest.mark.parametrize("mode", ["legacy", MODERN])
async def test_the_official_client_of_either_era_goes_there(mode: str, place: Place) -> None:
    shown: list[ElicitRequestParams] = []

    async def go(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        shown.append(params)
        place.visited.append("document 8")
        return ElicitResult(action="accept")

    url = f"http://127.0.0.1:{place.gate.port}/mcp/office"
    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {place.key.secret}"}) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, elicitation_callback=go) as agent,
    ):  # fmt: skip
        result = await agent.call_tool("sign", {})
    [block] = result.content
    [asked] = shown

    assert isinstance(block, TextContent)
    assert isinstance(asked, ElicitRequestURLParams)
    assert (block.text, asked.url) == ("signed document 8", PAGE)


def test_who_declines_does_not_make_the_server_ask_again(place: Place) -> None:
    asked = place.call(URL).json["result"]
    answer = place.call(
        URL,
        requestState=asked["requestState"],
        inputResponses={key: {"action": "decline"} for key in asked["inputRequests"]},
    )

    assert answer.refusal["reason"] == "cancelled"


@pytest.mark.parametrize(
    ("capabilities", "path"),
    [({}, "/mcp/office"), ({"elicitation": {}}, "/mcp/office"), (URL, "/mcp/silent")],
)
def test_who_cannot_be_sent_there_is_told_what_it_takes(
    capabilities: dict[str, Any], path: str, place: Place
) -> None:
    answer = place.call(capabilities, path)

    assert (answer.status, answer.code) == (400, -32021)
    assert answer.json["error"]["data"] == {"requiredCapabilities": {"elicitation": {"url": {}}}}


def test_a_page_that_is_no_page_of_the_web_is_shown_to_nobody(place: Place) -> None:
    answer = place.call(URL, "/mcp/evil")

    assert answer.refusal["reason"] == "upstream_invalid"
    assert b"javascript" not in answer.body


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18"])
def test_an_older_caller_that_cannot_be_sent_there_is_shown_no_page(
    version: str, place: Place
) -> None:
    answer = Agent(place.gate, place.key, version, "/mcp/office").call("office", "sign")

    assert answer.code == -32603
    assert PAGE not in answer.body.decode()
