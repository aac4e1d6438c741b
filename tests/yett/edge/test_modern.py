"""What a modern caller says beside its request, and what it hears before the answer."""

import asyncio
import base64
from typing import Any, cast

import pytest

from tests.yett.edge.messages import CALL, MODERN, modern
from tests.yett.edge.scripted import Server
from yett.core import bounds
from yett.core.call import Call, Reply, RpcError
from yett.core.errors import Denied
from yett.core.identity import Principal
from yett.core.notices import LOG_LEVELS, Notice
from yett.core.reasons import Reason
from yett.core.talk import Talk
from yett.edge.mcp import line

PARENT = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"


async def talk_of(server: Server, params: dict[str, Any] | None = None, **meta: Any) -> Talk | None:
    body, headers = modern("tools/call", CALL | (params or {}), **meta)
    answer = await server.request("POST", "/mcp", body, **headers)
    assert answer.status == 200, answer.body
    return server.gate.calls[-1].talk


async def refused(server: Server, params: dict[str, Any] | None = None, **meta: Any) -> None:
    body, headers = modern("tools/call", CALL | (params or {}), **meta)
    answer = await server.request("POST", "/mcp", body, **headers)

    assert (answer.status, answer.json["error"]["code"]) == (400, -32602)
    assert server.gate.refusals[-1].reason is Reason.MALFORMED_REQUEST


def progress(value: float, **more: Any) -> Notice:
    return Notice("notifications/progress", {"progress": value} | more)


def said(level: str, data: Any = "x") -> Notice:
    return Notice("notifications/message", {"level": level, "data": data})


# -- what it says


async def test_a_plain_call_says_nothing_beside(server: Server) -> None:
    assert await talk_of(server) is None


async def test_capabilities_and_rounds_are_handed_on(server: Server) -> None:
    capabilities: dict[str, Any] = {"elicitation": {}, "extensions": {"x/y": {}}}
    talk = await talk_of(
        server,
        {"inputResponses": {"q": {"action": "accept"}}, "requestState": "sealed"},
        clientCapabilities=capabilities,
    )

    assert talk is not None
    assert talk.capabilities == capabilities
    assert (talk.inputs, talk.state) == ({"q": {"action": "accept"}}, "sealed")
    assert (talk.line, talk.progress, talk.log_level, talk.trace) == (None, False, None, {})


async def test_a_round_without_inputs_is_a_round(server: Server) -> None:
    talk = await talk_of(server, {"requestState": "sealed"})

    assert talk is not None
    assert (talk.inputs, talk.state) == (None, "sealed")


@pytest.mark.parametrize(
    "params",
    [{"inputResponses": []}, {"inputResponses": "x"}, {"requestState": 7}, {"requestState": None}, {"Task": {}}],
)  # fmt: skip
async def test_a_round_of_another_form_is_refused(params: dict[str, Any], server: Server) -> None:
    await refused(server, params)


@pytest.mark.parametrize("level", ["verbose", "INFO", 3, {}, ""])
async def test_a_level_that_does_not_exist_is_refused(level: Any, server: Server) -> None:
    await refused(server, logLevel=level)


@pytest.mark.parametrize("token", [True, 1.5, {}, [], "x" * 257])
async def test_a_token_of_another_kind_is_refused(token: Any, server: Server) -> None:
    await refused(server, progressToken=token)


@pytest.mark.parametrize(
    ("meta", "trace"),
    [
        ({"traceparent": PARENT}, {"traceparent": PARENT}),
        ({"traceparent": PARENT, "tracestate": "a=1"}, {"traceparent": PARENT, "tracestate": "a=1"}),
        ({"traceparent": PARENT, "tracestate": "a\r\nb"}, {"traceparent": PARENT}),
        ({"traceparent": PARENT, "tracestate": "a" * 513}, {"traceparent": PARENT}),
        ({"traceparent": PARENT, "tracestate": 7}, {"traceparent": PARENT}),
        ({"traceparent": PARENT.upper(), "tracestate": "a=1"}, {}),
        ({"traceparent": 7}, {}),
        ({"tracestate": "a=1"}, {}),
        ({"traceparent": PARENT, "baggage": "user=1"}, {"traceparent": PARENT}),
    ],
)  # fmt: skip
async def test_a_trace_context_is_handed_on_if_it_is_one(
    meta: dict[str, Any], trace: dict[str, Any], server: Server
) -> None:
    talk = await talk_of(server, **meta)

    assert talk is not None
    assert talk.trace == trace


