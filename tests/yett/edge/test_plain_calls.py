"""A plain call of a session takes a short way. The long way, which all else takes, says the same of everything."""

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.yett.edge.scripted import KEY, ScriptedGate, Server, read_answer
from tests.yett.edge.sessions import Old, request, settled
from yett.core import bounds
from yett.core.call import Call, Reply, RpcError
from yett.core.clock import SystemClock
from yett.core.document import encode
from yett.core.errors import Denied
from yett.core.identity import Principal
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.edge import Router
from yett.edge.http import message
from yett.edge.http.connection import Stream
from yett.edge.http.message import Head, Request, Response
from yett.edge.mcp.versions import LEGACY
from yett.edge.origin import OriginPolicy

PLAIN: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 7,
    "method": "tools/call",
    "params": {"name": "echo", "arguments": {"a": 1}},
}
HELLO: dict[str, JSON] = {"content": [{"type": "text", "text": "hello"}]}


class Gate(ScriptedGate):
    is_revoked = False

    def knows(self, credential: Secret | None) -> bool:
        return not self.is_revoked and super().knows(credential)


class Agent:
    """Asks a router without a connection. Each request of `long` has a header that nobody has seen."""

    def __init__(
        self, version: str = "2025-06-18", path: bytes = b"/mcp", accept: bytes = b""
    ) -> None:
        self.gate = Gate()
        policy = OriginPolicy(frozenset({b"gate"}), frozenset())
        self.router = Router(self.gate, SystemClock(), policy)
        self.version = version
        self.path = path
        self.accept = accept
        self.session = b""
        self.known = self.head()

    def head(self) -> Head:
        headers = {
            b"host": b"gate",
            b"authorization": b"Bearer " + KEY.encode(),
            b"content-type": b"application/json",
        }
        if self.accept:
            headers |= {b"accept": self.accept}
        if self.session:
            headers |= {
                b"mcp-session-id": self.session,
                b"mcp-protocol-version": self.version.encode(),
            }
        return Head(b"POST", self.path, b"", headers, set())

    async def open(self, **capabilities: JSON) -> "Agent":
        params = {"protocolVersion": self.version, "capabilities": capabilities}
        answer = await self.long(encode(request("initialize", params)))
        self.session = answer.partition(b"Mcp-Session-Id: ")[2].partition(b"\r\n")[0]
        self.known = self.head()
        for _ in range(2):  # the first makes the short way, the second shows how it is written
            await self.ask(self.known, encode(PLAIN))
        return self

    async def long(self, body: bytes) -> bytes:
        return await self.ask(self.head(), body)

    async def short(self, body: bytes) -> bytes:
        assert self.known.way is not None
        return await self.ask(self.known, body)

    async def ask(self, head: Head, body: bytes) -> bytes:
        """Return all bytes of the answer, or what kind of stream it is."""
        request, task = Request(head, body, "::1"), asyncio.current_task()
        serving = None if head.way is None else head.way(request, task)
        served = await (self.router(request) if serving is None else serving)
        return as_bytes(served)

    def last(self) -> tuple[Call, Denied | None]:
        return self.gate.calls[-1], self.gate.refusals[-1] if self.gate.refusals else None


def as_bytes(served: bytes | Response | Stream) -> bytes:
    if isinstance(served, bytes):
        return served
    return (
        message.encode(served) if isinstance(served, Response) else type(served).__name__.encode()
    )


