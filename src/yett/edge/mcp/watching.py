"""The resources that one stream or session watches: each let through by the pipeline, counted for its
principal, and let go of exactly once.

The pipeline judges a `resources/subscribe`; what it let through it judges again when policies, grants
or the catalogue have changed, so that nobody goes on hearing of what is no longer theirs (CWE-613).
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from time import monotonic
from typing import Any, Final, final

import msgspec

from yett.core import bounds
from yett.core.call import Call, Reply
from yett.core.errors import Denied
from yett.core.operations import JUDGE_AGAIN
from yett.core.reasons import Reason
from yett.edge.gate import Gate
from yett.edge.mcp.changes import Changes, Resource

JUDGE_AGAIN_SECONDS: Final = 3.0
"""Not more often, however often something changes: each time costs a call for each watched resource. With
the second until a stream looks up, it is within the five of promise 11."""
_AT_ONCE: Final = 8
_NOT_NOW: Final = frozenset(
    {
        Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_TIMEOUT, Reason.UPSTREAM_INVALID,
        Reason.CIRCUIT_OPEN, Reason.RATE_LIMITED, Reason.AUDIT_UNAVAILABLE, Reason.LIMITS_UNAVAILABLE,
    }
)  # fmt: skip
"""Says nothing about whether the caller may."""


@final
class Tally:
    """What each principal holds open, in both eras. streams: without those of sessions."""

    def __init__(self) -> None:
        self.streams: Counter[str] = Counter()
        self.watched: Counter[str] = Counter()
        self._asking: set[asyncio.Task[Reply]] = set()

    def keep(self, asking: Coroutine[Any, Any, Reply]) -> "asyncio.Task[Reply]":
        """Begin a task that ends by itself, whoever waits for it."""
        task = asyncio.get_running_loop().create_task(asking)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return task

    def give_back(self, counter: Counter[str], owner: str) -> None:
        counter[owner] -= 1
        if counter[owner] <= 0:
            del counter[owner]


@final
class Watching:
    """Implements `Watcher`. held: what is watched, and the URI by which the caller knows it. changed:
    what has not been told yet. wake: called when there is something to do."""

    def __init__(
        self, owner: str, gate: Gate, changes: Changes, tally: Tally, wake: Callable[[], None]
    ) -> None:
        self.held: dict[Resource, str] = {}
        self.changed: set[Resource] = set()
        self._lost: dict[Resource, str] = {}
        self._owner = owner
        self._gate = gate
        self._changes = changes
        self._tally = tally
        self._wake = wake
        self._judged = changes.count
        self._judged_at = monotonic()
        self._is_judging = False
        self._is_closed = False

    # -- Watcher

    def updated(self, resource: Resource) -> None:
        self.changed.add(resource)
        self._wake()

    def lost(self, resource: Resource) -> None:
        self._lost[resource] = self.held.pop(resource)
        self._wake()

    # -- for its stream or session

    async def add(self, uris: Iterable[str], subscribe: Callable[[str], Call]) -> None:
        """Watch what the pipeline lets through. subscribe: makes the call for a URI."""
        limit = asyncio.Semaphore(_AT_ONCE)
        crowded: list[str] = []

        async def one(uri: str) -> None:
            async with limit:
                reply = await self.watch(subscribe(uri))
            if reply.refusal is not None and reply.refusal.reason is Reason.RATE_LIMITED:
                crowded.append(uri)

        async with asyncio.TaskGroup() as group:
            for uri in dict.fromkeys(uris):
                group.create_task(one(uri))
        for uri in crowded:  # a key may be allowed fewer calls at once
            await self.watch(subscribe(uri))

    def is_to_be_judged(self, now: float) -> bool:
        """Whether it is time to ask again whether the caller may watch what it watches."""
        is_due = bool(self.held) and self._judged != self._changes.count
        return (
            (is_due or bool(self._lost))
            and not self._is_judging
            and now - self._judged_at >= JUDGE_AGAIN_SECONDS
        )

    async def judge_again(self, subscribe: Callable[[str], Call]) -> None:
        """Let go of what the caller may not watch any more; watch again what was lost. It is no doing of
        the caller, so it costs it nothing."""
        self._judged, self._judged_at, self._is_judging = self._changes.count, monotonic(), True
        try:
            await self._judge(subscribe)
        finally:
            self._is_judging = False

    async def _judge(self, subscribe: Callable[[str], Call]) -> None:
        def judged(uri: str) -> Call:
            return msgspec.structs.replace(subscribe(uri), operation=JUDGE_AGAIN)

        for resource in list(self._lost):
            uri = self._lost.pop(resource, None)
            if uri is None:  # it was closed meanwhile
                continue
            self._tally.give_back(self._tally.watched, self._owner)
            reply = await self.watch(judged(uri))
            if _is_not_now(reply) and self._is_missing(resource):
                self._tally.watched[self._owner] += 1
                self._lost[resource] = uri
            else:
                self.changed.add(resource)  # nobody looked for a while
        for resource, uri in list(self.held.items()):
            reply = await self._ask(judged(uri))
            if reply.result is not None:
                self._gate.release(*resource)  # it was counted twice
            elif not _is_not_now(reply):
                self.remove(resource)

    def remove(self, resource: Resource) -> None:
        """Watch it no longer; nothing if it was not watched."""
        if self.held.pop(resource, None) is not None:
            self._changes.unwatch(resource, self)
            self._gate.release(*resource)
            self._tally.give_back(self._tally.watched, self._owner)
        self.changed.discard(resource)

    def unwatch(self, uri: str) -> None:
        """Watch a resource no longer, by the URI that the caller used; nor again if it was lost."""
        for resource, known in list(self.held.items()):
            if known == uri:
                self.remove(resource)
        for resource, known in list(self._lost.items()):
            if known == uri:
                self._give_up(resource)

    def close(self) -> None:
        """Let go of everything, and of what is still on its way."""
        self._is_closed = True
        for resource in list(self.held):
            self.remove(resource)
        for resource in list(self._lost):
            self._give_up(resource)

    async def watch(self, call: Call) -> Reply:
        """Watch what one call asks for, if the pipeline lets it through."""
        watched = self._tally.watched
        if watched[self._owner] >= bounds.SUBSCRIPTIONS_PER_PRINCIPAL_MAX:
            denied = Denied(Reason.RATE_LIMITED, "watched resources of this key")
            return await self._gate.handle(call, denied)
        watched[self._owner] += 1  # before anybody is asked: others ask at the same time
        try:
            reply = await self._ask(call)
        except BaseException:
            self._tally.give_back(watched, self._owner)
            raise
        resource = _resource(reply)
        is_new = resource is not None and resource not in self.held and not self._is_closed
        if not is_new:
            self._tally.give_back(watched, self._owner)
        if resource is not None:
            self._take(resource, call.name, is_new=is_new)
        return reply

    def _is_missing(self, resource: Resource) -> bool:
        """Whether it is still to be watched again: the caller may have asked for it meanwhile."""
        return not self._is_closed and resource not in self.held and resource not in self._lost

    def _give_up(self, resource: Resource) -> None:
        """What was lost is not to be watched again."""
        if self._lost.pop(resource, None) is not None:
            self._tally.give_back(self._tally.watched, self._owner)

    def _take(self, resource: Resource, uri: str, *, is_new: bool) -> None:
        if is_new:
            self._give_up(resource)
            self.held[resource] = uri
            self._changes.watch(resource, self)
        else:
            self._gate.release(*resource)

    async def _ask(self, call: Call) -> Reply:
        """Who leaves in the middle must not leave a watched resource behind."""
        task = self._tally.keep(self._gate.handle(call))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._let_go)
            raise

    def _let_go(self, task: "asyncio.Task[Reply]") -> None:
        resource = None if task.cancelled() else _resource(task.result())
        if resource is not None:
            self._gate.release(*resource)


def _resource(reply: Reply) -> Resource | None:
    """Return what is watched now, by the word of the pipeline."""
    if reply.result is None:
        return None
    server, _, uri = reply.target.partition("/")
    return server, uri


def _is_not_now(reply: Reply) -> bool:
    """Whether it was refused for a reason that may pass. A server's own error is about the resource."""
    return reply.refusal is not None and reply.refusal.reason in _NOT_NOW
