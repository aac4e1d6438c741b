"""Ends the waits that take too long, with one timer for all of them.

A timer of its own costs each call about 5 µs on uvloop. Looking at all waits twenty times a second
costs nothing that can be measured, and an answer is waited for at most `TICK_SECONDS` too long.
"""

import asyncio
from typing import Any, Final, final

TICK_SECONDS: Final = 0.05


@final
class Deadlines:
    __slots__ = ("_loop", "_timer", "_waits")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waits: dict[asyncio.Future[Any], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, waiter: asyncio.Future[Any], deadline: float) -> None:
        """Let `waiter` raise TimeoutError at `deadline` (loop time), unless it is done by then."""
        self._waits[waiter] = deadline
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_SECONDS, self._tick)

    def forget(self, waiter: asyncio.Future[Any]) -> None:
        self._waits.pop(waiter, None)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        now = self._loop.time()
        late = [waiter for waiter, deadline in self._waits.items() if deadline <= now]
        for waiter in late:
            del self._waits[waiter]
            if not waiter.done():
                waiter.set_exception(TimeoutError())
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick) if self._waits else None
