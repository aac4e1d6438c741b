"""Time comes in from outside, so that a test needs no patching and a jump of the wall clock extends nothing."""

import time
from datetime import UTC, datetime
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


def iso_time(seconds: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC, cut to the second: `2026-11-22T09:30:00Z`."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_time_or_none(seconds: float | None) -> str | None:
    return None if seconds is None else iso_time(seconds)
