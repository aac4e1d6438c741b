"""A modern call that is written like the one before it takes a short way. The long way, which another header takes, gives
the same call and the same answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from tests.yett.edge.messages import CALL, META, MODERN, PREFIX, modern
from tests.yett.edge.scripted import KEY, Answer, Server, read_answer
from yett.core.bounds import STRANGER_BODY_BYTES_MAX
from yett.core.call import Call, Reply, RpcError
from yett.core.document import encode
from yett.core.errors import Denied
from yett.core.identity import Principal
from yett.core.reasons import Reason

MESSAGE, HEADERS = modern("tools/call", CALL)
PARAMS: dict[str, Any] = MESSAGE["params"]
RESULT = {"content": [{"type": "text", "text": "héllo"}]}


def answering(server: Server, result: dict[str, Any]) -> None:
    server.gate.script = lambda call, principal: Reply(
        call=call, principal=principal, result=result, encoded=encode(result)
    )


class Agent:
    """One connection, and one header for all that is sent on it."""

    def __init__(
        self,
        server: Server,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        headers: dict[str, str],
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._headers = HEADERS | headers

    async def send(self, body: bytes) -> Answer:
        self._writer.write(self._server.encode("POST", "/mcp", body, **self._headers))
        return await read_answer(self._reader)


@asynccontextmanager
async def agent(
    server: Server, headers: dict[str, str] | None = None, message: dict[str, Any] = MESSAGE
) -> AsyncIterator[Agent]:
    """Yield one who has made two calls, so that the next may be taken for one of the kind."""
    reader, writer = await server.connect()
    one = Agent(server, reader, writer, headers or {})
    try:
        for number in (1, 2):
            await one.send(encode(message | {"id": number}))
        yield one
    finally:
        writer.close()


def of(call: Call) -> dict[str, Any]:
    """Return all of a call but what each has of its own."""
    if call.talk is not None:
        call = msgspec.structs.replace(call, talk=msgspec.structs.replace(call.talk, line=None))
    fields = msgspec.structs.asdict(call)
    own = ("id", "received_at", "started", "encoded", "credential")
    return {name: value for name, value in fields.items() if name not in own}


def in_form(answer: Answer) -> tuple[Any, ...]:
    identifier = answer.headers["yett-request-id"]
    headers = answer.headers | {"yett-request-id": ""}
    return answer.status, headers, answer.body.replace(identifier.encode(), b"0" * len(identifier))


async def both(server: Server, one: Agent, body: bytes) -> Call:
    """Send it where the short way is open and where it is not; return the call of the first."""
    before = len(server.gate.calls)
    short = await one.send(body)
    if short.status == 413 or short.headers.get("connection") == "close":
        return server.gate.calls[-1]
    long = await server.request("POST", "/mcp", body, **HEADERS, X_Other=str(before))
    first, second = server.gate.calls[before:]

    assert in_form(short) == in_form(long)
    assert of(first) == of(second)
    assert second.encoded == b""
    return first


async def test_a_call_like_the_one_before_it_takes_the_short_way(server: Server) -> None:
    answering(server, RESULT)
    other = PARAMS | {"arguments": {"title": "ü", "deep": [{"a": 1.5}, None]}}
    async with agent(server) as one:
        first = await both(server, one, encode(MESSAGE | {"id": 3}))
        second = await both(server, one, encode(MESSAGE | {"id": 4, "params": other}))

    assert first.encoded == encode(CALL["arguments"])
    assert second.encoded == encode(other["arguments"])
    assert len({call.id for call in server.gate.calls}) == len(server.gate.calls)


def saying(**meta: Any) -> dict[str, Any]:
    return modern("tools/call", CALL, **meta)[0]


@pytest.mark.parametrize(
    "message",
    [
        saying(clientCapabilities={"elicitation": {}, "extensions": {"x/y": {}}}),
        saying(traceparent=f"00-{'a' * 32}-{'b' * 16}-01"),
        saying(clientInfo={"name": "100% %d %b", "version": "%"}),
    ],
    ids=range(3),
)
async def test_what_is_the_same_with_each_call_may_be_said_beside_it(
    message: dict[str, Any], server: Server
) -> None:
    answering(server, RESULT)
    async with agent(server, message=message) as one:
        call = await both(server, one, encode(message | {"id": 3}))

    assert call.encoded


@pytest.mark.parametrize(
    "message", [saying(progressToken=7), saying(logLevel="info")], ids=["progress", "log"]
)
async def test_who_wants_to_be_told_something_takes_the_long_way(
    message: dict[str, Any], server: Server
) -> None:
    answering(server, RESULT)
    async with agent(server, message=message) as one:
        call = await both(server, one, encode(message | {"id": 3}))

    assert call.encoded == b""
    assert call.talk is not None


BENT: dict[str, bytes] = {
    "an id that is a text": encode(MESSAGE | {"id": "3"}),
    "no id": encode({name: value for name, value in MESSAGE.items() if name != "id"}),
    "an id below 0": encode(MESSAGE | {"id": -1}),
    "an id that is no number": encode(MESSAGE | {"id": True}),
    "laid out": json.dumps(MESSAGE, indent=1).encode(),
    "another order": encode(dict(reversed(MESSAGE.items()))),
    "another tool": encode(MESSAGE | {"params": PARAMS | {"name": "notes__write"}}),
    "another method": encode(MESSAGE | {"method": "tools/list"}),
    "one member more": encode(MESSAGE | {"extra": 1}),
    "one parameter more": encode(MESSAGE | {"params": PARAMS | {"task": {}}}),
    "a round": encode(MESSAGE | {"params": PARAMS | {"requestState": "x"}}),
    "no arguments": encode(MESSAGE | {"params": {n: PARAMS[n] for n in ("name", "_meta")}}),
    "arguments that are none": encode(MESSAGE | {"params": PARAMS | {"arguments": []}}),
    "no _meta": encode(MESSAGE | {"params": CALL}),
    "another version": encode(MESSAGE | {"params": PARAMS | {"_meta": META | {f"{PREFIX}protocolVersion": "2025-06-18"}}}),
    "no capabilities": encode(MESSAGE | {"params": PARAMS | {"_meta": {f"{PREFIX}protocolVersion": MODERN}}}),
    "progress": encode(MESSAGE | {"params": PARAMS | {"_meta": META | {"progressToken": 7}}}),
    "capabilities": encode(MESSAGE | {"params": PARAMS | {"_meta": META | {f"{PREFIX}clientCapabilities": {"roots": {}}}}}),
    "another client": encode(MESSAGE | {"params": PARAMS | {"_meta": META | {f"{PREFIX}clientInfo": {"name": "u", "version": "0"}}}}),
    "a key twice": encode(MESSAGE).replace(b'{"title":"a"}', b'{"title":"a","title":"b"}'),
    "arguments twice": encode(MESSAGE).replace(b'"arguments":', b'"arguments":{},"arguments":'),
    "an escape": encode(MESSAGE).replace(b'"title"', b'"\\u0074itle"'),
    "a number that no double holds": encode(MESSAGE).replace(b'"a"', b"1.00000000000000000001"),
    "a number of many digits": encode(MESSAGE).replace(b'"a"', b"18446744073709551616"),
    "too deep": encode(MESSAGE).replace(b'"a"', b"[" * 63 + b"]" * 63),
    "a batch": encode([MESSAGE]),
    "no document": encode(MESSAGE)[:-1],
    "nothing": b"",
    "much": encode(MESSAGE | {"params": PARAMS | {"arguments": {"title": "x" * STRANGER_BODY_BYTES_MAX}}}),
}  # fmt: skip


@pytest.mark.parametrize("name", BENT)
async def test_any_other_takes_the_long_way_and_the_next_the_short_one(
    name: str, server: Server
) -> None:
    answering(server, RESULT)
    async with agent(server) as one:
        bent = await both(server, one, BENT[name])
        plain = await both(server, one, encode(MESSAGE | {"id": 9}))

    assert bent.encoded == b""
    assert plain.encoded


@pytest.mark.parametrize(
    "reply",
    [
        {"result": RESULT, "encoded": encode(RESULT)},
        {"result": RESULT},
        {"result": RESULT | {"isError": True}, "encoded": encode(RESULT | {"isError": True})},
        {"result": {}, "encoded": b"{}"},
        {"result": RESULT | {"_meta": {"a": 1}}, "encoded": encode(RESULT | {"_meta": {"a": 1}})},
        {
            "result": {"resultType": "input_required", "inputRequests": {}},
            "encoded": encode({"resultType": "input_required", "inputRequests": {}}),
        },
        {"error": RpcError(-32002, "gone"), "encoded": b'{"code":-32002}'},
        {"refusal": Denied(Reason.NOT_PERMITTED, "no")},
        {"refusal": Denied(Reason.INVALID_INPUT, "no", pointer="/title", shown="x")},
        {"refusal": Denied(Reason.UNAUTHENTICATED, "no"), "principal": None},
    ],
    ids=range(10),
)
async def test_whatever_the_answer_is_it_is_the_same(reply: dict[str, Any], server: Server) -> None:

    def script(call: Call, principal: Principal) -> Reply:
        return Reply(**({"call": call, "principal": principal} | reply))

    async with agent(server) as one:
        server.gate.script = script
        call = await both(server, one, encode(MESSAGE | {"id": 3}))

    assert call.encoded


@pytest.mark.parametrize(
    "headers",
    [
        {"Mcp_Name": "notes__write"},
        {"Mcp_Method": "tools/list"},
        {"MCP_Protocol_Version": "2025-06-18"},
        {"Mcp_Name": "-"},
        {"Origin": "https://evil.example"},
        {"Content_Type": "text/plain"},
    ],
    ids=str,
)
async def test_behind_a_header_that_is_refused_no_short_way_begins(
    headers: dict[str, str], server: Server
) -> None:
    answering(server, RESULT)
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    async with agent(server, spelled) as one:
        answer = await one.send(encode(MESSAGE | {"id": 3}))

    assert answer.status in {400, 403, 415}
    assert all(call.encoded == b"" for call in server.gate.calls)


async def test_of_a_stranger_nothing_is_kept(server: Server) -> None:
    async with agent(server, {"Authorization": "Bearer bad"}) as one:
        answer = await one.send(encode(MESSAGE | {"id": 3}))

    assert answer.status == 401
    assert all(call.encoded == b"" for call in server.gate.calls)


async def test_what_another_header_says_is_another_callers(server: Server) -> None:
    """Each key has a way of its own, however alike the calls are."""
    answering(server, RESULT)
    body = encode(MESSAGE)
    async with agent(server):
        stranger = await server.request("POST", "/mcp", body, key="bad", **HEADERS)
        other = await server.request("POST", "/mcp", body, key=f"{KEY}2", **HEADERS)

    assert (stranger.status, other.status) == (401, 200)
    keys = [call.credential.reveal_text() for call in server.gate.calls if call.credential]
    assert keys == [KEY, KEY, "bad", f"{KEY}2"]
