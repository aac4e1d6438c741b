"""Watched resources of a process: asked for once, told of, let go of, and asked for again."""

import asyncio
from typing import Any

import pytest

from tests.yett.upstreams.scene import NOBODY
from tests.yett.upstreams.test_stdio_talk import talking, use
from yett.core.errors import Fault
from yett.upstreams.backends.stdio import watches
from yett.upstreams.backends.stdio.transport import StdioTransport
from yett.upstreams.port import Exchange
from yett.upstreams.updates import GATHER_SECONDS

ERAS = pytest.mark.parametrize("era", ["legacy", "modern"])


class Told:
    """Collects what a transport tells of resources."""

    def __init__(self, transport: StdioTransport) -> None:
        self.uris: list[str] = []
        self.changes = 0
        transport.on_updated = self.uris.append
        transport.on_changed = self._change

    def _change(self) -> None:
        self.changes += 1

    async def wait(self, *uris: str) -> None:
        async with asyncio.timeout(10.0):
            while sorted(self.uris) != sorted(uris):
                await asyncio.sleep(0.01)


async def watch(transport: StdioTransport, uri: str, deadline: float = 10.0) -> Exchange:
    return await transport.watch(uri, credential=NOBODY, deadline_seconds=deadline)


async def watched(transport: StdioTransport) -> list[Any]:
    """Return what the server was asked for: messages of an older one, filters of a modern one."""
    state = await use(transport, "state")
    return list(state["subscribed"]) or list(state["listens"].values())


@ERAS
async def test_a_watched_resource_is_told_of_and_no_other(era: str) -> None:
    async with talking(era) as transport:
        told = Told(transport)
        exchange = await watch(transport, "memo://one")
        await use(transport, "update", uri="memo://two")
        await use(transport, "update", uri="memo://one")
        await told.wait("memo://one")

    assert exchange.result == {}
    assert told.changes == 0


async def test_a_part_of_what_is_watched_stands_for_the_whole() -> None:
    async with talking("legacy") as transport:
        told = Told(transport)
        await watch(transport, "memo://one")
        await use(transport, "update", uri="memo://one/of/two")
        await told.wait("memo://one")


@ERAS
async def test_a_flood_of_updates_is_told_together(era: str) -> None:
    async with talking(era) as transport:
        told = Told(transport)
        await watch(transport, "memo://one")
        await asyncio.gather(*(use(transport, "update", uri="memo://one") for _ in range(20)))
        await asyncio.sleep(2 * GATHER_SECONDS)

    assert 1 <= len(told.uris) <= 5


@ERAS
async def test_the_server_is_asked_once_and_let_go_of_with_the_last(era: str) -> None:
    one: list[Any] = [["resources/subscribe", "memo://one"]]
    filters: list[Any] = [{"resourceSubscriptions": ["memo://one"]}]

    async with talking(era) as transport:
        await asyncio.gather(*(watch(transport, "memo://one") for _ in range(3)))
        at_first = await watched(transport)
        transport.unwatch("memo://one")
        transport.unwatch("memo://one")
        in_between = await watched(transport)
        transport.unwatch("memo://one")
        transport.unwatch("memo://one")  # once too often
        transport.unwatch("memo://never")
        await asyncio.sleep(0.2)
        at_last = await watched(transport)

    if era == "legacy":
        assert at_first == in_between == one
        assert at_last == [*one, ["resources/unsubscribe", "memo://one"]]
    else:
        assert at_first == in_between == filters
        assert at_last == []


async def test_another_filter_takes_the_place_of_the_one_before() -> None:
    async with talking("modern") as transport:
        told = Told(transport)
        await watch(transport, "memo://two")
        await watch(transport, "memo://one")
        filters = await watched(transport)
        await use(transport, "update", uri="memo://one")
        await use(transport, "update", uri="memo://two")
        await told.wait("memo://one", "memo://two")
        transport.unwatch("memo://two")
        await asyncio.sleep(0.2)
        later = await watched(transport)

    assert filters == [{"resourceSubscriptions": ["memo://one", "memo://two"]}]
    assert later == [{"resourceSubscriptions": ["memo://one"]}]


@ERAS
async def test_what_the_server_does_not_agree_to_is_an_error_and_not_held(era: str) -> None:
    async with talking(era) as transport:
        told = Told(transport)
        refused = await watch(transport, "memo://secret")
        await use(transport, "update", uri="memo://secret")
        await asyncio.sleep(3 * GATHER_SECONDS)

    assert refused.error is not None
    assert told.uris == []
    assert transport._watches._counts == {}


@ERAS
async def test_a_server_that_is_started_again_is_asked_again(era: str) -> None:
    async with talking(era) as transport:
        told = Told(transport)
        await watch(transport, "memo://one")
        with pytest.raises(Fault):
            await use(transport, "die")
        await told.wait("memo://one")  # it may have changed meanwhile
        told.uris.clear()
        async with asyncio.timeout(10.0):
            while not await watched(transport):
                await asyncio.sleep(0.05)
        await use(transport, "update", uri="memo://one")
        await told.wait("memo://one")

    assert told.changes == 2


async def test_a_server_that_stops_telling_is_listened_to_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watches, "_PAUSE_SECONDS_MIN", 0.05)
    async with talking("modern") as transport:
        told = Told(transport)
        await watch(transport, "memo://one")
        await use(transport, "stop_listening")
        await told.wait("memo://one")  # it may have changed meanwhile
        filters = await watched(transport)

    assert filters == [{"resourceSubscriptions": ["memo://one"]}]
    assert told.changes == 1


async def test_a_server_may_take_a_subscription_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "_PAUSE_SECONDS_MIN", 0.05)
    async with talking("modern") as transport:
        told = Told(transport)
        await watch(transport, "memo://one")
        (identifier,) = transport._watches._subscriptions
        cancelled = {"method": "notifications/cancelled", "params": {"requestId": identifier}}
        await use(transport, "say", before=[cancelled])
        await told.wait("memo://one")

        assert identifier not in transport._watches._subscriptions
        assert len(transport._watches._subscriptions) == 1


async def test_what_names_another_subscription_is_passed_over() -> None:
    uri = {"uri": "memo://one"}
    metas: list[Any] = [{}, None, {"io.modelcontextprotocol/subscriptionId": 99}, {"io.modelcontextprotocol/subscriptionId": "1"}]  # fmt: skip
    async with talking("modern") as transport:
        told = Told(transport)
        await watch(transport, "memo://one")
        updates = [
            {"method": "notifications/resources/updated", "params": {**uri, "_meta": meta}}
            for meta in metas
        ]
        await use(transport, "say", before=updates)
        await asyncio.sleep(3 * GATHER_SECONDS)

    assert told.uris == []


@ERAS
async def test_there_are_not_too_many(era: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "WATCHED_MAX", 1)
    async with talking(era) as transport:
        good = await watch(transport, "memo://one")
        again = await watch(transport, "memo://one")
        bad = await watch(transport, "memo://two")

    assert (good.error, again.error) == (None, None)
    assert bad.error is not None


async def test_a_server_that_never_agrees_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watches, "_AGREEMENT_SECONDS_MAX", 0.1)
    async with talking("modern", "never-agrees") as transport:
        refused = await watch(transport, "memo://one")
        with pytest.raises(Fault):
            await watch(transport, "memo://one", deadline=0.05)

    assert refused.error is not None
    assert transport._watches._subscriptions == {}
