"""Processes for calls besides which something passes that cannot be told apart on a shared one.

What a legacy server asks, and what any server logs, names no request on stdio. So such a call has a
process to itself while it runs. Servers keep what they were told, roots for example, so the process
serves one caller only, one call after the other, and is ended when a call did not end well: what it
still says about that call must not reach the next one.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.backends.stdio.conversation import Conversation
from yett.upstreams.backends.stdio.exchanging import exchange_with
from yett.upstreams.backends.stdio.hearing import Hearing
from yett.upstreams.background import report_bug
from yett.upstreams.handshake import Opening
from yett.upstreams.port import Beside, Exchange, Wishes

LANES_MAX: Final = 8
LANES_PER_OWNER_MAX: Final = 4
PROCESSES_MAX: Final = 2 * LANES_MAX
"""Those that are being ended included, which a stubborn server draws out for seconds."""
IDLE_SECONDS_MAX: Final = 60.0
PATIENCE_SECONDS: Final = 30.0
"""So long a caller may think about what it is asked, while others wait for a process."""
QUEUE_SECONDS_MAX: Final = 30.0
RENEWED: Final = "its secrets have changed, so it is started anew"
_LOOK_SECONDS: Final = 1.0
_OPENING_SECONDS_MAX: Final = 60.0

EndOfLane = Callable[[Conversation, str], None]
Opened = Coroutine[Any, Any, tuple[Conversation, Opening]]
Open = Callable[[Hearing, EndOfLane], Opened]
"""Starts a process for a caller; the second is told when it ends."""


@final
class _Lane:
    """hearing: of the call under way; None: it is idle since `used` (loop time). conversation: None
    while it is being opened."""

    __slots__ = ("conversation", "hearing", "opening", "owner", "used", "wishes")

    def __init__(self, owner: str, wishes: Wishes) -> None:
        self.owner = owner
        self.wishes = wishes
        self.conversation: Conversation | None = None
        self.opening: asyncio.Task[tuple[Conversation, Opening]] | None = None
        self.hearing: Hearing | None = None
        self.used = 0.0


@final
class Lanes:
    """open_: see `Open`."""

    def __init__(self, open_: Open) -> None:
        self._open = open_
        self._loop = asyncio.get_running_loop()
        self._lanes: list[_Lane] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._opening: set[asyncio.Task[Any]] = set()
        self._ending: set[asyncio.Task[Any]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._lanes)

    async def request(
        self, method: str, params: dict[str, JSON], beside: Beside, deadline: float
    ) -> Exchange:
        """As `Transport.request`. deadline: loop time."""
        lane = await self._claim(beside, deadline)
        hearing = lane.hearing = Hearing(beside, partial(_write, lane))
        well = False
        try:
            conversation = await self._ready(lane, hearing, deadline)
            exchange = await exchange_with(conversation, method, params, deadline, hearing)
            well = True
            return exchange
        finally:
            self._release(lane, well=well)

    async def renew(self, seconds: float) -> None:
        """End the processes that there are: the idle ones now, the others after so long at most."""
        busy = [lane for lane in self._lanes if lane.hearing is not None]
        for lane in [lane for lane in self._lanes if lane.hearing is None]:
            self._end(lane, RENEWED)
        if busy:
            await asyncio.sleep(seconds)
        for lane in busy:
            if lane in self._lanes:
                self._end(lane, RENEWED)

    async def close(self) -> None:
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for lane in list(self._lanes):
            self._end(lane, "it was stopped")
        self._wake()
        if self._opening:
            await asyncio.wait(self._opening)
        if self._ending:
            await asyncio.wait(self._ending)

    # claiming

    async def _claim(self, beside: Beside, deadline: float) -> _Lane:
        """Return a lane of this caller that nobody else uses, when there is one."""
        deadline = min(deadline, self._loop.time() + QUEUE_SECONDS_MAX)
        while True:
            if self._closed:
                raise Fault(Reason.UPSTREAM_UNREACHABLE, "it was stopped")
            lane = self._find(beside)
            if lane is not None:
                return lane
            left = deadline - self._loop.time()
            if left <= 0.0:
                raise Fault(Reason.UPSTREAM_TIMEOUT, "too many such calls run at once")
            turn: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append(turn)
            try:
                await asyncio.wait({turn}, timeout=min(left, _LOOK_SECONDS))
            finally:
                self._waiting.remove(turn)

    def _find(self, beside: Beside) -> _Lane | None:
        own = [lane for lane in self._lanes if lane.owner == beside.owner]
        for lane in own:
            if lane.hearing is None and lane.wishes == beside.wishes:
                return lane
        if len(own) >= LANES_PER_OWNER_MAX and not self._end_idle(own):
            return None
        if len(self._lanes) >= LANES_MAX and not self._end_idle(self._lanes):
            self._interrupt()
            return None
        if len(self._lanes) + len(self._ending) >= PROCESSES_MAX:
            return None
        lane = _Lane(beside.owner, beside.wishes)
        self._lanes.append(lane)
        return lane

    def _end_idle(self, lanes: list[_Lane]) -> bool:
        idle = [lane for lane in lanes if lane.hearing is None]
        if idle:
            self._end(min(idle, key=lambda lane: lane.used), "another caller needs the room")
        return bool(idle)

    def _interrupt(self) -> None:
        """Others wait: end the call whose caller thinks longest about an answer, if that is long."""
        before = self._loop.time() - PATIENCE_SECONDS
        asking = [
            (lane.hearing.inquiries.since, lane)
            for lane in self._lanes
            if lane.hearing is not None and lane.hearing.inquiries.since is not None
        ]
        since, longest = min(asking, key=lambda one: one[0], default=(before, None))
        if longest is not None and since < before:
            self._end(longest, "its caller did not answer, and others waited for a process")

    async def _ready(self, lane: _Lane, hearing: Hearing, deadline: float) -> Conversation:
        conversation = lane.conversation
        if conversation is not None and conversation.alive:
            conversation.sole = hearing
            return conversation
        now = self._loop.time()
        task = self._loop.create_task(self._open(hearing, lambda _, __: self._forget(lane)))
        lane.opening = task
        self._opening.add(task)
        task.add_done_callback(self._note_opened)
        await asyncio.wait({task}, timeout=min(deadline - now, _OPENING_SECONDS_MAX))
        if not task.done():
            raise Fault(Reason.UPSTREAM_TIMEOUT, "it did not start in time")
        if task.cancelled():
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "it was stopped")
        lane.conversation, _ = task.result()
        lane.opening = None
        return lane.conversation

    def _note_opened(self, task: "asyncio.Task[tuple[Conversation, Opening]]") -> None:
        self._opening.discard(task)
        report_bug(task)

    # letting go

    def _release(self, lane: _Lane, *, well: bool) -> None:
        hearing, lane.hearing = lane.hearing, None
        if hearing is not None:
            hearing.close()
        conversation = lane.conversation
        if well and conversation is not None and conversation.alive and lane in self._lanes:
            conversation.sole = None
            lane.used = self._loop.time()
            if self._sweeper is None:
                self._sweeper = self._loop.call_later(IDLE_SECONDS_MAX, self._sweep)
        else:
            self._end(lane, "a call on it did not end well")
        self._wake()

    def _end(self, lane: _Lane, why: str) -> None:
        self._forget(lane)
        conversation, lane.conversation = lane.conversation, None
        opening, lane.opening = lane.opening, None
        if opening is not None:
            opening.cancel()
            if opening.done() and not opening.cancelled() and opening.exception() is None:
                conversation = opening.result()[0]  # opened, and nobody waited any more
        if conversation is not None:
            task = self._loop.create_task(conversation.close(why))
            self._ending.add(task)
            task.add_done_callback(self._note_ended)

    def _note_ended(self, task: "asyncio.Task[None]") -> None:
        self._ending.discard(task)
        self._wake()

    def _forget(self, lane: _Lane) -> None:
        if lane in self._lanes:
            self._lanes.remove(lane)
            self._wake()

    def _wake(self) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)

    def _sweep(self) -> None:
        self._sweeper = None
        before = self._loop.time() - IDLE_SECONDS_MAX
        idle = [lane for lane in self._lanes if lane.hearing is None]
        for lane in idle:
            if lane.used <= before:
                self._end(lane, "nobody needs it")
        if any(lane.hearing is None for lane in self._lanes):
            self._sweeper = self._loop.call_later(IDLE_SECONDS_MAX / 4, self._sweep)


def _write(lane: _Lane, line: bytes) -> None:
    if lane.conversation is not None:
        lane.conversation.write(line)
