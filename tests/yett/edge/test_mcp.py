"""MCP over Streamable HTTP, legacy and modern, through the real listener."""

import asyncio
import base64
from typing import Any

import pytest

from tests.yett.edge.scripted import KEY, Server, read_answer
from yett.core.errors import Denied
from yett.core.reasons import WIRE, Reason, public_reason

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def message(method: str, params: dict[str, Any] | None = None, id_: Any = 1) -> dict[str, Any]:
    found: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if id_ is not None:
        found["id"] = id_
    return found if params is None else found | {"params": params}


CALL = {"name": "notes__read", "arguments": {"title": "a"}}


def modern(method: str, params: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, str]]:  # fmt: skip
    params = dict(params or {}) | {"_meta": META}
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    named = params.get("name") or params.get("uri")
    if named:
        headers["Mcp-Name"] = named
    return message(method, params), headers


async def open_session(server: Server, version: str = "2025-11-25", path: str = "/mcp") -> str:
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}  # fmt: skip
    answer = await server.request("POST", path, message("initialize", params))
    assert answer.status == 200
    return answer.headers["mcp-session-id"]


# -- legacy


@pytest.mark.parametrize("version", LEGACY)
async def test_initialize_settles_on_a_version_and_opens_a_session(
    version: str, server: Server
) -> None:
    answer = await server.request("POST", "/mcp", message("initialize", {"protocolVersion": version}))  # fmt: skip

    assert answer.json["result"]["protocolVersion"] == version
    assert answer.json["result"]["serverInfo"]["name"] == "yett"
    assert len(answer.headers["mcp-session-id"]) >= 32