async def test_rounds_belong_to_the_methods_that_may_ask(server: Server) -> None:
    for method, params in (("prompts/get", {"name": "p"}), ("resources/read", {"uri": "a:b"})):
        body, headers = modern(method, params | {"requestState": "s"})
        assert (await server.request("POST", "/mcp", body, **headers)).status == 200
        talk = server.gate.calls[-1].talk
        assert talk is not None
        assert talk.state == "s"


# -- what it hears


async def test_a_call_that_hears_nothing_is_answered_plainly(server: Server) -> None:
    body, headers = modern("tools/call", CALL, progressToken="t", logLevel="debug")
    answer = await server.request("POST", "/mcp", body, **headers)

    assert answer.headers["content-type"] == "application/json"
    assert answer.json["result"]["content"] == [{"type": "text", "text": "hello"}]


async def test_what_it_hears_comes_before_the_answer_with_its_own_token(server: Server) -> None:
    server.gate.notices = [progress(1, total=3, message="one"), said("info"), progress(2)]
    body, headers = modern("tools/call", CALL, id_="x-1", progressToken="mine", logLevel="info")
    async with server.stream("POST", "/mcp", body, **headers) as stream:
        messages = await stream.rest()

    assert "content-type: text/event-stream" in stream.head.lower()
    assert "x-accel-buffering: no" in stream.head.lower()
    assert f"yett-request-id: {server.gate.calls[-1].id}" in stream.head.lower()
    assert messages[:-1] == [
        {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1, "total": 3, "message": "one", "progressToken": "mine"}},
        {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}},
        {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 2, "progressToken": "mine"}},
    ]  # fmt: skip
    assert messages[-1]["id"] == "x-1"
    assert messages[-1]["result"]["resultType"] == "complete"


async def test_events_have_no_ids_since_nothing_is_resumed(server: Server) -> None:
    server.gate.notices = [progress(1)]
    body, headers = modern("tools/call", CALL, progressToken=0)
    async with server.stream("POST", "/mcp", body, **headers) as stream:
        first, last = await stream.event(), await stream.event()

    assert first is not None
    assert last is not None
    assert first.keys() == last.keys() == {"event", "data"}


async def test_progress_only_grows_and_only_for_who_asked(server: Server) -> None:
    server.gate.notices = [progress(2), progress(1), progress(2), progress(2.5), said("error")]
    body, headers = modern("tools/call", CALL, progressToken=7)
    async with server.stream("POST", "/mcp", body, **headers) as stream:
        told = (await stream.rest())[:-1]

    assert [message["params"]["progress"] for message in told] == [2, 2.5]
    assert {message["params"]["progressToken"] for message in told} == {7}


@pytest.mark.parametrize("level", LOG_LEVELS)
async def test_only_what_is_severe_enough_is_heard(level: str, server: Server) -> None:
    server.gate.notices = [*map(said, LOG_LEVELS), said("unheard of"), progress(1)]
    body, headers = modern("tools/call", CALL, logLevel=level)
    async with server.stream("POST", "/mcp", body, **headers) as stream:
        told = (await stream.rest())[:-1]

    levels = [message["params"]["level"] for message in told]
    assert levels == list(LOG_LEVELS[LOG_LEVELS.index(level) :])