def told(call: Call, answer: bytes) -> tuple[object, ...]:
    """What two requests have in common that are the same."""
    members = {
        name: getattr(call, name)
        for name in call.__struct_fields__
        if name not in ("id", "received_at", "started", "encoded")
    }
    assert call.encoded in (b"", encode(call.arguments))
    members["credential"] = call.credential.reveal() if call.credential is not None else None
    fresh = call.id.encode() + rb"|(?<=Mcp-Session-Id: )[\w-]+"
    return members, re.sub(fresh, b"ID", answer)


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(2**63, 2**80) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
members = st.sampled_from(["jsonrpc", "id", "method", "params", "result", "other"])
own_params = st.sampled_from(["name", "arguments", "_meta", "task", "cursor", "requestId"])
metas = st.sampled_from(
    [{"progressToken": 3}, {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}, {}]
)
methods = st.sampled_from(
    ["tools/call", "tools/list", "ping", "resources/read", "initialize", "server/discover"]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A plain call, of which something may be different."""
    params: Any = dict(PLAIN["params"])
    if draw(st.booleans()):
        params["arguments"] = draw(st.dictionaries(st.text(max_size=5), values, max_size=4))
    if draw(st.integers(0, 3)) == 0:
        params[draw(own_params)] = draw(values | metas)
    if draw(st.integers(0, 5)) == 0:
        del params[draw(st.sampled_from(sorted(params)))]
    whole: Any = PLAIN | {"id": draw(st.integers() | values), "params": params}
    if draw(st.integers(0, 2)) == 0:
        whole[draw(members)] = draw(values | methods)
    if draw(st.integers(0, 5)) == 0:
        del whole[draw(st.sampled_from(sorted(whole)))]
    whole = draw(st.sampled_from([whole] * 8 + [[whole], params, None, "tools/call"]))
    body = encode(whole)
    return draw(
        st.sampled_from([body] * 6 + [body[:-1], body.replace(b",", b", "), b"\xff" + body])
    )


results = st.sampled_from(
    [
        HELLO, HELLO | {"isError": True}, HELLO | {"structuredContent": {"a": 1}},
        HELLO | {"structuredContent": [1]}, HELLO | {"_meta": {"progressToken": 1, "a": 2}},
        HELLO | {"resultType": "complete"}, {}, {"content": [{"type": "resource_link", "uri": "a"}]},
    ]
)  # fmt: skip


@st.composite
def replies(draw: st.DrawFn) -> dict[str, Any]:
    """How the road answers whatever it is asked."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return {"refusal": Denied(draw(st.sampled_from(list(Reason))), "drawn")}
    if kind == 1:
        return {"error": RpcError(-32002, "not there")}
    result = draw(results)
    return {"result": result, "encoded": encode(result) if kind > 2 else b""}


@given(
    st.sampled_from(LEGACY),
    st.sampled_from([b"/mcp", b"/mcp/git"]),
    st.sampled_from([b"", b"*/*", b"application/json"]),
    st.sampled_from([{}, {"elicitation": {}}, {"sampling": {}, "roots": {}}]),
    bodies(),
    replies(),
)
def test_both_ways_say_the_same_of_every_message_and_every_answer(
    version: str,
    path: bytes,
    accept: bytes,
    capabilities: dict[str, JSON],
    body: bytes,
    said: dict[str, Any],
) -> None:
    async def ask() -> None:
        agent = await Agent(version, path, accept).open(**capabilities)
        agent.gate.script = lambda call, principal: Reply(call=call, principal=principal, **said)
        found, answer = [], b""
        for way in (agent.long, agent.short):
            agent.gate.calls.clear()
            agent.gate.refusals.clear()
            answer = await way(body)
            refusals = [refusal.reason for refusal in agent.gate.refusals]
            found.append(([told(call, answer) for call in agent.gate.calls], refusals))
        assert found[0] == found[1]
        assert found[0][0] or answer == b"LegacyPost"

    asyncio.run(ask())


async def test_a_plain_call_takes_the_short_way() -> None:
    agent = await Agent().open()
    agent.gate.script = lambda call, _: Reply(call=call, result=HELLO, encoded=encode(HELLO))
    agent.router.arrivals = None  # type: ignore[assignment]  # the long way would ask it

    answer = await agent.short(encode(PLAIN))

    assert answer.endswith(b'{"jsonrpc":"2.0","id":7,"result":' + encode(HELLO) + b"}")
    assert agent.gate.calls[-1].encoded == encode({"a": 1})


@pytest.mark.parametrize(
    "large", [bounds.STRANGER_BODY_BYTES_MAX, bounds.STRANGER_BODY_BYTES_MAX + 1]
)
async def test_a_large_body_is_parsed_for_a_known_caller_only(large: int) -> None:
    agent = await Agent().open()
    agent.gate.is_revoked = True
    long = PLAIN | {"params": {"name": "echo", "arguments": {"a": ""}}}
    padding = "x" * (large - len(encode(long)))
    long["params"]["arguments"]["a"] = padding

    await agent.short(encode(long))

    is_small = large <= bounds.STRANGER_BODY_BYTES_MAX
    assert agent.gate.calls[-1].arguments == ({"a": padding} if is_small else {})


async def test_the_short_way_ends_with_its_session() -> None:
    agent = await Agent().open()
    sessions = agent.router._mcp._sessions
    sessions.end(agent.session.decode())
    answer = await agent.short(encode(PLAIN))

    assert agent.gate.refusals[-1].reason is Reason.UNKNOWN_SESSION
    assert b"unknown_session" in answer


async def test_a_session_that_was_idle_for_too_long_has_ended() -> None:
    agent = await Agent().open()
    (session,) = agent.router._mcp._sessions
    session.used -= bounds.SESSION_IDLE_SECONDS_MAX + 2
    await agent.short(encode(PLAIN))

    assert agent.gate.refusals[-1].reason is Reason.UNKNOWN_SESSION
    assert list(agent.router._mcp._sessions) == []


async def test_a_session_in_use_stays() -> None:
    agent = await Agent().open()
    (session,) = agent.router._mcp._sessions
    session.used = before = session.used - 5.0
    await agent.short(encode(PLAIN))

    assert session.used > before
    assert agent.gate.refusals == []


async def test_who_may_be_asked_something_takes_it_too_and_may_still_be_asked() -> None:
    agent = await Agent().open(elicitation={})
    agent.router.arrivals = None  # type: ignore[assignment]
    await agent.short(encode(PLAIN))
    talk = agent.gate.calls[-1].talk

    assert talk is not None
    assert "elicitation" in talk.capabilities


async def test_who_wants_to_be_told_something_does_not() -> None:
    agent = await Agent().open()
    await agent.short(encode(request("logging/setLevel", {"level": "error"})))

    assert await agent.short(encode(PLAIN)) == b"LegacyPost"


async def test_a_question_of_a_server_is_no_plain_answer() -> None:
    agent = await Agent().open()
    asks: dict[str, JSON] = {
        "resultType": "input_required",
        "inputRequests": {},
        "requestState": "s",
    }
    agent.gate.script = lambda call, _: Reply(call=call, result=asks, encoded=encode(asks))

    assert await agent.long(encode(PLAIN)) == await agent.short(encode(PLAIN)) == b"LegacyPost"


# -- on a connection


class Line:
    """One connection of an agent, on which a plain call was made before."""

    @classmethod
    async def open(cls, server: Server) -> "Line":
        line = cls()
        line.old, line.server = await Old.open(server), server
        line.reader, line.writer = await server.connect()

        def answer(call: Call, _: Principal) -> Reply:
            return Reply(call=call, result=HELLO, encoded=encode(HELLO))

        server.gate.script = answer
        for _ in range(3):
            line.send()
            assert (await read_answer(line.reader)).status == 200
        return line

    def __init__(self) -> None:
        self.old: Old
        self.server: Server
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    def data(self, id_: int = 7) -> bytes:
        headers = self.old.headers
        return self.server.encode("POST", "/mcp", PLAIN | {"id": id_}, **headers)

    def send(self, id_: int = 7) -> None:
        self.writer.write(self.data(id_))


async def test_calls_that_come_together_are_answered_in_order(server: Server) -> None:
    line = await Line.open(server)
    line.writer.write(b"".join(line.data(number) for number in range(10, 15)))
    answers = [await read_answer(line.reader) for _ in range(5)]
    line.writer.close()

    assert [answer.json["id"] for answer in answers] == [10, 11, 12, 13, 14]
    assert len({answer.headers["yett-request-id"] for answer in answers}) == 5


async def test_a_call_is_cancelled_by_the_agents_word_and_its_connection_goes_on(
    server: Server,
) -> None:
    line = await Line.open(server)
    server.gate.hold = asyncio.Event()
    line.send(id_=77)
    await settled(
        lambda: server.gate.calls[-1].operation.method == "tools/call" and _running(server) == 1
    )
    await line.old.notify("notifications/cancelled", {"requestId": 77})
    answer = await read_answer(line.reader)
    server.gate.hold = None
    line.send(id_=78)
    after = await read_answer(line.reader)
    line.writer.close()

    assert answer.json["error"]["data"]["reason"] == "cancelled"
    assert after.json["result"] == HELLO
    assert _running(server) == 0


async def test_an_agent_that_hangs_up_cancels_its_plain_call(server: Server) -> None:
    line = await Line.open(server)
    server.gate.hold = asyncio.Event()
    line.send()
    await settled(lambda: _running(server) == 1)
    line.writer.close()
    await settled(lambda: server.gate.cancelled == 1)

    assert _running(server) == 0


async def test_a_session_that_ends_stops_its_plain_calls(server: Server) -> None:
    line = await Line.open(server)
    server.gate.hold = asyncio.Event()
    line.send()
    await settled(lambda: _running(server) == 1)
    server.router._mcp._sessions.end(line.old.session)
    answer = await read_answer(line.reader)
    line.writer.close()

    assert answer.json["error"]["data"]["reason"] == "cancelled"


async def test_the_last_answer_of_a_gate_that_ends_says_so(server: Server) -> None:
    line = await Line.open(server)
    server.gate.hold = asyncio.Event()
    line.send()
    await settled(lambda: _running(server) == 1)
    stopping = asyncio.create_task(server.listener.stop(grace_seconds=2))
    await asyncio.sleep(0.05)
    server.gate.hold.set()
    answer = await read_answer(line.reader)
    rest = await line.reader.read()
    await stopping
    line.writer.close()

    assert answer.headers["connection"] == "close"
    assert answer.json["result"] == HELLO
    assert rest == b""


async def test_what_is_no_http_behind_a_plain_call_makes_its_answer_the_last(
    server: Server,
) -> None:
    line = await Line.open(server)
    server.gate.hold = asyncio.Event()
    line.send()
    await settled(lambda: _running(server) == 1)
    line.writer.write(b"\x00\x00\r\n\r\n")
    await settled(lambda: server.gate.refusals != [])
    server.gate.hold.set()
    answer = await read_answer(line.reader)
    rest = await line.reader.read()
    line.writer.close()

    assert answer.headers["connection"] == "close"
    assert rest == b""


async def test_a_connection_that_was_answered_well_is_no_strangers(server: Server) -> None:
    line = await Line.open(server)

    assert any(connection.known for connection in server.listener._connections)
    line.writer.close()


def _running(server: Server) -> int:
    return sum(len(session.running) for session in server.router._mcp._sessions)
