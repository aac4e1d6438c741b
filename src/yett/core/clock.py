"""Time comes in from outside, so that a test needs no patching and a jump of the wall clock extends nothing."""

import time
from typing import Protocol, final


class Clock(Protocol):
    def wall(self) -> float:
        """Return seconds since 1970-01-01 UTC. May jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back. Limits, leases and deadlines use these only."""
        ...


@final
class SystemClock:
    __slots__ = ()

    # Not wrapped in functions of ours: each call asks a dozen times.
    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
