"""Whatever happens in whatever order: what is watched is counted once for each who watches it, and let go
of once. A model of the servers' side counts along."""

import asyncio
from collections import Counter
from time import monotonic
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from yett.core.call import Call, Reply
from yett.core.errors import Denied, Fault
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.edge.gate import Begun, Kept
from yett.edge.mcp import watching as watching_module
from yett.edge.mcp.changes import Changes, Resource
from yett.edge.mcp.watching import Tally, Watching

OWNER = Principal(id="k1", name="laptop")
URIS = [f"yett://{server}/{number}" for server in ("one", "two") for number in range(3)]


class Servers:
    """counted: as the transports count. forbidden, away: what is refused, and what cannot be asked."""

    def __init__(self, changes: Changes) -> None:
        self.counted: Counter[Resource] = Counter()
        self.forbidden: set[str] = set()
        self.away = False
        self._changes = changes

    async def handle(self, call: Call, refused: Denied | None = None) -> Reply:
        await asyncio.sleep(0)
        if self.away:
            refusal: Denied | Fault = Fault(Reason.UPSTREAM_UNREACHABLE, "away")
            return Reply(call=call, principal=OWNER, refusal=refusal)
        refused = refused or (Denied(Reason.NOT_PERMITTED, "model") if call.name in self.forbidden else None)  # fmt: skip
        if refused is not None:
            return Reply(call=call, principal=OWNER, refusal=refused)
        resource = resource_of(call.name)
        self.counted[resource] += 1
        await asyncio.sleep(0)
        return Reply(call=call, principal=OWNER, result={}, target="/".join(resource))

    async def begin_once(self, credential: Secret | None, name: bytes, asked: bytes) -> Begun:
        raise AssertionError("nobody who watches makes a call once")

    async def end_once(
        self, begun: Begun, credential: Secret | None, name: bytes, kept: Kept | None
    ) -> None:
        raise AssertionError("nobody who watches makes a call once")

    def release(self, server: str, uri: str) -> None:
        if self.counted[server, uri]:  # a transport does not count below nothing
            self.counted[server, uri] -= 1

    def lose(self, server: str) -> None:
        """Another transport takes over, which watches nothing."""
        for resource in list(self.counted):
            if resource[0] == server:
                del self.counted[resource]
        self._changes.lose(server)

    def knows(self, credential: Secret | None) -> bool:
        return True

    def is_live(self, principal_id: str) -> bool:
        return True

    def is_ready(self) -> bool:
        return True


def resource_of(uri: str) -> Resource:
    server, _, own = uri.removeprefix("yett://").partition("/")
    return server, own


def subscribe(uri: str) -> Call:
    return Call(
        id="1", operation=OPERATIONS["resources/subscribe"], server=None, name=uri, credential=None, peer="p", door="mcp",
        protocol="2026-07-28", received_at=0.0, started=0.0,
    )  # fmt: skip


uris = st.lists(st.sampled_from(URIS), max_size=4)
steps = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 1), uris),
    st.tuples(st.just("leave in the middle"), st.integers(0, 1), uris),
    st.tuples(st.just("remove"), st.integers(0, 1), st.sampled_from(URIS)),
    st.tuples(st.just("unwatch"), st.integers(0, 1), st.sampled_from(URIS)),
    st.tuples(st.just("update"), st.just(0), st.sampled_from(URIS)),
    st.tuples(st.just("forbid"), st.just(0), st.sampled_from(URIS)),
    st.tuples(st.just("permit"), st.just(0), st.sampled_from(URIS)),
    st.tuples(st.just("lose"), st.just(0), st.sampled_from(["one", "two"])),
    st.tuples(st.just("go away"), st.just(0), st.none()),
    st.tuples(st.just("come back"), st.just(0), st.none()),
    st.tuples(st.just("judge again"), st.integers(0, 1), st.none()),
)