@pytest.mark.parametrize("version", ["2024-10-07", "1999-01-01", None, 7, MODERN])
async def test_an_unknown_version_is_answered_with_the_newest_legacy_one(
    version: Any, server: Server
) -> None:
    answer = await server.request("POST", "/mcp", message("initialize", {"protocolVersion": version}))  # fmt: skip

    assert answer.json["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize("version", LEGACY)
async def test_a_legacy_call_goes_through(version: str, server: Server) -> None:
    session = await open_session(server, version)
    answer = await server.request(
        "POST", "/mcp", message("tools/call", CALL, "x-1"), Mcp_Session_Id=session, MCP_Protocol_Version=version
    )  # fmt: skip
    call = server.gate.calls[-1]

    assert answer.json == {"jsonrpc": "2.0", "id": "x-1", "result": {"content": [{"type": "text", "text": "hello"}]}}  # fmt: skip
    assert (call.server, call.name, call.arguments, call.protocol, call.owner) == (None, "notes__read", {"title": "a"}, version, "k1")  # fmt: skip


async def test_initialized_and_ping_are_answered(server: Server) -> None:
    session = await open_session(server)
    note = await server.request("POST", "/mcp", message("notifications/initialized", id_=None), Mcp_Session_Id=session)  # fmt: skip
    ping = await server.request("POST", "/mcp", message("ping"), Mcp_Session_Id=session)

    assert (note.status, note.body) == (202, b"")
    assert ping.json["result"] == {}


async def test_a_missing_session_is_400_and_an_unknown_one_404(server: Server) -> None:
    missing = await server.request("POST", "/mcp", message("tools/list"))
    unknown = await server.request("POST", "/mcp", message("tools/list"), Mcp_Session_Id="x" * 32)

    assert (missing.status, unknown.status) == (400, 404)


async def test_a_session_belongs_to_its_principal_and_its_endpoint(server: Server) -> None:
    session = await open_session(server)
    stolen = await server.request("POST", "/mcp", message("tools/list"), key=f"{KEY}2", Mcp_Session_Id=session)  # fmt: skip
    moved = await server.request("POST", "/mcp/notes", message("tools/list"), Mcp_Session_Id=session)  # fmt: skip
    ended_by_thief = await server.request("DELETE", "/mcp", key=f"{KEY}2", Mcp_Session_Id=session)
    still = await server.request("POST", "/mcp", message("tools/list"), Mcp_Session_Id=session)

    assert (stolen.status, moved.status, ended_by_thief.status, still.status) == (404, 404, 404, 200)  # fmt: skip


async def test_delete_ends_the_session(server: Server) -> None:
    session = await open_session(server)
    ended = await server.request("DELETE", "/mcp", Mcp_Session_Id=session)
    after = await server.request("POST", "/mcp", message("tools/list"), Mcp_Session_Id=session)

    assert (ended.status, after.status) == (200, 404)


async def test_no_session_is_opened_without_a_good_key(server: Server) -> None:
    answer = await server.request("POST", "/mcp", message("initialize", {}), key="wrong")

    assert answer.status == 401
    assert "mcp-session-id" not in answer.headers


async def test_a_version_header_that_does_not_exist_is_refused(server: Server) -> None:
    session = await open_session(server)
    answer = await server.request("POST", "/mcp", message("tools/list"), Mcp_Session_Id=session, MCP_Protocol_Version="2031-01-01")  # fmt: skip

    assert answer.status == 400
    assert answer.json["error"]["code"] == -32022


async def test_the_stream_carries_changes_and_is_cut_when_the_key_is_revoked(
    server: Server,
) -> None:
    session = await open_session(server)
    reader, writer = await server.connect()
    writer.write(server.encode("GET", "/mcp", Mcp_Session_Id=session, Accept="text/event-stream"))
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"text/event-stream" in head
        server.router.changes.announce()
        await reader.readuntil(b"notifications/tools/list_changed")
        server.gate.live = False
        rest = await reader.read()
    writer.close()

    assert rest.endswith(b"0\r\n\r\n")


async def test_the_stream_needs_a_session_an_owner_and_the_right_accept(server: Server) -> None:
    session = await open_session(server)
    none = await server.request("GET", "/mcp", Accept="text/event-stream")
    thief = await server.request("GET", "/mcp", key=f"{KEY}2", Mcp_Session_Id=session, Accept="text/event-stream")  # fmt: skip
    json = await server.request("GET", "/mcp", Mcp_Session_Id=session, Accept="application/json")
    other = await server.request("GET", "/mcp", MCP_Protocol_Version=MODERN)

    assert (none.status, thief.status, json.status, other.status) == (400, 404, 406, 405)


# -- the envelope


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700), (b"{", -32700), (b"\xff\xfe{}", -32700), (b"\xef\xbb\xbf{}", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","n\\u0061me":"b"}}', -32700),
        (b"[]", -32600), (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
        (b'{"jsonrpc":"2.0","id":1,"Method":"tools/call","method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","Params":{}}', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600), (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600), (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600), (b'{"id":1,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600), (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', -32600),
    ],
)  # fmt: skip
async def test_an_ambiguous_envelope_is_refused(body: bytes, code: int, server: Server) -> None:
    """In a session: nothing else is wrong with it."""
    session = await open_session(server)
    answer = await server.request("POST", "/mcp", body, Mcp_Session_Id=session)

    assert answer.status == 400
    assert answer.json["error"]["code"] == code
    assert answer.json["error"]["data"]["reason"] == "malformed_request"
    assert server.gate.calls[-1].arguments == {}


@pytest.mark.parametrize(
    "params",
    [{}, {"name": ""}, {"name": 1}, {"name": "a", "arguments": []}, {"name": "a", "task": 1}, {"name": "a", "task": {"ttl": -1}}, {"name": "a", "task": {"ttl": True}}, {"name": "a", "Arguments": {}}],
)  # fmt: skip
async def test_params_that_are_not_understood_are_refused_and_not_dropped(
    params: dict[str, Any], server: Server
) -> None:
    session = await open_session(server)
    answer = await server.request("POST", "/mcp", message("tools/call", params), Mcp_Session_Id=session)  # fmt: skip

    assert answer.json["error"]["code"] == -32602


@pytest.mark.parametrize("method", ["tools/Call", "sampling/createMessage", "yett/key", "session/end", "server/discover", "x"])  # fmt: skip
async def test_a_method_that_is_not_in_the_table_is_refused(method: str, server: Server) -> None:
    session = await open_session(server)
    answer = await server.request("POST", "/mcp", message(method), Mcp_Session_Id=session)

    assert answer.json["error"]["code"] == -32601
    assert server.gate.refusals[-1].reason is Reason.UNKNOWN_METHOD


