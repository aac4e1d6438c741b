"""Streams of sessions: what is lost with a connection can be asked for again, by its owner and by nobody else."""

import asyncio

import pytest

from tests.yett.edge.messages import CALL
from tests.yett.edge.scripted import KEY, Events, Server
from tests.yett.edge.sessions import (
    ALL,
    ELICIT,
    PROGRESS,
    Old,
    all_heard,
    asks,
    heard,
    request,
    settled,
)
from yett.core import bounds
from yett.core.call import Call, Reply
from yett.core.errors import Denied
from yett.core.identity import Principal
from yett.core.notices import Notice
from yett.core.reasons import Reason
from yett.edge.mcp import legacy, watching

HELLO = {"content": [{"type": "text", "text": "hello"}]}
KINDS = ("tools", "resources", "prompts")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "STREAM_CHECK_SECONDS", 0.05)
    monkeypatch.setattr(watching, "JUDGE_AGAIN_SECONDS", 0.1)


async def primed(stream: Events) -> str:
    """The id of the empty event at the beginning."""
    event = await stream.event()
    assert event is not None
    assert (event["data"], event["retry"]) == ("", "1000")
    return event["id"]


# -- the stream of a call


async def test_a_call_goes_on_without_its_connection_and_its_answer_is_there_later(
    server: Server,
) -> None:
    old = await Old.open(server)
    server.gate.hold, server.gate.notices = asyncio.Event(), [PROGRESS]
    async with old.calling(id_="c", token="t") as stream:
        first = await primed(stream)
        told = await stream.event()
    assert told is not None
    await asyncio.sleep(0.1)
    server.gate.hold.set()
    async with old.listening(first) as stream:
        whole = await all_heard(stream)
    async with old.listening(told["id"]) as stream:
        rest = await all_heard(stream)

    assert server.gate.cancelled == 0
    assert [message.get("method", message.get("id")) for message in whole] == ["notifications/progress", "c"]  # fmt: skip
    assert rest == [{"jsonrpc": "2.0", "id": "c", "result": HELLO}]


async def test_a_stream_that_is_come_back_to_goes_on_live(server: Server) -> None:
    old = await Old.open(server, capabilities=ALL)
    server.gate.script = asks({"who": ELICIT})
    async with old.calling() as stream:
        first = await primed(stream)
    async with old.listening(first) as stream:
        question = await heard(stream)
        await old.answer(question, {"action": "decline"})
        answer, *rest = await all_heard(stream)

    assert answer["result"] == HELLO
    assert rest == []


async def test_the_newest_connection_carries_a_stream_and_the_older_one_ends(
    server: Server,
) -> None:
    old = await Old.open(server)
    server.gate.hold, server.gate.notices = asyncio.Event(), [PROGRESS]
    async with old.calling(token=1) as stream:
        first = await primed(stream)
        await heard(stream)
        async with old.listening(first) as later:
            assert await all_heard(stream) == []
            server.gate.hold.set()
            replayed, answer = await all_heard(later)

    assert replayed["method"] == "notifications/progress"
    assert answer["result"] == HELLO


async def test_only_the_stream_that_was_lost_is_replayed(server: Server) -> None:
    old = await Old.open(server)
    server.gate.notices = [PROGRESS]
    async with old.calling(id_="a", token="a") as stream:
        first = await primed(stream)
        await all_heard(stream)
    async with old.calling(id_="b", token="b") as stream:
        await all_heard(stream)
    async with old.listening(first) as stream:
        told, answer = await all_heard(stream)

    assert (told["params"]["progressToken"], answer["id"]) == ("a", "a")


async def test_event_ids_of_another_session_open_nothing(server: Server) -> None:
    old, own_other = await Old.open(server), await Old.open(server)
    stranger = await Old.open(server, key=f"{KEY}2")
    thief = Old(server, old.version, old.session, f"{KEY}2", "/mcp")
    server.gate.notices = [PROGRESS]
    async with old.calling(token=1) as stream:
        first = await primed(stream)
        await all_heard(stream)
    secret, feed, number = first.split("-")
    for agent, last, status in (
        (own_other, first, 400),
        (stranger, first, 400),
        (thief, first, 404),
        (old, f"{secret}-p99-{number}", 400),
        (old, f"{'0' * 16}-{feed}-{number}", 400),
        (old, f"{secret}-{feed}-x", 400),
        (old, "1", 400),
        (old, "", 400),
    ):
        headers = agent.headers | {"Accept": "text/event-stream", "Last_Event_ID": last}
        answer = await server.request("GET", "/mcp", key=agent.key, **headers)
        assert answer.status == status, last
    async with old.listening(first) as stream:
        assert len(await all_heard(stream)) == 2


