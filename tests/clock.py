"""One clock that a test moves by hand."""

from typing import Final, final

NOON: Final = 1_800_014_400.0
"""2027-01-15 12:00:00 UTC, a Friday."""


@final
class HandClock:
    """now: of the wall, seconds since 1970. running: monotonic."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now
        self.running = 1_000.0

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.running

    def pass_seconds(self, seconds: float) -> None:
        self.now += seconds
        self.running += seconds
