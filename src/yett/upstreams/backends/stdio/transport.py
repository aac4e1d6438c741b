"""An MCP server that is a process: started at first use, shared by all calls, started again when it
ends."""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn, final

from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.backends.stdio.child import Launch, start
from yett.upstreams.backends.stdio.conversation import Conversation, Ended, NotWritten
from yett.upstreams.backends.stdio.lines import LastWords
from yett.upstreams.backends.stdio.opening import open_conversation
from yett.upstreams.handshake import Opening, with_meta
from yett.upstreams.listing import take_listing
from yett.upstreams.port import Beside, Discovered, Era, Exchange, ignore_change, ignore_update
from yett.upstreams.rpc import InvalidAnswer, take_result_type

# `uvx` and `npx` may fetch the server first.
HANDSHAKE_SECONDS_MAX: Final = 60.0
RESTART_SECONDS_MIN: Final = 0.1
RESTART_SECONDS_MAX: Final = 10.0
# After so long it is not the start that fails.
HEALTHY_SECONDS: Final = 10.0
# From then on it is started only when somebody asks for it.
EAGER_RESTARTS_MAX: Final = 8
# A call waits this long for the next attempt; otherwise it ends at once and says when to come back.
_PATIENCE_SECONDS: Final = 1.0
_STATUS_SECONDS: Final = 0.5


@final
class StdioTransport:
    """Make it inside the event loop that will use it."""

    def __init__(self, launch: Launch) -> None:
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
        beside: Beside | None = None,  # noqa: ARG002 - comes next
    ) -> Exchange:
        return await self._request(method, params, self._loop.time() + deadline_seconds)

    async def discover(
        self,
        credential: Credential,  # noqa: ARG002 - as above
        *,
        deadline_seconds: float = 30.0,
    ) -> Discovered:
        deadline = self._loop.time() + deadline_seconds
        await self._ready(deadline)
        capabilities = self._opening.capabilities if self._opening is not None else None

        async def ask(method: str, params: dict[str, JSON]) -> Exchange:
            return await self._request(method, params, deadline)

        try:
            return await take_listing(ask, capabilities)
        except InvalidAnswer as error:
            raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None

    async def watch(self, uri: str, *, credential: Credential, deadline_seconds: float) -> Exchange:
        raise NotImplementedError

    def unwatch(self, uri: str) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        self._closed = True
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()
            await asyncio.wait({starting}, timeout=5.0)
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            await conversation.close()

    async def _request(self, method: str, params: dict[str, JSON], deadline: float) -> Exchange:
        conversation = self._conversation
        if conversation is None:
            conversation = await self._ready(deadline)
        modern = self._era is Era.MODERN
        if modern:
            params = with_meta(params)
        try:
            exchange = await conversation.ask(method, params, deadline)
            if modern and exchange.result is not None:
                take_result_type(exchange.result)
            return exchange
        except TimeoutError:
            raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=True) from None
        except NotWritten as error:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, str(error)) from None
        except InvalidAnswer as error:
            raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None
        except Ended as error:
            _fail(error, sent=True)

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
                _fail(error)
            # Some legacy servers do not survive a question before `initialize`.
            conversation, opening = await self._open_as_legacy()
        self._conversation, self._opening, self._era = conversation, opening, opening.era
        if self._served:
            self.on_changed()
        self._served = True
        return conversation

    async def _open_as_legacy(self) -> tuple[Conversation, Opening]:
        try:
            return await self._open(Era.LEGACY)
        except Ended as error:
            _fail(error)

    async def _open(self, known: Era | None) -> tuple[Conversation, Opening]:
        child = await start(self._launch, self._words)
        conversation = Conversation(
            child, self._words, change=self._note_change, ended=self._note_end
        )
        deadline = self._loop.time() + HANDSHAKE_SECONDS_MAX
        opened = False
        try:
            opening = await open_conversation(conversation, deadline, known=known)
            opened = True
            return conversation, opening
        except TimeoutError:
            raise Fault(Reason.UPSTREAM_TIMEOUT, "it started and never answered") from None
        except InvalidAnswer as error:
            raise Fault(Reason.UPSTREAM_INVALID, str(error)) from None
        except NotWritten as error:  # its input was closed first; how it ended says more
            status = await child.wait(_STATUS_SECONDS)
            why = str(error) if status is None else f"it ended with status {status}"
            raise Ended(why, broken=False) from None
        finally:
            if not opened:
                await conversation.close()

    # what the process does by itself

    def _note_change(self) -> None:
        self.on_changed()

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


def _fail(error: Ended, *, sent: bool = False) -> NoReturn:
    reason = Reason.UPSTREAM_INVALID if error.broken else Reason.UPSTREAM_UNREACHABLE
    raise Fault(reason, str(error), sent=sent) from None
