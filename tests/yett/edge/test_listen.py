"""`subscriptions/listen`: what is honoured is acknowledged, told of, and let go of."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.yett.edge.messages import PREFIX, modern
from tests.yett.edge.scripted import GOOD, KEY, Events, Server
from yett.core import bounds
from yett.core.call import Call, Reply
from yett.core.errors import Denied, Fault
from yett.core.identity import Principal
from yett.core.operations import JUDGE_AGAIN
from yett.core.reasons import Reason
from yett.edge.mcp import watching

SUBSCRIPTION = f"{PREFIX}subscriptionId"
LISTS = {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True}
SERVED = {"yett://notes/memo%3Aone": "notes/memo:one", "yett://notes/memo%3Atwo": "notes/memo:two"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits five seconds for a second look."""
    monkeypatch.setattr(watching, "JUDGE_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(bounds, "STREAM_CHECK_SECONDS", 0.05)


def serves(served: dict[str, str]) -> Callable[[Call, Principal], Reply | None]:
    """Let these resources be watched, and no others."""

    def answer(call: Call, principal: Principal) -> Reply | None:
        if call.operation.method != "resources/subscribe":
            return None
        if call.name not in served:
            refusal = Denied(Reason.NOT_PERMITTED, "scripted")
            return Reply(call=call, principal=principal, refusal=refusal)
        return Reply(call=call, principal=principal, result={}, target=served[call.name])

    return answer


@asynccontextmanager
async def listening(
    server: Server, wanted: dict[str, Any], *, id_: Any = 1, key: str = KEY
) -> AsyncIterator[Events]:
    body, headers = modern("subscriptions/listen", {"notifications": wanted}, id_=id_)
    async with server.stream("POST", "/mcp", body, key=key, **headers) as stream:
        yield stream


async def settled(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


def subscribed(server: Server) -> list[str]:
    return [call.name for call in server.gate.calls if call.operation.method == "resources/subscribe"]  # fmt: skip


async def test_the_first_message_says_what_is_honoured(server: Server) -> None:
    server.gate.script = serves(SERVED)
    wanted = {
        "toolsListChanged": True,
        "promptsListChanged": False,
        "resourceSubscriptions": ["yett://notes/memo%3Aone", "yett://notes/secret"],
        "taskIds": ["t"],
    }
    async with listening(server, wanted, id_="l-1") as stream:
        first = await stream.next()

    assert first == {
        "jsonrpc": "2.0",
        "method": "notifications/subscriptions/acknowledged",
        "params": {
            "_meta": {SUBSCRIPTION: "l-1"},
            "notifications": {"toolsListChanged": True, "resourceSubscriptions": ["yett://notes/memo%3Aone"]},
        },
    }  # fmt: skip
    assert "text/event-stream" in stream.head
    assert "x-accel-buffering: no" in stream.head.lower()


async def test_each_watched_resource_is_judged_as_a_call_of_its_owner(server: Server) -> None:
    server.gate.script = serves(SERVED)
    async with listening(server, {"resourceSubscriptions": [*SERVED, *SERVED]}) as stream:
        await stream.next()
    asked = [call for call in server.gate.calls if call.operation.method == "resources/subscribe"]

    assert sorted(call.name for call in asked) == sorted(SERVED)
    assert {(call.owner, call.server, call.credential is not None) for call in asked} == {("k1", None, True)}  # fmt: skip
    assert len({call.id for call in server.gate.calls}) == len(server.gate.calls)


async def test_changes_of_lists_are_told_of_the_kinds_that_were_asked_for(server: Server) -> None:
    async with listening(server, {"promptsListChanged": True, "toolsListChanged": True}) as stream:
        await stream.next()
        server.router.changes.announce()
        told = [await stream.next(), await stream.next()]
        server.router.changes.announce()
        again = await stream.next()

    assert [message["method"] for message in told] == ["notifications/tools/list_changed", "notifications/prompts/list_changed"]  # fmt: skip
    assert {message["params"]["_meta"][SUBSCRIPTION] for message in [*told, again]} == {1}


async def test_an_update_is_told_under_the_uri_that_the_caller_knows(server: Server) -> None:
    server.gate.script = serves(SERVED)
    async with listening(server, {"resourceSubscriptions": list(SERVED)}) as stream:
        await stream.next()
        for uri in ("memo:three", "memo:two"):
            server.router.changes.update("notes", uri)
        server.router.changes.update("other", "memo:one")
        told = await stream.next()

    assert told["method"] == "notifications/resources/updated"
    assert told["params"] == {"_meta": {SUBSCRIPTION: 1}, "uri": "yett://notes/memo%3Atwo"}


async def test_a_flood_of_updates_is_one_message_now_and_then(server: Server) -> None:
    server.gate.script = serves(SERVED)
    async with listening(server, {"resourceSubscriptions": list(SERVED)}) as stream:
        await stream.next()
        for _ in range(10_000):
            server.router.changes.update("notes", "memo:one")
        assert (await stream.next())["params"]["uri"] == "yett://notes/memo%3Aone"
        server.router.changes.update("notes", "memo:two")
        assert (await stream.next())["params"]["uri"] == "yett://notes/memo%3Atwo"


async def test_who_leaves_lets_go_of_everything_once(server: Server) -> None:
    server.gate.script = serves(SERVED)
    async with listening(server, {"resourceSubscriptions": list(SERVED)}) as stream:
        await stream.next()
        assert not server.gate.released
    await settled(lambda: len(server.gate.released) == 2)

    assert sorted(server.gate.released) == [("notes", "memo:one"), ("notes", "memo:two")]
    server.router.changes.update("notes", "memo:one")


async def test_who_leaves_while_servers_are_asked_leaves_nothing_behind(server: Server) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()
    handle = server.gate.handle

    async def slow(call: Call, refused: Denied | None = None) -> Reply:
        if call.operation.method != "resources/subscribe":
            return await handle(call, refused)
        asked.set()
        await go_on.wait()
        return Reply(call=call, principal=GOOD, result={}, target="notes/memo:one")

    server.gate.handle = slow  # type: ignore[method-assign]
    body, headers = modern("subscriptions/listen", {"notifications": {"resourceSubscriptions": ["a:b"]}})  # fmt: skip
    _, writer = await server.connect()
    writer.write(server.encode("POST", "/mcp", body, **headers))
    async with asyncio.timeout(5):
        await asked.wait()
    writer.close()
    await asyncio.sleep(0.1)
    go_on.set()
    await settled(lambda: server.gate.released == [("notes", "memo:one")])


async def test_the_end_of_the_credential_is_a_result_and_the_end(server: Server) -> None:
    server.gate.script = serves(SERVED)
    wanted = LISTS | {"resourceSubscriptions": list(SERVED)}
    async with listening(server, wanted, id_=7) as stream:
        await stream.next()
        server.gate.live = False
        rest = await stream.rest()

    assert len(rest) == 1
    assert (rest[0]["id"], rest[0]["result"]["resultType"]) == (7, "complete")
    assert rest[0]["result"]["_meta"][SUBSCRIPTION] == 7
    assert len(server.gate.released) == 2


async def test_the_end_of_the_gate_is_a_result_and_the_end(server: Server) -> None:
    async with listening(server, LISTS) as stream:
        await stream.next()
        stopping = asyncio.create_task(server.listener.stop(grace_seconds=5))
        rest = await stream.rest()
        await stopping

    assert rest[-1]["result"]["resultType"] == "complete"


async def test_what_is_forbidden_meanwhile_is_told_no_more(server: Server) -> None:
    served = dict(SERVED)
    server.gate.script = serves(served)
    async with listening(server, {"resourceSubscriptions": list(SERVED)}) as stream:
        await stream.next()
        del served["yett://notes/memo%3Aone"]
        server.router.changes.announce()
        await settled(lambda: ("notes", "memo:one") in server.gate.released)
        await settled(lambda: ("notes", "memo:two") in server.gate.released)
        server.router.changes.update("notes", "memo:one")
        server.router.changes.update("notes", "memo:two")
        told = await stream.next()
    await settled(lambda: len(server.gate.released) == 3)

    # The second was counted twice by the second look, and is let go of once more at the end.
    assert sorted(server.gate.released) == [("notes", "memo:one"), ("notes", "memo:two"), ("notes", "memo:two")]  # fmt: skip
    assert told["params"]["uri"] == "yett://notes/memo%3Atwo"
    asked = [call for call in server.gate.calls if call.operation.method == "resources/subscribe"]
    assert [call.operation is JUDGE_AGAIN for call in asked] == [False, False, True, True]


async def test_a_server_that_is_away_for_a_moment_takes_nothing_from_anybody(
    server: Server,
) -> None:
    away = False

    def answer(call: Call, principal: Principal) -> Reply | None:
        if away and call.operation.method == "resources/subscribe":
            fault = Fault(Reason.UPSTREAM_UNREACHABLE, "scripted")
            return Reply(call=call, principal=principal, refusal=fault)
        return serves(SERVED)(call, principal)

    server.gate.script = answer
    async with listening(server, {"resourceSubscriptions": list(SERVED)}) as stream:
        await stream.next()
        away = True
        server.router.changes.announce()
        await settled(lambda: len(subscribed(server)) == 4)
        await asyncio.sleep(0.1)
        assert not server.gate.released
        server.router.changes.update("notes", "memo:one")
        assert (await stream.next())["params"]["uri"] == "yett://notes/memo%3Aone"


async def test_what_went_with_a_connection_is_watched_again_and_told(server: Server) -> None:
    server.gate.script = serves(SERVED)
    async with listening(server, {"resourceSubscriptions": list(SERVED)}) as stream:
        await stream.next()
        server.router.changes.lose("notes")
        told = {(await stream.next())["params"]["uri"] for _ in range(1)}
        server.router.changes.update("notes", "memo:one")
        while len(told) < 2:
            told.add((await stream.next())["params"]["uri"])

    assert told == set(SERVED)
    assert len(subscribed(server)) >= 4


@pytest.mark.parametrize(
    "wanted",
    [
        None, [], "all", {"toolsListChanged": "yes"}, {"toolsListChanged": 1}, {"resourceSubscriptions": "a:b"},
        {"resourceSubscriptions": [7]}, {"resourceSubscriptions": [""]}, {"resourceSubscriptions": {"a:b": 1}},
        {"resourceSubscriptions": ["a:b"] * (bounds.SUBSCRIPTIONS_PER_PRINCIPAL_MAX + 1)},
    ],
    ids=lambda wanted: str(wanted)[:40],
)  # fmt: skip
async def test_a_filter_of_another_form_is_refused(wanted: Any, server: Server) -> None:
    body, headers = modern("subscriptions/listen", {"notifications": wanted})
    answer = await server.request("POST", "/mcp", body, **headers)

    assert (answer.status, answer.json["error"]["code"]) == (400, -32602)
    assert not subscribed(server)


async def test_what_is_kept_as_long_as_a_stream_is_small(server: Server) -> None:
    wanted = {"resourceSubscriptions": ["a:" + "b" * 1_000] * 100}
    body, headers = modern("subscriptions/listen", {"notifications": wanted})
    answer = await server.request("POST", "/mcp", body, **headers)

    assert (answer.status, answer.json["error"]["code"]) == (400, -32600)
    assert not subscribed(server)


async def test_a_server_that_takes_its_time_keeps_no_revoked_stream_open(server: Server) -> None:
    server.gate.script = serves(SERVED)
    async with listening(server, {"resourceSubscriptions": list(SERVED)}) as stream:
        await stream.next()
        handle, stuck = server.gate.handle, asyncio.Event()

        async def slow(call: Call, refused: Denied | None = None) -> Reply:
            stuck.set()
            await asyncio.sleep(0.5)
            return await handle(call, refused)

        server.gate.handle = slow  # type: ignore[method-assign]
        server.router.changes.announce()
        async with asyncio.timeout(5):
            await stuck.wait()
        server.gate.live = False
        async with asyncio.timeout(0.3):
            rest = await stream.rest()
    await settled(lambda: len(server.gate.released) == 3)

    assert rest[-1]["result"]["resultType"] == "complete"


async def test_who_takes_no_stream_cannot_listen(server: Server) -> None:
    body, headers = modern("subscriptions/listen", {"notifications": LISTS})
    answer = await server.request("POST", "/mcp", body, Accept="application/json", **headers)

    assert answer.status == 406
    assert server.gate.refusals[-1].reason is Reason.NOT_ACCEPTABLE


async def test_a_stranger_cannot_listen(server: Server) -> None:
    body, headers = modern("subscriptions/listen", {"notifications": LISTS})

    assert (await server.request("POST", "/mcp", body, key="wrong", **headers)).status == 401


async def test_one_key_takes_no_more_streams_than_its_share(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "STREAMS_PER_PRINCIPAL_MAX", 2)
    body, headers = modern("subscriptions/listen", {"notifications": LISTS})
    async with listening(server, LISTS) as one, listening(server, LISTS) as two:
        await one.next()
        await two.next()
        third = await server.request("POST", "/mcp", body, **headers)
        async with listening(server, LISTS, key=f"{KEY}2") as other:
            assert (await other.next())["method"].endswith("acknowledged")

    assert third.status == 429
    assert server.gate.refusals[-1].reason is Reason.RATE_LIMITED
    await asyncio.sleep(0.1)
    async with listening(server, LISTS) as again:
        assert await again.next()


async def test_one_key_watches_no_more_than_its_share(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "SUBSCRIPTIONS_PER_PRINCIPAL_MAX", 3)
    many = {f"a:{number}": f"notes/a:{number}" for number in range(4)}
    server.gate.script = serves(many)
    async with listening(server, {"resourceSubscriptions": list(many)[:2]}) as one:
        await one.next()
        async with listening(server, {"resourceSubscriptions": list(many)[1:]}) as two:
            honoured = (await two.next())["params"]["notifications"]["resourceSubscriptions"]

    assert len(honoured) == 1
    assert {denied.reason for denied in server.gate.refusals} == {Reason.RATE_LIMITED}
    await settled(lambda: len(server.gate.released) == 3)


async def test_a_legacy_caller_cannot_listen_in_this_way(server: Server) -> None:
    opened = await server.request("POST", "/mcp", {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}})  # fmt: skip
    body = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {"notifications": LISTS}}  # fmt: skip
    answer = await server.request("POST", "/mcp", body, Mcp_Session_Id=opened.headers["mcp-session-id"])  # fmt: skip

    assert answer.json["error"]["code"] == -32601