async def test_a_tool_call_without_an_id_is_never_executed_as_a_notification(
    server: Server,
) -> None:
    session = await open_session(server)
    answer = await server.request("POST", "/mcp", message("tools/call", CALL, None), Mcp_Session_Id=session)  # fmt: skip

    assert answer.status == 400
    assert server.gate.refusals[-1].reason is Reason.MALFORMED_REQUEST


async def test_a_notification_that_is_not_carried_is_accepted_and_recorded(server: Server) -> None:
    session = await open_session(server)
    note = message("notifications/elsewhere", id_=None)
    answer = await server.request("POST", "/mcp", note, Mcp_Session_Id=session)

    assert (answer.status, answer.body) == (202, b"")
    assert server.gate.refusals[-1].reason is Reason.UNKNOWN_METHOD


# -- modern


async def test_a_modern_call_needs_no_session(server: Server) -> None:
    body, headers = modern("tools/call", CALL)
    answer = await server.request("POST", "/mcp/notes", body, **headers)
    result = answer.json["result"]

    assert result["content"] == [{"type": "text", "text": "hello"}]
    assert result["resultType"] == "complete"
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "yett"
    assert "mcp-session-id" not in answer.headers
    assert server.gate.calls[-1].server == "notes"


@pytest.mark.parametrize("reason", [Reason.UNKNOWN_TOOL, Reason.NOT_PERMITTED])
async def test_a_resource_that_is_not_there_is_named_as_one_that_may_not_be_read(
    reason: Reason, server: Server
) -> None:
    server.gate.refusal = Denied(reason, "scripted")
    body, headers = modern("resources/read", {"uri": "note://a"})
    answer = await server.request("POST", "/mcp/notes", body, **headers)
    error = answer.json["error"]

    assert (answer.status, error["code"]) == (400, -32602)
    assert (error["data"]["reason"], error["data"]["uri"]) == ("unknown_tool", "note://a")


async def test_modern_lists_are_private_and_discover_names_the_versions(server: Server) -> None:
    body, headers = modern("tools/list")
    listed = (await server.request("POST", "/mcp", body, **headers)).json["result"]
    body, headers = modern("server/discover")
    found = (await server.request("POST", "/mcp", body, **headers)).json["result"]

    assert (listed["cacheScope"], listed["ttlMs"], listed["resultType"]) == ("private", 0, "complete")  # fmt: skip
    assert found["supportedVersions"] == [MODERN, *LEGACY]


