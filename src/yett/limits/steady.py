"""The time by which budgets begin anew: the clock of the wall, as far as it goes on as time does.

A wall clock that jumps forward would open the budgets of tomorrow today. So while the process runs, time
goes on from where it began, and the clock is believed within a few minutes, and looked at once a second.
One that jumps back is believed: no day of an account begins a second time (yett.limits.balances). Between
two looks it is enough to add: monotonic seconds, and `ahead`.
"""

import time
from collections.abc import Callable
from math import inf
from typing import Final, final

from yett.core.clock import Clock, SystemClock

AHEAD_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 1.0
_DRIFT: Final = 0.001  # of a bad quartz, which a clock that is set by network makes up for


@final
class SteadyWall:
    """ahead: by how much it was ahead of the monotonic clock at the last look, in seconds. until: monotonic seconds of
    the next look. is_held: the clock of the wall is ahead of what can be, and is not followed."""

    __slots__ = (
        "_anchor", "_began", "_elapsed", "_monotonic", "_wall", "ahead", "is_held", "until",
    )  # fmt: skip

    def __init__(self, clock: Clock) -> None:
        self._wall = clock.wall
        # A laptop that slept has not jumped; CLOCK_MONOTONIC of Linux does not count sleep.
        self._elapsed: Callable[[], float] = (
            _since_boot if isinstance(clock, SystemClock) else clock.monotonic
        )
        self._monotonic = clock.monotonic
        self._anchor = clock.wall()
        self.ahead = 0.0
        self.until = -inf
        self._began = self._elapsed()
        self.is_held = False

    def __call__(self) -> float:
        clock = self._wall
        wall = clock()
        passed = self._elapsed() - self._began
        latest = self._anchor + passed + AHEAD_SECONDS + passed * _DRIFT
        self.is_held = wall > latest
        if self.is_held:
            wall = self._anchor + passed
        now = self._monotonic()
        self.ahead, self.until = wall - now, now + _LOOK_SECONDS
        return wall


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
