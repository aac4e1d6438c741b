"""What a process says that belongs to no call: changed lists, and resources that are watched.

A legacy server is asked for each resource (`resources/subscribe`) and announces changed lists by
itself. A modern one says nothing unless it is listened to: one `subscriptions/listen`, which stays
unanswered, with a filter; for another filter a new one takes its place (MCP 2026-07-28, Subscriptions).
A process that was started again knows of nothing, so everything is asked for again, and may have
changed meanwhile.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.backends.stdio.conversation import Asked, Conversation, NotWritten
from yett.upstreams.backends.stdio.exchanging import exchange_with
from yett.upstreams.background import report_bug
from yett.upstreams.handshake import Opening, honoured_uris, listening_filter, with_meta
from yett.upstreams.port import Era, Exchange
from yett.upstreams.rpc import updated_uri
from yett.upstreams.updates import NOT_WATCHED, TOO_MANY, WATCHED, WATCHED_MAX, Updates

_SECONDS_MAX: Final = 30.0  # for what nobody waits for
_PAUSE_SECONDS_MIN: Final = 1.0
_PAUSE_SECONDS_MAX: Final = 60.0

_ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"
_CANCELLED: Final = "notifications/cancelled"
_SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"
_AGREEMENT_SECONDS_MAX: Final = 10.0


@final
class _Subscription:
    """One `subscriptions/listen`. asked: its answer comes at the end. agreed: the URIs that the server honours."""

    def __init__(self, asked: Asked, wanted: dict[str, JSON]) -> None:
        self.asked = asked
        self.identifier = asked.identifier
        self.wanted = wanted
        self.ended = asked.answer
        self.agreed: asyncio.Future[frozenset[str]] = asked.answer.get_loop().create_future()

    def honours(self, uri: str) -> bool:
        return self.agreed.done() and uri in self.agreed.result()


@final
class Watches:
    """ready: returns the open conversation of the moment, by a deadline. changed, updated: told."""

    def __init__(
        self,
        ready: Callable[[float], Coroutine[Any, Any, Conversation]],
        *,
        changed: Callable[[], None],
        updated: Callable[[str], None],
    ) -> None:
        self._ready = ready
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._counts: dict[str, int] = {}
        self._lock = asyncio.Lock()
        self._conversation: Conversation | None = None
        self._opening: Opening | None = None
        self._subscribed: set[str] = set()  # of a legacy server
        self._subscription: _Subscription | None = None  # of a modern one
        self._subscriptions: dict[int, _Subscription] = {}  # it, and the one to take its place
        self._pause = _PAUSE_SECONDS_MIN
        self._updates = Updates(self._counts, updated)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def watch(self, uri: str, deadline: float) -> Exchange:
        """As `Transport.watch`. deadline: loop time."""
        if uri not in self._counts and len(self._counts) >= WATCHED_MAX:
            return TOO_MANY
        self._counts[uri] = self._counts.get(uri, 0) + 1
        kept = False
        try:
            async with asyncio.timeout_at(deadline):
                conversation = await self._ready(deadline)
                async with self._lock:
                    exchange = await self._begin(conversation, uri, deadline)
            kept = exchange.error is None
            return exchange
        except TimeoutError:
            raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=True) from None
        finally:
            if not kept:
                self.unwatch(uri)

    def unwatch(self, uri: str) -> None:
        count = self._counts.get(uri, 0)
        if count > 1:
            self._counts[uri] = count - 1
        elif count:
            del self._counts[uri]
            self._start(self._adapt())

    def follow(self, conversation: Conversation, opening: Opening, *, again: bool) -> None:
        """Listen to a process that has just been opened. again: there was one before; that its lists may
        differ is said already."""
        self._conversation, self._opening = conversation, opening
        self._subscribed.clear()
        self._subscription = None
        self._subscriptions.clear()
        conversation.events = self._take
        self._start(self._adapt())
        for uri in self._counts if again else ():
            self._updates.note(uri)

    def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    # asking

    async def _begin(self, conversation: Conversation, uri: str, deadline: float) -> Exchange:
        opening = self._opening
        if opening is None or conversation is not self._conversation:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "it was started again", sent=True)
        if opening.era is Era.MODERN:
            await self._listen(conversation, opening)
            subscription = self._subscription
            return WATCHED if subscription and subscription.honours(uri) else NOT_WATCHED
        if uri in self._subscribed:
            return WATCHED
        exchange = await exchange_with(conversation, "resources/subscribe", {"uri": uri}, deadline)
        if exchange.error is None:
            self._subscribed.add(uri)
        return exchange

    async def _adapt(self) -> None:
        """Have the process watch what is wanted now, and nothing else."""
        async with self._lock:
            conversation, opening = self._conversation, self._opening
            if conversation is None or opening is None or not conversation.alive:
                return
            if opening.era is Era.MODERN:
                await self._listen(conversation, opening)
                return
            for uri in self._subscribed - self._counts.keys():
                self._subscribed.discard(uri)
                await self._try(conversation, "resources/unsubscribe", uri)
            for uri in self._counts.keys() - self._subscribed:
                if await self._try(conversation, "resources/subscribe", uri):
                    self._subscribed.add(uri)

    async def _try(self, conversation: Conversation, method: str, uri: str) -> bool:
        deadline = self._loop.time() + _SECONDS_MAX
        exchange = await exchange_with(conversation, method, {"uri": uri}, deadline)
        return exchange.error is None

    async def _listen(self, conversation: Conversation, opening: Opening) -> None:
        """Let a subscription to what is wanted take the place of the one before."""
        wanted, before = listening_filter(opening, self._counts.keys()), self._subscription
        if (before.wanted if before is not None else {}) == wanted:
            return
        if not wanted:
            self._subscription = None
        elif not await self._subscribe(conversation, wanted):
            return
        if before is not None:
            self._subscriptions.pop(before.identifier, None)
            conversation.withdraw(before.asked)

    async def _subscribe(self, conversation: Conversation, wanted: dict[str, JSON]) -> bool:
        try:
            asked = conversation.post("subscriptions/listen", with_meta({"notifications": wanted}))
        except NotWritten as error:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, str(error)) from None
        fresh = self._subscriptions[asked.identifier] = _Subscription(asked, wanted)
        asked.answer.add_done_callback(lambda _: self._note_end(conversation, fresh))
        agreed = False
        try:
            either: set[asyncio.Future[Any]] = {fresh.agreed, asked.answer}
            await asyncio.wait(
                either, timeout=_AGREEMENT_SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED
            )
            agreed = fresh.agreed.done() and conversation is self._conversation
            if agreed:
                self._subscription = fresh
            return agreed
        finally:
            if not agreed:
                self._subscriptions.pop(asked.identifier, None)
                conversation.withdraw(asked)

    async def _listen_again(self, pause: float) -> None:
        await asyncio.sleep(pause)
        await self._adapt()
        self._note_gap()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        report_bug(task)  # if it only went away again, the next process is followed as well

    # hearing

    def _take(self, message: dict[str, JSON]) -> None:
        if self._subscriptions:
            self._take_from_modern(message)
        elif self._opening is not None and self._opening.era is Era.LEGACY:
            self._take_update(message)

    def _take_from_modern(self, message: dict[str, JSON]) -> None:
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        if message["method"] == _CANCELLED:
            subscription = self._find(params.get("requestId"))
            if subscription is not None and not subscription.ended.done():
                subscription.ended.cancel()
            return
        meta = params.get("_meta")
        subscription = self._find(meta.get(_SUBSCRIPTION) if isinstance(meta, dict) else None)
        if subscription is None:
            return
        if message["method"] != _ACKNOWLEDGED:
            self._take_update(message)
        elif not subscription.agreed.done():
            subscription.agreed.set_result(honoured_uris(params))

    def _find(self, identifier: JSON) -> _Subscription | None:
        return self._subscriptions.get(identifier) if type(identifier) is int else None

    def _take_update(self, message: dict[str, JSON]) -> None:
        uri = updated_uri(message)
        if uri is not None:
            self._updates.note(uri)

    def _note_gap(self) -> None:
        """Anything may have changed while nobody listened."""
        self._changed()
        for uri in self._counts:
            self._updates.note(uri)

    def _note_end(self, conversation: Conversation, ended: _Subscription) -> None:
        """The server ended it, and still runs: listen again, less and less eagerly."""
        if not ended.ended.cancelled():
            ended.ended.exception()
        self._subscriptions.pop(ended.identifier, None)
        conversation.withdraw(ended.asked)
        if ended is not self._subscription:
            return
        self._subscription = None
        if conversation.alive and conversation is self._conversation:
            pause, self._pause = self._pause, min(2 * self._pause, _PAUSE_SECONDS_MAX)
            self._start(self._listen_again(pause))
