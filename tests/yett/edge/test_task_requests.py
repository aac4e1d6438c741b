"""What the tasks extension says of requests: who may send them, and what means nothing any more (SEP-2663)."""

from typing import Any

import pytest

from tests.yett.edge.scripted import Server
from yett.core.tasks import EXTENSION

MODERN = "2026-07-28"


def request(
    method: str, params: dict[str, Any], **capabilities: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    }
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    if named := params.get("name") or params.get("taskId"):
        headers["Mcp-Name"] = named
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
    return body, headers


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
@pytest.mark.parametrize("declared", [{}, {"extensions": {}}, {"extensions": [EXTENSION]}])
async def test_who_did_not_declare_tasks_is_told_what_to_declare(
    method: str, declared: dict[str, Any], server: Server
) -> None:
    body, headers = request(method, {"taskId": "t"}, **declared)
    answer = await server.request("POST", "/mcp", body, **headers)
    error = answer.json["error"]

    assert (answer.status, error["code"]) == (400, -32021)
    assert error["data"]["requiredCapabilities"] == {"extensions": {EXTENSION: {}}}
    assert server.gate.refusals


async def test_who_declared_tasks_may_ask_about_one(server: Server) -> None:
    body, headers = request("tasks/get", {"taskId": "t"}, extensions={EXTENSION: {}})
    answer = await server.request("POST", "/mcp", body, **headers)
    asked = server.gate.calls[-1].task

    assert answer.status == 200
    assert asked is not None
    assert asked.id == "t"


@pytest.mark.parametrize("dropped", ["Mcp-Name", "nothing"])
async def test_a_result_is_not_fetched_any_more_whatever_the_headers_say(
    dropped: str, server: Server
) -> None:
    body, headers = request("tasks/result", {"taskId": "t"}, extensions={EXTENSION: {}})
    headers.pop(dropped, None)
    answer = await server.request("POST", "/mcp", body, **headers)

    assert (answer.status, answer.json["error"]["code"]) == (404, -32601)


async def test_the_way_to_ask_for_a_task_that_is_gone_means_nothing(server: Server) -> None:
    params = {"name": "notes__read", "arguments": {"title": "a"}, "task": {"ttl": 60000}}
    body, headers = request("tools/call", params)
    answer = await server.request("POST", "/mcp", body, **headers)
    call = server.gate.calls[-1]

    assert answer.status == 200
    assert (call.arguments, call.task) == ({"title": "a"}, None)