async def test_a_number_beyond_the_last_event_replays_nothing_twice(server: Server) -> None:
    old = await Old.open(server)
    server.gate.notices = [PROGRESS]
    async with old.calling(token=1) as stream:
        first = await primed(stream)
        await all_heard(stream)
    async with old.listening(first[:-1] + "999999") as stream:
        assert await all_heard(stream) == []


async def test_a_number_beyond_the_last_event_misses_nothing_that_comes(server: Server) -> None:
    old = await Old.open(server)
    async with old.listening() as stream:
        first = await primed(stream)
    async with old.listening(first[:-1] + "999999") as stream:
        await asyncio.sleep(0.1)
        server.router.changes.announce()
        assert (await heard(stream))["method"] == "notifications/tools/list_changed"


async def test_older_versions_get_ids_but_no_empty_event(server: Server) -> None:
    old = await Old.open(server, "2025-06-18")
    server.gate.hold, server.gate.notices = asyncio.Event(), [PROGRESS]
    async with old.calling(token=1) as stream:
        told = await stream.event()
    assert told is not None
    server.gate.hold.set()
    async with old.listening(told["id"]) as stream:
        (answer,) = await all_heard(stream)

    assert "progress" in told["data"]
    assert answer["result"] == HELLO


async def test_calls_without_a_connection_are_bounded_for_each_principal(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "DETACHED_PER_PRINCIPAL_MAX", 3)
    server.gate.hold, server.gate.notices = asyncio.Event(), [PROGRESS]
    neighbour = await Old.open(server, key=f"{KEY}2")
    async with neighbour.calling(token=1) as stream:
        await heard(stream)
    for number in range(5):
        old = await Old.open(server)
        async with old.calling(id_=number, token=number) as stream:
            first = await primed(stream)
        if number < 3:  # to come back and to leave again is no way round
            async with old.listening(first) as stream:
                await heard(stream)

    await settled(lambda: server.gate.cancelled == 2)
    await asyncio.sleep(0.1)
    assert server.gate.cancelled == 2


async def test_a_flood_of_events_drops_the_oldest_and_keeps_the_answer(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "EVENTS_PER_SESSION_MAX", 10)
    old = await Old.open(server)
    server.gate.hold = asyncio.Event()
    server.gate.notices = [
        Notice("notifications/progress", {"progress": number}) for number in range(100)
    ]
    async with old.calling(token=1) as stream:
        first = await primed(stream)
    await asyncio.sleep(0.2)
    server.gate.hold.set()
    async with old.listening(first) as stream:
        *told, answer = await all_heard(stream)

    assert [message["params"]["progress"] for message in told] == list(range(91, 100))
    assert answer["result"] == HELLO


# -- the GET stream


async def test_each_list_that_may_have_changed_is_told_on_one_stream_only(server: Server) -> None:
    old = await Old.open(server)
    async with old.listening() as first, old.listening() as second:
        await primed(first)
        await primed(second)
        server.router.changes.announce()
        told = [await heard(second) for _ in KINDS]
        server.gate.live = False
        rest = [await all_heard(first), await all_heard(second)]

    assert [message["method"] for message in told] == [f"notifications/{kind}/list_changed" for kind in KINDS]  # fmt: skip
    assert rest == [[], []]


async def test_when_the_newest_stream_is_gone_another_one_is_told(server: Server) -> None:
    old = await Old.open(server)
    async with old.listening() as first:
        await primed(first)
        async with old.listening() as second:
            await primed(second)
        await asyncio.sleep(0.1)
        server.router.changes.announce()
        assert (await heard(first))["method"] == "notifications/tools/list_changed"


async def test_what_changed_between_two_connections_is_told_once(server: Server) -> None:
    old = await Old.open(server)
    async with old.listening() as stream:
        first = await primed(stream)
    await asyncio.sleep(0.1)
    for _ in range(5):
        server.router.changes.announce()
        await asyncio.sleep(0.06)
    async with old.listening(first) as stream:
        told = [await heard(stream) for _ in KINDS]
        server.gate.live = False
        assert await all_heard(stream) == []

    assert {message["method"] for message in told} == {f"notifications/{kind}/list_changed" for kind in KINDS}  # fmt: skip


async def test_a_get_stream_of_which_nothing_is_left_begins_anew_and_says_all_may_have_changed(
    server: Server,
) -> None:
    old = await Old.open(server)
    async with old.listening() as stream:
        first = await primed(stream)
    async with old.listening() as stream:
        await primed(stream)
    await asyncio.sleep(0.1)
    async with old.listening(first) as stream:
        again = await primed(stream)
        told = [await heard(stream) for _ in KINDS]

    assert again != first
    assert len(told) == len(KINDS)


async def test_streams_of_one_key_are_bounded(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "STREAMS_PER_PRINCIPAL_MAX", 1)
    old = await Old.open(server)
    async with old.listening() as stream:
        await primed(stream)
        headers = old.headers | {"Accept": "text/event-stream"}
        answer = await server.request("GET", "/mcp", **headers)

    assert answer.status == 429