async def test_a_server_names_no_stream_of_the_caller(server: Server) -> None:
    """Or it could end a subscription that it has nothing to do with, or speak in it."""
    meta = {"io.modelcontextprotocol/subscriptionId": 1, "com.example/x": 2}
    server.gate.notices = [progress(1, _meta=meta, progressToken="stolen"), Notice("notifications/message", {"level": "info", "data": 1, "_meta": {"io.modelcontextprotocol/subscriptionId": 1}})]  # fmt: skip
    server.gate.result = server.gate.result | {"_meta": meta | {"io.modelcontextprotocol/serverInfo": {"name": "evil"}}}  # fmt: skip
    body, headers = modern("tools/call", CALL, progressToken="mine", logLevel="debug")
    async with server.stream("POST", "/mcp", body, **headers) as stream:
        first, second, answer = await stream.rest()

    assert first["params"] == {"progress": 1, "progressToken": "mine", "_meta": {"com.example/x": 2}}  # fmt: skip
    assert second["params"] == {"level": "info", "data": 1}
    assert answer["result"]["_meta"].keys() == {"com.example/x", "io.modelcontextprotocol/serverInfo"}  # fmt: skip
    assert answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "yett"


async def test_a_refusal_after_something_was_heard_is_the_last_event(server: Server) -> None:
    server.gate.notices = [progress(1)]
    server.gate.refusal = Denied(Reason.UPSTREAM_TIMEOUT, "PRIVATE", sent=True)
    body, headers = modern("tools/call", CALL, progressToken=1)
    async with server.stream("POST", "/mcp", body, **headers) as stream:
        messages = await stream.rest()

    assert messages[-1]["error"]["code"] == 504
    assert messages[-1]["error"]["data"]["outcome_unknown"] is True
    assert "PRIVATE" not in str(messages)


async def test_who_takes_no_stream_is_told_nothing_before(server: Server) -> None:
    server.gate.notices = [progress(1)]
    body, headers = modern("tools/call", CALL, progressToken=1)
    answer = await server.request("POST", "/mcp", body, Accept="application/json", **headers)

    assert answer.json["result"]["content"] == [{"type": "text", "text": "hello"}]


async def test_who_does_not_read_is_told_less_and_keeps_nobody_waiting(server: Server) -> None:
    server.gate.notices = [
        Notice("notifications/message", {"level": "info", "data": "x" * 60_000})
    ] * 1_000
    body, headers = modern("tools/call", CALL, logLevel="info")
    async with server.stream("POST", "/mcp", body, **headers) as stream:
        await asyncio.sleep(0.5)
        messages = await stream.rest()

    assert 1 < len(messages) < 900
    assert messages[-1]["id"] == 1


async def test_who_never_reads_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ANSWER_READ_SECONDS_MAX", 0.2)
    server.gate.notices = [said("info", "x" * 60_000)] * 1_000
    server.gate.result = {"content": [{"type": "text", "text": "y" * 900_000}]}
    body, headers = modern("tools/call", CALL, logLevel="info")
    _, writer = await server.connect()
    cast("asyncio.Transport", writer.transport).pause_reading()
    writer.write(server.encode("POST", "/mcp", body, **headers))
    async with asyncio.timeout(5):
        while not server.gate.calls:
            await asyncio.sleep(0.01)
        while server.listener._connections:
            await asyncio.sleep(0.05)
    writer.close()


async def test_a_long_call_that_was_heard_of_is_kept_alive(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "KEEP_ALIVE_SECONDS", 0.02)
    server.gate.notices = [progress(1)]
    server.gate.hold = asyncio.Event()
    body, headers = modern("tools/call", CALL, progressToken=1)
    reader, writer = await server.connect()
    writer.write(server.encode("POST", "/mcp", body, **headers))
    async with asyncio.timeout(5):
        await reader.readuntil(b'"progressToken":1')
        await reader.readuntil(b": keep-alive\n\n")
        await reader.readuntil(b": keep-alive\n\n")
        server.gate.hold.set()
        await reader.readuntil(b'"resultType":"complete"')
        await reader.readuntil(b"0\r\n\r\n")
        await asyncio.sleep(0.1)
    with pytest.raises(TimeoutError):  # nothing comes behind the end
        await asyncio.wait_for(reader.read(1), 0.1)
    writer.close()


