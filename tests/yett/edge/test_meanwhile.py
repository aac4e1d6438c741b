"""What happens while the gate is asked: each request waits for its record, and the world goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.yett.edge.scripted import KEY, Answer, Server
from tests.yett.edge.sessions import Old, all_heard, heard, request, settled
from yett.core import bounds
from yett.core.call import Call, Reply
from yett.core.identity import Principal
from yett.edge.mcp.legacy import Legacy
from yett.edge.mcp.sessions import Session

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "STREAM_CHECK_SECONDS", 0.05)


class Waiting:
    """Holds back what has this method and no more, as a record does that is not written yet."""

    def __init__(self, server: Server, method: str) -> None:
        self._gate, self._method = server.gate, method
        self._handle = server.gate.handle
        self.go = asyncio.Event()
        self.come = 0

    async def handle(self, call: Call, refused: Any = None) -> Reply:
        reply = await self._handle(call, refused)
        if call.operation.method == self._method and not self.go.is_set():
            self.come += 1
            await self.go.wait()
        return reply


@asynccontextmanager
async def waiting(server: Server, method: str) -> AsyncIterator[Waiting]:
    held = Waiting(server, method)
    server.gate.handle = held.handle  # type: ignore[method-assign]
    try:
        yield held
    finally:
        held.go.set()
        del server.gate.handle


def legacy_of(server: Server) -> Legacy:
    return server.router._mcp._legacy


async def get(old: Old, **headers: str) -> Answer:
    return await old.server.request(
        "GET", old.path, key=old.key, **(old.headers | STREAM | headers)
    )


@pytest.mark.parametrize("comes_back", [False, True])
async def test_a_stream_of_a_session_that_ended_meanwhile_is_none(
    server: Server, *, comes_back: bool
) -> None:
    """Nobody would end it: neither the end of its session nor that of its key."""
    old = await Old.open(server)
    headers = {}
    if comes_back:
        async with old.listening() as stream:
            event = await stream.event()
        assert event is not None
        headers = {"Last_Event_ID": event["id"]}
        await settled(lambda: not legacy_of(server)._readers)
    async with waiting(server, "session/stream") as held:
        asking = asyncio.create_task(get(old, **headers))
        await settled(lambda: held.come)
        assert (await server.request("DELETE", "/mcp", **old.headers)).status == 200
        held.go.set()
        answer = await asking

    assert answer.status == 404
    assert server.gate.refusals[-1].reason.value == "unknown_session"
    assert not legacy_of(server)._announcements
    assert not legacy_of(server)._readers


async def test_who_may_have_no_stream_takes_none_of_its_places(server: Server) -> None:
    """Who has seen the id of a session may ask, and is refused; its owner's places stay its owner's."""
    old = await Old.open(server)
    async with waiting(server, "session/stream") as held:
        thieves = Old(server, old.version, old.session, f"{KEY}2", old.path)
        many = bounds.STREAMS_PER_PRINCIPAL_MAX
        asking = [asyncio.create_task(get(thieves)) for _ in range(many)]
        await settled(lambda: held.come == many)
        owned = asyncio.create_task(get_head(old))
        await settled(lambda: held.come == many + 1)
        held.go.set()
        status = await owned
        refused = await asyncio.gather(*asking)

    assert status == 200
    assert {answer.status for answer in refused} == {404}


async def get_head(old: Old) -> int:
    reader, writer = await old.server.connect()
    writer.write(old.server.encode("GET", old.path, key=old.key, **(old.headers | STREAM)))
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return int(head.split(b" ")[1])


async def test_who_asks_for_many_streams_at_once_has_as_many_as_one_by_one(server: Server) -> None:
    old = await Old.open(server)
    many = 2 * bounds.STREAMS_PER_PRINCIPAL_MAX
    async with waiting(server, "session/stream") as held:
        asking = [asyncio.create_task(get_and_stay(old)) for _ in range(many)]
        await settled(lambda: held.come == many)
        held.go.set()
        found = await asyncio.gather(*asking)
    for _, writer in found:
        writer.close()

    assert [status for status, _ in found].count(200) == bounds.STREAMS_PER_PRINCIPAL_MAX
    assert {status for status, _ in found} == {200, 429}
    session = legacy_of(server)._sessions.find(old.session, None)
    await settled(lambda: session is not None and session.streams == 0)


async def get_and_stay(old: Old) -> tuple[int, asyncio.StreamWriter]:
    reader, writer = await old.server.connect()
    writer.write(old.server.encode("GET", old.path, key=old.key, **(old.headers | STREAM)))
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split(b" ")[1]), writer


async def test_a_session_whose_caller_left_while_it_was_to_open_is_none(server: Server) -> None:
    sessions = legacy_of(server)._sessions
    async with waiting(server, "initialize") as held:
        _, writer = await server.connect()
        params = {"protocolVersion": "2025-11-25", "capabilities": {}}
        writer.write(server.encode("POST", "/mcp", request("initialize", params)))
        await settled(lambda: held.come)
        writer.transport.abort()
        await settled(lambda: not server.listener._connections)
        held.go.set()
        await asyncio.sleep(0.05)

    assert list(sessions) == []


async def test_a_subscription_of_a_session_that_ended_meanwhile_watches_nothing(
    server: Server,
) -> None:
    old = await Old.open(server)

    def watched(call: Call, principal: Principal) -> Reply | None:
        if call.operation.method != "resources/subscribe":
            return None
        return Reply(call=call, principal=principal, result={}, target="notes/x://a")

    server.gate.script = watched
    async with waiting(server, "resources/subscribe") as held:
        asking = asyncio.create_task(old.ask("resources/subscribe", {"uri": "x://a"}))
        await settled(lambda: held.come)
        assert (await server.request("DELETE", "/mcp", **old.headers)).status == 200
        held.go.set()
        await asking

    assert server.gate.released == [("notes", "x://a")]
    assert not legacy_of(server)._announcements
    assert not legacy_of(server)._listening.tally.watched


@pytest.mark.parametrize("leaves_first", [False, True])
async def test_a_call_that_its_agent_cancels_and_leaves_at_once_leaves_nothing_behind(
    server: Server, *, leaves_first: bool
) -> None:
    old = await Old.open(server)
    server.gate.hold = asyncio.Event()
    _, writer = await server.connect()
    body = request("tools/call", {"name": "notes__read", "arguments": {}}, 7)
    writer.write(server.encode("POST", "/mcp", body, **old.headers))
    session = legacy_of(server)._sessions.find(old.session, None)
    assert isinstance(session, Session)
    await settled(lambda: session.running)
    [task] = session.running
    [connection] = [one for one in server.listener._connections if not one.is_idle()]
    if leaves_first:
        connection.expire()
    session.cancel(7)
    if not leaves_first:
        connection.expire()
    await settled(task.done)
    await settled(lambda: connection not in server.listener._connections)
    writer.close()

    assert not session.running
    assert server.gate.cancelled == 1


async def test_a_stream_that_was_granted_tells_and_ends_with_its_session(server: Server) -> None:
    """The plain case of the first."""
    old = await Old.open(server)
    async with old.listening() as stream:
        assert await stream.event() is not None
        server.router.changes.announce()
        assert (await heard(stream))["method"].endswith("list_changed")
        await server.request("DELETE", "/mcp", **old.headers)
        await all_heard(stream)
    assert not legacy_of(server)._announcements