def sentinel(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


MISMATCHES: dict[str, dict[str, str]] = {
    "another name": {"Mcp-Name": "notes__write"},
    "no name": {"Mcp-Name": "-"},
    "no method": {"Mcp-Method": "-"},
    "another method": {"Mcp-Method": "tools/list"},
    "method in other case": {"Mcp-Method": "Tools/Call"},
    "sentinel of another name": {"Mcp-Name": sentinel("notes__write")},
    "sentinel of a sentinel": {"Mcp-Name": sentinel(sentinel("notes__read"))},
    "sentinel in upper case": {"Mcp-Name": sentinel("notes__read").replace("base64", "BASE64")},
    "sentinel that is no base64": {"Mcp-Name": "=?base64?%%%?="},
    "no version": {"MCP-Protocol-Version": "-"},
    "another version": {"MCP-Protocol-Version": "2025-11-25"},
    "unknown version": {"MCP-Protocol-Version": "2031-01-01"},
}


@pytest.mark.parametrize("name", MISMATCHES)
async def test_headers_that_differ_from_the_body_are_refused(name: str, server: Server) -> None:
    body, headers = modern("tools/call", CALL)
    answer = await server.request("POST", "/mcp", body, **(headers | MISMATCHES[name]))

    assert answer.status == 400
    assert answer.json["error"]["code"] == -32020
    assert server.gate.refusals


async def test_a_repeated_standard_header_is_a_mismatch(server: Server) -> None:
    body, headers = modern("tools/call", CALL)
    data = server.encode("POST", "/mcp", body, **headers)
    data = data.replace(b"Mcp-Name:", b"Mcp-Name: notes__write\r\nMcp-Name:", 1)

    assert (await server.send(data)).json["error"]["code"] == -32020


async def test_a_name_in_a_sentinel_is_the_name(server: Server) -> None:
    body, headers = modern("tools/call", CALL)
    headers["Mcp-Name"] = sentinel("notes__read")

    assert (await server.request("POST", "/mcp", body, **headers)).status == 200


async def test_meta_is_required_and_a_foreign_version_is_named(server: Server) -> None:
    body, headers = modern("tools/list")
    bare = await server.request("POST", "/mcp", body | {"params": {}}, **headers)
    other = body | {"params": {"_meta": META | {"io.modelcontextprotocol/protocolVersion": "2027-01-01"}}}  # fmt: skip
    future = await server.request("POST", "/mcp", other, **(headers | {"MCP-Protocol-Version": "2027-01-01"}))  # fmt: skip

    assert (bare.status, bare.json["error"]["code"]) == (400, -32602)
    assert (future.status, future.json["error"]["code"]) == (400, -32022)
    assert MODERN in future.json["error"]["data"]["supported"]


@pytest.mark.parametrize("method", ["initialize", "ping", "logging/setLevel", "resources/subscribe"])  # fmt: skip
async def test_removed_methods_are_404_in_the_modern_era(method: str, server: Server) -> None:
    body, headers = modern(method)
    answer = await server.request("POST", "/mcp", body, **headers)

    assert (answer.status, answer.json["error"]["code"]) == (404, -32601)


# -- refusals


@pytest.mark.parametrize("reason", [r for r in Reason if r not in {Reason.UNAUTHENTICATED, Reason.FORBIDDEN_ORIGIN, Reason.UNKNOWN_PATH, Reason.INVALID_INPUT}])  # fmt: skip
async def test_every_reason_has_its_form_in_both_eras(reason: Reason, server: Server) -> None:
    session = await open_session(server)
    server.gate.refusal = Denied(reason, "PRIVATE", retry_after_seconds=3)
    legacy = await server.request("POST", "/mcp", message("tools/call", CALL), Mcp_Session_Id=session)  # fmt: skip
    body, headers = modern("tools/call", CALL)
    newer = await server.request("POST", "/mcp", body, **headers)

    for answer, status in zip((legacy, newer), WIRE[reason].mcp_http, strict=True):
        assert answer.status == status
        assert answer.json["error"]["code"] == WIRE[reason].rpc
        assert answer.json["error"]["data"]["reason"] == public_reason(reason)
        assert answer.json["error"]["data"]["request_id"] == answer.headers["yett-request-id"]
        assert b"PRIVATE" not in answer.body


@pytest.mark.parametrize(("version", "as_result"), [("2025-11-25", True), ("2025-06-18", False), ("2025-03-26", False)])  # fmt: skip
async def test_input_that_does_not_fit_is_a_tool_error_where_the_version_wants_it(
    version: str,
    as_result: bool,  # noqa: FBT001 - a parameter of the table
    server: Server,
) -> None:
    session = await open_session(server, version)
    server.gate.refusal = Denied(Reason.INVALID_INPUT, "x", pointer="/title", shown="too long")
    answer = await server.request("POST", "/mcp", message("tools/call", CALL), Mcp_Session_Id=session)  # fmt: skip

    if as_result:
        assert answer.json["result"]["isError"] is True
        assert "/title" in answer.json["result"]["content"][0]["text"]
    else:
        assert answer.json["error"]["code"] == -32602
        assert answer.json["error"]["data"]["pointer"] == "/title"


@pytest.mark.parametrize("id_", [0, "a" * 256, -7, 2**53])
async def test_the_id_comes_back_as_it_was(id_: Any, server: Server) -> None:
    session = await open_session(server)
    answer = await server.request("POST", "/mcp", message("tools/call", CALL, id_), Mcp_Session_Id=session)  # fmt: skip

    assert answer.json["id"] == id_


async def test_two_hundred_agents_with_the_same_id_do_not_cross(server: Server) -> None:
    session = await open_session(server)

    async def one(number: int) -> None:
        reader, writer = await server.connect()
        writer.write(server.encode("POST", "/mcp", message("tools/call", {"name": f"notes__{number}"}, 0), Mcp_Session_Id=session))  # fmt: skip
        answer = await read_answer(reader)
        writer.close()
        assert answer.json["id"] == 0

    await asyncio.gather(*(one(number) for number in range(200)))
    ids = [call.id for call in server.gate.calls]

    assert len(set(ids)) == len(ids)
