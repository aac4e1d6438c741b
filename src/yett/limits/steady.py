"""The time by which budgets begin anew: the clock of the wall, as far as it goes on as time does.

A wall clock that jumps forward would open the budgets of tomorrow today. So while the process runs, time
goes on from where it began, and the clock is believed within a few minutes, and looked at once a second. One that jumps back is believed:
no day of an account begins a second time (yett.limits.balances).
"""

import time
from collections.abc import Callable
from typing import Final, final

from yett.core.clock import Clock, SystemClock

AHEAD_SECONDS: Final = 300.0
_DRIFT: Final = 0.001  # of a bad quartz, which a clock that is set by network makes up for


@final
class SteadyWall:
    """is_held: the clock of the wall is ahead of what can be, and is not followed."""

    __slots__ = ("_anchor", "_began", "_elapsed", "_second", "_wall", "is_held")

    def __init__(self, clock: Clock) -> None:
        self._wall = clock.wall
        # A laptop that slept has not jumped; CLOCK_MONOTONIC of Linux does not count sleep.
        self._elapsed: Callable[[], float] = (
            _since_boot if isinstance(clock, SystemClock) else clock.monotonic
        )
        self._anchor = clock.wall()
        self._began = self._elapsed()
        self._second = -1
        self.is_held = False

    def __call__(self) -> float:
        clock = self._wall
        wall = clock()
        second = int(wall)
        if second == self._second:
            return wall
        passed = self._elapsed() - self._began
        latest = self._anchor + passed + AHEAD_SECONDS + passed * _DRIFT
        if wall <= latest:
            self.is_held = False
            self._second = second
            return wall
        self._second = -1
        self.is_held = True
        return self._anchor + passed


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
