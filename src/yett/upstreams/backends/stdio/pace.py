"""How much of the loop a process may take by talking. Pure.

One loop serves everybody. What a process says unasked (changes, pings, log lines) costs the time of
all, so it has a share of it; beyond that it is read more slowly, and its pipe fills up (CWE-400).
"""

from typing import Final, final

TURN_SECONDS_MAX: Final = 0.002
"""After so long it is the turn of others, whatever is left to read."""
SHARE: Final = 0.1
"""Seconds of the loop per second."""
CREDIT_SECONDS_MAX: Final = 0.1
_WINDOW_SECONDS: Final = 60.0
_HELD_SECONDS_MAX: Final = 30.0
_NEVER: Final = float("-inf")


@final
class Pace:
    """Times are of any clock that never goes back."""

    __slots__ = ("_began", "_credit", "_filled_at", "_held")

    def __init__(self) -> None:
        self._credit = CREDIT_SECONDS_MAX
        self._filled_at = _NEVER
        self._began = _NEVER
        self._held = 0.0

    def spend(self, seconds: float, now: float) -> float:
        """Take note of time that was spent; return for how long the process is to be left waiting."""
        self._credit -= seconds
        if self._credit >= 0:
            return 0.0
        earned = (now - self._filled_at) * SHARE
        self._credit = min(CREDIT_SECONDS_MAX, self._credit + earned)
        self._filled_at = now
        if self._credit >= 0:
            return 0.0
        return -self._credit / SHARE

    def hold(self, seconds: float, now: float) -> None:
        """Take note that it is left waiting."""
        if now - self._began > _WINDOW_SECONDS:
            self._began, self._held = now, 0.0
        self._held += seconds

    def forgive(self) -> None:
        """It said something that somebody waited for: it may be slow, but it is of use."""
        self._held = 0.0

    def is_flooding(self) -> bool:
        """Whether it had to wait for most of a minute, and had nothing to say that anybody needs."""
        return self._held > _HELD_SECONDS_MAX