async def test_hanging_up_cancels_the_call(server: Server) -> None:
    server.gate.pause = asyncio.Event()
    body, headers = modern("tools/call", CALL, progressToken=1)
    _, writer = await server.connect()
    writer.write(server.encode("POST", "/mcp", body, **headers))
    await asyncio.sleep(0.1)
    writer.close()
    async with asyncio.timeout(5):
        while not server.gate.cancelled:
            await asyncio.sleep(0.01)


# -- what it is answered


async def test_a_question_stays_a_question_and_is_never_kept(server: Server) -> None:
    asked = {"resultType": "input_required", "requestState": "s", "inputRequests": {"q": {"method": "roots/list"}}}  # fmt: skip
    server.gate.script = lambda call, principal: Reply(call=call, principal=principal, result=asked)
    body, headers = modern("resources/read", {"uri": "a:b"}, clientCapabilities={"roots": {}})
    result = (await server.request("POST", "/mcp", body, **headers)).json["result"]

    assert result == asked | {"_meta": result["_meta"]}
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "yett"


@pytest.mark.parametrize(
    ("code", "shown", "status"),
    [(-32602, -32602, 400), (-32002, -32602, 400), (-32021, -32021, 400), (-32020, -32603, 200), (-32022, -32603, 200), (-32603, -32603, 200)],
)  # fmt: skip
async def test_an_error_of_a_server_has_the_code_of_the_version(
    code: int, shown: int, status: int, server: Server
) -> None:
    data: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}

    def answer(call: Call, principal: Principal) -> Reply:
        return Reply(call=call, principal=principal, error=RpcError(code, "no", data))

    server.gate.script = answer
    body, headers = modern("tools/call", CALL)
    found = await server.request("POST", "/mcp", body, **headers)

    assert (found.status, found.json["error"]) == (status, {"code": shown, "message": "no", "data": data})  # fmt: skip


async def test_discovery_says_what_is_served_and_of_extensions_what_both_know(
    server: Server,
) -> None:
    body, headers = modern("server/discover")
    plain = (await server.request("POST", "/mcp", body, **headers)).json["result"]
    declared: dict[str, Any] = {"extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": []}, "com.example/x": {}}}  # fmt: skip
    body, headers = modern("server/discover", clientCapabilities=declared)
    extended = (await server.request("POST", "/mcp", body, **headers)).json["result"]

    assert plain["capabilities"].keys() == {"tools", "prompts", "resources", "logging", "completions"}  # fmt: skip
    assert plain["capabilities"]["resources"] == {"listChanged": True, "subscribe": True}
    assert (plain["cacheScope"], plain["ttlMs"] > 0) == ("private", True)
    assert extended["capabilities"]["extensions"] == {"io.modelcontextprotocol/ui": {}}


async def test_the_handshake_is_told_which_versions_there_are(server: Server) -> None:
    body, headers = modern("initialize")
    answer = await server.request("POST", "/mcp", body, **headers)

    assert (answer.status, answer.json["error"]["code"]) == (404, -32601)
    assert MODERN in answer.json["error"]["message"]


async def test_a_version_that_does_not_exist_is_named_back(server: Server) -> None:
    body, headers = modern("tools/list", protocolVersion="2027-01-01")
    answer = await server.request("POST", "/mcp", body, **(headers | {"MCP-Protocol-Version": "2027-01-01"}))  # fmt: skip
    data = answer.json["error"]["data"]

    assert (data["requested"], data["supported"][0]) == ("2027-01-01", MODERN)


# -- notifications


