"""An MCP server that is a process: started at first use, shared by all calls, started again when it
ends."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, final

import msgspec
import orjson

from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.backends.stdio.child import Launch
from yett.upstreams.backends.stdio.conversation import Conversation, Ended
from yett.upstreams.backends.stdio.exchanging import exchange_with, fail
from yett.upstreams.backends.stdio.hearing import Hearing
from yett.upstreams.backends.stdio.lanes import RENEWED, EndOfLane, Lanes, Opened
from yett.upstreams.backends.stdio.lines import LastWords
from yett.upstreams.backends.stdio.plain_calls import PlainCalls
from yett.upstreams.backends.stdio.showing import Showcase
from yett.upstreams.backends.stdio.starting import HANDSHAKE_SECONDS_MAX, begin, begin_for_one
from yett.upstreams.backends.stdio.watches import Watches
from yett.upstreams.handshake import Opening
from yett.upstreams.listing import take_listing
from yett.upstreams.port import (
    NO_WISHES,
    Begin,
    Beside,
    Discovered,
    Era,
    Exchange,
    Wishes,
    ignore_change,
    ignore_update,
)
from yett.upstreams.rpc import InvalidAnswer

_CALL: Final = "tools/call"

RESTART_SECONDS_MIN: Final = 0.1
RESTART_SECONDS_MAX: Final = 10.0
# After so long it is not the start that fails.
HEALTHY_SECONDS: Final = 10.0
# From then on it is started only when somebody asks for it.
EAGER_RESTARTS_MAX: Final = 8
# A call waits this long for the next attempt; otherwise it ends at once and says when to come back.
_PATIENCE_SECONDS: Final = 1.0
_RENEWAL_SECONDS: Final = 2.0


@final
class StdioTransport:
    """Make it inside the event loop that will use it. offers: what the server may ask anybody."""

    def __init__(self, launch: Launch, offers: Wishes = NO_WISHES) -> None:
        self.on_changed: Callable[[], None] = ignore_change
        self.on_updated: Callable[[str], None] = ignore_update
        self._loop = asyncio.get_running_loop()
        self._launch = launch
        self._words = LastWords()
        self._conversation: Conversation | None = None
        self._opening: Opening | None = None
        self._starting: asyncio.Task[Conversation] | None = None
        self._era: Era | None = None
        self._failures = 0
        self._next_start = 0.0
        self._served = False
        self._closed = False
        self._plain_calls: dict[str, PlainCalls] = {}
        self._lanes = Lanes(self._open_lane)
        self._showcase = None if offers == NO_WISHES else Showcase(self._open_showcase, offers)
        self._watches = Watches(self._ready, changed=self._note_change, updated=self._note_update)

    @property
    def era(self) -> Era | None:
        return self._era

    @property
    def version(self) -> str | None:
        return self._opening.version if self._conversation and self._opening else None

    def last_words(self) -> tuple[str, ...]:
        return self._words.take()

    async def start(self) -> None:
        """Start the server now instead of at its first use.

        Raises:
            Fault: as `request`.
        """
        await self._ready(self._loop.time() + HANDSHAKE_SECONDS_MAX)

    async def request(
        self,
        method: str,
        params: dict[str, JSON],
        *,
        credential: Credential,  # noqa: ARG002 - a process has its secrets in its environment
        deadline_seconds: float,
        beside: Beside | None = None,
    ) -> Exchange:
        deadline = self._loop.time() + deadline_seconds
        if beside is not None:
            return await self._request_beside(method, params, beside, deadline)
        conversation = self._conversation or await self._ready(deadline)
        return await exchange_with(conversation, method, params, deadline)

    def call(
        self, tool: str, arguments: bytes, credential: Credential, seconds: float
    ) -> Coroutine[Any, Any, Exchange]:
        params = {"name": tool, "arguments": orjson.Fragment(arguments)}
        return self.request(_CALL, params, credential=credential, deadline_seconds=seconds)

    def shortcut(self, tool: str) -> Begin:
        calls = self._plain_calls.get(tool)
        if calls is None:
            calls = self._plain_calls[tool] = PlainCalls(tool, self._opened)
        return calls.begin

    def _opened(self) -> Conversation | None:
        return self._conversation

    async def discover(
        self,
        credential: Credential,
        *,
        deadline_seconds: float = 30.0,
    ) -> Discovered:
        deadline = self._loop.time() + deadline_seconds
        await self._ready(deadline)
        capabilities = self._opening.capabilities if self._opening is not None else None

        async def ask(method: str, params: dict[str, JSON]) -> Exchange:
            left = deadline - self._loop.time()
            return await self.request(method, params, credential=credential, deadline_seconds=left)

        try:
            if self._showcase is not None and self._era is Era.LEGACY:
                return await self._showcase.take(deadline)
            return await take_listing(ask, capabilities)
        except InvalidAnswer as error:
            raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None

    async def watch(
        self,
        uri: str,
        *,
        credential: Credential,  # noqa: ARG002 - as above
        deadline_seconds: float,
    ) -> Exchange:
        return await self._watches.watch(uri, self._loop.time() + deadline_seconds)

    def unwatch(self, uri: str) -> None:
        self._watches.unwatch(uri)

    async def renew(self) -> None:
        """The next process is started before the one before it has ended: what is under way may still be answered."""
        if self._starting is not None:
            await asyncio.wait({self._starting})
        if self._closed:
            return
        conversation, self._conversation = self._conversation, None
        try:
            ended = [self._lanes.renew(_RENEWAL_SECONDS)]
            if conversation is not None:
                for calls in self._plain_calls.values():
                    calls.leave()
                self.on_changed()  # no call may go to the next one before it was looked at
                self._start_soon()
                ended.append(conversation.rest(_RENEWAL_SECONDS))
            if self._showcase is not None:
                ended.append(self._showcase.close())
            await asyncio.gather(*ended)
        finally:
            if conversation is not None:
                await conversation.close(RENEWED)

    async def close(self) -> None:
        self._closed = True
        self._watches.close()
        lanes = self._loop.create_task(self._lanes.close())
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()
            await asyncio.wait({starting}, timeout=5.0)
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            await conversation.close()
        if self._showcase is not None:
            await self._showcase.close()
        await lanes

    async def _request_beside(
        self, method: str, params: dict[str, JSON], beside: Beside, deadline: float
    ) -> Exchange:
        conversation = await self._ready(deadline)
        opening = self._opening
        assert opening is not None  # noqa: S101 - set together with the conversation
        wishes = _wishes_towards(opening, beside.wishes)
        if wishes != NO_WISHES:
            # A modern server answers what it wants to know; only a legacy one asks on the way.
            return await self._lanes.request(
                method, params, msgspec.structs.replace(beside, wishes=wishes), deadline
            )
        hearing = Hearing(beside, conversation.write)
        try:
            return await exchange_with(conversation, method, params, deadline, hearing)
        finally:
            hearing.close()

    # starting

    async def _ready(self, deadline: float) -> Conversation:
        """Return the open conversation; all who need it wait for one start."""
        if self._conversation is not None:
            return self._conversation
        if self._closed:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "it was stopped")
        now = self._loop.time()
        if self._next_start - now > _PATIENCE_SECONDS:
            raise Fault(
                Reason.UPSTREAM_UNREACHABLE,
                "it keeps ending; the next start is due later",
                retry_after_seconds=self._next_start - now,
            )
        task = self._start_soon()
        await asyncio.wait({task}, timeout=deadline - now)
        if not task.done():
            raise Fault(Reason.UPSTREAM_TIMEOUT, "it did not start in time")
        if task.cancelled():
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "it was stopped")
        return task.result()

    def _start_soon(self) -> "asyncio.Task[Conversation]":
        if self._starting is None:
            self._starting = self._loop.create_task(self._start())
            self._starting.add_done_callback(self._started)
        return self._starting

    def _started(self, task: "asyncio.Task[Conversation]") -> None:
        if self._starting is task:
            self._starting = None
        if self._closed or task.cancelled() or task.exception() is None:
            return
        self._note_failure()

    def _note_failure(self) -> None:
        """Put off the next start, and see to it unless there have been many."""
        delay = min(RESTART_SECONDS_MIN * 2.0**self._failures, RESTART_SECONDS_MAX)
        self._failures += 1
        self._next_start = self._loop.time() + delay
        if self._served and self._failures <= EAGER_RESTARTS_MAX:
            self._start_soon()

    async def _start(self) -> Conversation:
        await asyncio.sleep(self._next_start - self._loop.time())
        known = self._era
        try:
            conversation, opening = await self._open(known)
        except Ended as error:
            if known is not None:
                self._era = None
                fail(error)
            # Some legacy servers do not survive a question before `initialize`.
            conversation, opening = await self._open_as_legacy()
        self._conversation, self._opening, self._era = conversation, opening, opening.era
        if self._served:
            self.on_changed()
        self._watches.follow(conversation, opening, again=self._served)
        self._served = True
        return conversation

    async def _open_as_legacy(self) -> tuple[Conversation, Opening]:
        try:
            return await self._open(Era.LEGACY)
        except Ended as error:
            fail(error)

    async def _open(self, known: Era | None) -> tuple[Conversation, Opening]:
        return await begin(
            self._launch,
            self._words,
            known=known,
            change=self._note_change,
            ended=self._note_end,
        )

    def _open_lane(self, hearing: Hearing, ended: EndOfLane) -> Opened:
        return begin_for_one(
            self._launch,
            self._words,
            hearing,
            known=self._era,
            change=ignore_change,  # of its own lists, which nobody is shown
            ended=ended,
        )

    def _open_showcase(self, hearing: Hearing) -> Opened:
        return begin_for_one(
            self._launch,
            self._words,
            hearing,
            known=Era.LEGACY,
            change=self._note_change,
            ended=_ignore_end,
        )

    # what the process does by itself

    def _note_change(self) -> None:
        self.on_changed()

    def _note_update(self, uri: str) -> None:
        self.on_updated(uri)

    def _note_end(self, conversation: Conversation, why: str) -> None:
        if self._conversation is not conversation:
            return  # it never opened; who started it knows
        self._conversation = None
        self._words.add(why)
        if self._served and not self._closed:
            self.on_changed()  # and again once it runs: no call may go to it before it was looked at
        if self._loop.time() - conversation.since > HEALTHY_SECONDS:
            self._failures = 0
        if not self._closed:
            self._note_failure()


def _ignore_end(_: Conversation, __: str) -> None:
    """The next look at the lists starts it again."""


def _wishes_towards(opening: Opening, wishes: Wishes) -> Wishes:
    """What a process must be kept apart for. A modern server is offered capabilities with each request;
    one that logs nothing need not be told how much."""
    log_level = wishes.log_level if "logging" in (opening.capabilities or {}) else None
    if opening.era is Era.MODERN and log_level is None:
        return NO_WISHES
    return Wishes(wishes.capabilities, log_level)