async def test_a_quiet_stream_is_kept_alive(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yett.edge.mcp import events  # noqa: PLC0415 - what is shortened

    monkeypatch.setattr(events, "KEEP_ALIVE_SECONDS", 0.05)
    old = await Old.open(server)
    reader, writer = await server.connect()
    headers = old.headers | {"Accept": "text/event-stream"}
    writer.write(server.encode("GET", "/mcp", **headers))
    async with asyncio.timeout(5):
        await reader.readuntil(b": keep-alive\n\n")
        await reader.readuntil(b": keep-alive\n\n")
    writer.close()


# -- watched resources


def serves(call: Call, principal: Principal) -> Reply | None:
    if call.operation.method != "resources/subscribe":
        return None
    if "secret" in call.name:
        return Reply(call=call, principal=principal, refusal=Denied(Reason.NOT_PERMITTED, "scripted"))  # fmt: skip
    return Reply(call=call, principal=principal, result={}, target=f"notes/{call.name[-1]}")


async def test_a_watched_resource_is_told_of_by_the_uri_that_the_caller_used(
    server: Server,
) -> None:
    server.gate.script = serves
    old, other = await Old.open(server), await Old.open(server)
    assert (await old.ask("resources/subscribe", {"uri": "yett://notes/a"})).json["result"] == {}
    assert (await old.ask("resources/subscribe", {"uri": "yett://notes/secret"})).json["error"]["code"] == -32602  # fmt: skip
    async with old.listening() as stream, other.listening() as nothing:
        await primed(stream)
        await primed(nothing)
        for uri in ("a", "b", "secret"):
            server.router.changes.update("notes", uri)
        server.router.changes.update("other", "a")
        told = await heard(stream)
        await old.ask("resources/unsubscribe", {"uri": "yett://notes/a"})
        server.router.changes.update("notes", "a")
        await asyncio.sleep(0.1)
        server.gate.live = False
        rest = [await all_heard(stream), await all_heard(nothing)]

    assert told["method"] == "notifications/resources/updated"
    assert told["params"] == {"uri": "yett://notes/a"}
    assert rest == [[], []]
    assert server.gate.released == [("notes", "a")]


async def test_what_a_session_watches_is_let_go_of_at_its_end_and_once(server: Server) -> None:
    server.gate.script = serves
    old = await Old.open(server)
    for uri in ("a", "a", "b"):
        await old.ask("resources/subscribe", {"uri": f"yett://notes/{uri}"})
    assert server.gate.released == [("notes", "a")]  # it was counted twice
    await server.request("DELETE", "/mcp", **old.headers)

    assert sorted(server.gate.released) == [("notes", "a"), ("notes", "a"), ("notes", "b")]


async def test_watched_resources_of_one_key_are_bounded(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "SUBSCRIPTIONS_PER_PRINCIPAL_MAX", 2)
    server.gate.script = serves
    statuses = []
    for uri in ("a", "b", "c"):
        old = await Old.open(server)
        statuses.append((await old.ask("resources/subscribe", {"uri": uri})).status)

    assert statuses == [200, 200, 429]


async def test_what_may_not_be_watched_any_more_is_let_go_of(server: Server) -> None:
    server.gate.script = serves
    old = await Old.open(server)
    await old.ask("resources/subscribe", {"uri": "a"})
    server.gate.refusal = Denied(Reason.NOT_PERMITTED, "the policy changed")
    server.gate.script = lambda _call, _principal: None
    server.router.changes.announce()

    await settled(lambda: server.gate.released == [("notes", "a")])
    call = server.gate.calls[-1]
    assert (call.operation.method, call.name, call.owner) == ("resources/subscribe", "a", "k1")


# -- the end of the gate


async def test_the_end_of_the_gate_ends_calls_that_have_no_connection(server: Server) -> None:
    old = await Old.open(server)
    server.gate.hold, server.gate.notices = asyncio.Event(), [PROGRESS]
    async with old.calling(token=1) as stream:
        await heard(stream)
    await asyncio.sleep(0.05)
    await server.router.close()

    assert server.gate.cancelled == 1
    assert (await server.request("POST", "/mcp", request("tools/call", CALL), **old.headers)).status == 404  # fmt: skip


async def test_the_clock_of_streams_sweeps_what_is_old(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await Old.open(server)
    server.gate.notices = [PROGRESS]
    async with old.calling(token=1) as stream:
        first = await primed(stream)
        await all_heard(stream)
    monkeypatch.setattr(bounds, "EVENT_SECONDS_MAX", 0.0)
    monkeypatch.setattr(legacy, "_IDLE_SECONDS", 0.0)
    await asyncio.sleep(0.2)
    headers = old.headers | {"Accept": "text/event-stream", "Last_Event_ID": first}

    assert (await server.request("GET", "/mcp", **headers)).status == 400
