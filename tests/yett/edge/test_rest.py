"""`/execute`, `/v1/…`: the same road for programs that speak no MCP."""

import pytest

from tests.yett.edge.scripted import Server
from yett.core.errors import Denied
from yett.core.reasons import WIRE, Reason

SCHEMA = {
    "mcp": "inputSchema",
    "openai": "parameters",
    "openai-responses": "parameters",
    "anthropic": "input_schema",
}
EXECUTE = {"tool": "notes", "operation": "read", "input": {"title": "a"}}


@pytest.mark.parametrize("path", ["/execute", "/v1/execute"])
@pytest.mark.parametrize("body", [EXECUTE, {"tool": "notes/read", "input": {"title": "a"}}])
async def test_a_call_names_server_tool_and_input(
    path: str, body: dict[str, object], server: Server
) -> None:
    answer = await server.request("POST", path, body)
    (call,) = server.gate.calls

    assert (call.server, call.name, call.arguments, call.door) == ("notes", "read", {"title": "a"}, "rest")  # fmt: skip
    assert answer.json == {
        "id": call.id,
        "tool": "notes",
        "operation": "read",
        "output": {"content": [{"type": "text", "text": "hello"}]},
        "usage": {"cost": "0 USD", "budget_remaining": None},
    }
    assert answer.headers["yett-request-id"] == call.id


async def test_a_call_may_use_the_one_name_that_a_provider_gives_back(server: Server) -> None:
    answer = await server.request("POST", "/execute", {"tool": "notes__read", "input": {}})
    (call,) = server.gate.calls

    assert (call.server, call.name) == (None, "notes__read")
    assert answer.status == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"tool":"","operation":"a__b"}', b'{"tool":"a/"}', b'{"tool":"/b__c"}',
        b"", b"[]", b"{", b'{"tool":"a"}', b'{"tool":1,"operation":"b"}', b'{"tool":"a","operation":"b","input":[]}',
        b'{"tool":"a","operation":"b","extra":1}', b'{"tool":"a","tool":"b","operation":"c"}', b"\xef\xbb\xbf{}",
        b'{"tool":"a","operation":"b","input":{"x":NaN}}', b'{"Tool":"a","operation":"b"}',
        b'{"tool":"a","operation":"b","input":{"x":"\\ud800"}}',
    ],
)  # fmt: skip
async def test_a_malformed_body_is_refused_with_the_reason(body: bytes, server: Server) -> None:
    answer = await server.request("POST", "/execute", body)

    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["reason"] == "malformed_request"
    assert answer.json["request_id"] == server.gate.calls[0].id


@pytest.mark.parametrize("reason", list(Reason))
async def test_every_reason_has_its_status_and_its_one_text(reason: Reason, server: Server) -> None:
    server.gate.refusal = Denied(reason, "PRIVATE", retry_after_seconds=1.2, resets_at=0.0)
    answer = await server.request("POST", "/execute", EXECUTE)

    assert answer.status == WIRE[reason].http
    assert answer.json["detail"].startswith(WIRE[reason].text)
    assert answer.json["resets_at"] == "1970-01-01T00:00:00Z"
    assert answer.headers["retry-after"] == "2"
    assert b"PRIVATE" not in answer.body


async def test_forbidden_and_unknown_look_the_same(server: Server) -> None:
    bodies = []
    for reason in (Reason.UNKNOWN_TOOL, Reason.NOT_PERMITTED):
        server.gate.refusal = Denied(reason, "x")
        answer = await server.request("POST", "/execute", EXECUTE)
        bodies.append({**answer.json, "request_id": ""})

    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("form", ["mcp", "openai", "openai-responses", "anthropic"])
async def test_tools_come_in_the_words_of_the_provider(form: str, server: Server) -> None:
    (tool,) = (await server.request("GET", f"/v1/tools?format={form}")).json["tools"]
    inner = tool.get("function", tool)

    assert inner["name"] == "notes__read"
    assert inner[SCHEMA[form]]


async def test_tools_can_be_searched_and_an_unknown_format_is_refused(server: Server) -> None:
    assert (await server.request("GET", "/v1/tools?q=NOTES")).json["tools"]
    assert (await server.request("GET", "/v1/tools?q=nothing")).json["tools"] == []
    assert (await server.request("GET", "/v1/tools?format=xml")).status == 400


async def test_a_query_with_very_many_fields_is_refused_like_any_other(server: Server) -> None:
    answer = await server.request("GET", "/v1/tools?" + "&".join(["q=note"] * 9))

    assert (answer.status, answer.json["reason"]) == (400, "malformed_request")
    assert server.gate.calls[-1].id == answer.headers["yett-request-id"]


@pytest.mark.parametrize("path", ["/v1/key", "/v1/usage"])
async def test_what_is_the_callers_own(path: str, server: Server) -> None:
    assert (await server.request("GET", path)).status == 200
    assert server.gate.calls[0].operation.method == path.replace("/v1/", "yett/")


async def test_another_method_is_refused_and_says_which_one(server: Server) -> None:
    answer = await server.request("GET", "/execute")

    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