async def step(
    name: str, watching: Watching, value: Any, servers: Servers, changes: Changes
) -> None:
    match name:
        case "add":
            await watching.add(value, subscribe)
        case "leave in the middle":
            task = asyncio.create_task(watching.add(value, subscribe))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        case "remove":
            watching.remove(resource_of(value))
        case "unwatch":
            watching.unwatch(value)
            assert value not in {*watching.held.values(), *watching._lost.values()}
        case "update":
            changes.update(*resource_of(value))
        case "forbid" | "permit":
            (servers.forbidden.add if name == "forbid" else servers.forbidden.discard)(value)
        case "lose":
            servers.lose(value)
        case "judge again":
            await watching.judge_again(subscribe)
        case _:
            servers.away = name == "go away"
    for _ in range(5):
        await asyncio.sleep(0)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=25))
@example([("add", 0, [URIS[0]]), ("lose", 0, "one"), ("add", 0, [URIS[0]]), ("lose", 0, "one")])
@example([("add", 0, [URIS[0]]), ("lose", 0, "one"), ("unwatch", 0, URIS[0])])
def test_what_is_watched_is_counted_and_let_go_of_once(taken: list[tuple[str, int, Any]]) -> None:
    async def run() -> None:
        changes, tally = Changes(), Tally()
        servers = Servers(changes)
        both = [Watching("k1", servers, changes, tally, lambda: None) for _ in range(2)]
        for name, number, value in taken:
            await step(name, both[number], value, servers, changes)
            held = Counter(resource for watching in both for resource in watching.held)
            assert +servers.counted == held
            waiting = sum(len(watching._lost) for watching in both)
            assert tally.watched.total() == held.total() + waiting
            assert all(watching.changed <= set(URIS_OF) for watching in both)
        for watching in both:
            watching.close()
        assert not +servers.counted
        assert not tally.watched
        assert not changes._watchers

    asyncio.run(run())


URIS_OF = {resource_of(uri) for uri in URIS}


@settings(max_examples=50, deadline=None)
@given(st.sets(st.sampled_from(URIS)), st.sets(st.sampled_from(URIS)))
def test_a_second_look_keeps_what_is_permitted_and_nothing_else(
    wanted: set[str], forbidden: set[str]
) -> None:
    async def run() -> None:
        changes, tally = Changes(), Tally()
        servers = Servers(changes)
        watching = Watching("k1", servers, changes, tally, lambda: None)
        await watching.add(wanted, subscribe)
        servers.forbidden = forbidden
        servers.lose("one")
        await watching.judge_again(subscribe)

        assert set(watching.held.values()) == wanted - forbidden
        assert not watching._lost

    asyncio.run(run())


def test_who_may_make_few_calls_at_once_watches_as_much() -> None:
    async def run() -> None:
        changes, tally = Changes(), Tally()
        servers = Servers(changes)
        handle, active = servers.handle, 0

        async def narrow(call: Call, refused: Denied | None = None) -> Reply:
            nonlocal active
            active += 1
            try:
                await asyncio.sleep(0)
                crowded = Denied(Reason.RATE_LIMITED, "at once") if active > 2 else None
                return await handle(call, refused or crowded)
            finally:
                active -= 1

        servers.handle = narrow  # type: ignore[method-assign]
        watching = Watching("k1", servers, changes, tally, lambda: None)
        await watching.add(URIS, subscribe)

        assert set(watching.held.values()) == set(URIS)

    asyncio.run(run())


async def test_a_second_look_that_takes_long_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching_module, "JUDGE_AGAIN_SECONDS", 0.0)
    changes, tally = Changes(), Tally()
    servers = Servers(changes)
    watching = Watching("k1", servers, changes, tally, lambda: None)
    await watching.add([URIS[0]], subscribe)
    changes.announce()
    due = [watching.is_to_be_judged(monotonic())]
    looking = asyncio.create_task(watching.judge_again(subscribe))
    await asyncio.sleep(0)
    changes.announce()
    due.append(watching.is_to_be_judged(monotonic()))
    await looking
    due.append(watching.is_to_be_judged(monotonic()))
    watching.close()

    assert due == [True, False, True]