@pytest.mark.parametrize("method", ["notifications/cancelled", "notifications/initialized", "notifications/elsewhere"])  # fmt: skip
async def test_a_notification_is_accepted_and_means_nothing(method: str, server: Server) -> None:
    body = {"jsonrpc": "2.0", "method": method, "params": {"requestId": 1}}
    answer = await server.request("POST", "/mcp", body, MCP_Protocol_Version=MODERN)

    assert (answer.status, answer.body) == (202, b"")
    assert server.gate.calls[-1].protocol == MODERN


async def test_a_notification_whose_header_says_another_method_is_refused(server: Server) -> None:
    body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}}
    answer = await server.request("POST", "/mcp", body, MCP_Protocol_Version=MODERN, Mcp_Method="tools/call")  # fmt: skip

    assert (answer.status, answer.json["error"]["code"]) == (400, -32020)


async def test_a_notification_that_repeats_a_header_is_refused(server: Server) -> None:
    body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}}
    data = server.encode("POST", "/mcp", body, MCP_Protocol_Version=MODERN)
    answer = await server.send(data.replace(b"MCP-Protocol-Version", b"mcp-method: a\r\nMcp-Method: b\r\nMCP-Protocol-Version", 1))  # fmt: skip

    assert answer.json["error"]["code"] == -32020


@pytest.mark.parametrize("meta", [{"protocolVersion": 7}, {"protocolVersion": None}, {"clientCapabilities": []}, {"clientCapabilities": None}])  # fmt: skip
async def test_what_each_request_must_say_has_its_form(
    meta: dict[str, Any], server: Server
) -> None:
    body, headers = modern("tools/call", CALL, **meta)
    answer = await server.request("POST", "/mcp", body, **headers)

    assert (answer.status, answer.json["error"]["code"]) == (400, -32602)


async def test_a_session_and_an_event_id_mean_nothing(server: Server) -> None:
    body, headers = modern("tools/call", CALL)
    answer = await server.request("POST", "/mcp", body, Mcp_Session_Id="nonsense", Last_Event_ID="7", **headers)  # fmt: skip

    assert answer.status == 200
    assert "mcp-session-id" not in answer.headers


# -- mirrored headers


def sentinel(data: bytes) -> str:
    return f"=?base64?{base64.b64encode(data).decode()}?="


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("us-west1", "us-west1"),
        (sentinel("Größe".encode()), "Größe"),
        (sentinel(b""), ""),
        (sentinel(sentinel(b"a").encode()), sentinel(b"a")),
        ("=?base64?=", "=?base64?="),
        ("=?BASE64?YQ==?=", "=?BASE64?YQ==?="),
        ("=?base64?YR==?=", None),
        ("=?base64?YQ?=", None),
        ("=?base64?Y Q=?=", None),
        ("=?base64?%%%?=", None),
        (sentinel(b"\xff"), None),
    ],
)
async def test_mirrored_arguments_are_decoded_in_one_way(
    header: str, value: str | None, server: Server
) -> None:
    body, headers = modern("tools/call", CALL)
    await server.request("POST", "/mcp", body, **headers, MCP_Param_Region=header)

    assert server.gate.calls[-1].mirrored == {"region": value}


async def test_a_mirrored_argument_that_is_repeated_says_nothing(server: Server) -> None:
    body, headers = modern("tools/call", CALL)
    data = server.encode("POST", "/mcp", body, **headers, Mcp_Param_Region="a")
    await server.send(data.replace(b"Mcp-Param-Region", b"mcp-param-region: a\r\nMcp-Param-Region", 1))  # fmt: skip

    assert server.gate.calls[-1].mirrored == {"region": None}


async def test_versions_that_do_not_mirror_have_no_mirrored_arguments(server: Server) -> None:
    body, headers = modern("tools/call", CALL)
    await server.request("POST", "/mcp", body, **headers)
    assert server.gate.calls[-1].mirrored == {}

    legacy = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    await server.request("POST", "/mcp", legacy, Mcp_Param_Region="a")
    assert server.gate.calls[-1].mirrored is None
