"""One more try, for a tool that the operator says may be called twice, when its server broke off.

A server in trouble must not be asked twice as much by all at once, so a retry has to be earned by calls
before it: one by each ten.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.port import Exchange

EARNED: Final = 0.1
SAVED_MAX: Final = 10.0
PAUSE_SECONDS: Final = 0.1


@final
class Retries:
    """Of one server. monotonic: seconds."""

    __slots__ = ("_monotonic", "_saved")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._saved = SAVED_MAX

    async def ask(
        self, attempt: Callable[[float], Awaitable[Exchange]], seconds: float
    ) -> Exchange:
        """Return what an attempt returned, or else a second one. attempt: takes how long it may last.
        seconds: for both and the pause between.

        Raises:
            Fault: of the last attempt.
        """
        started = self._monotonic()
        self._saved = min(SAVED_MAX, self._saved + EARNED)
        try:
            return await attempt(seconds)
        except Fault as fault:
            left = seconds - (self._monotonic() - started) - PAUSE_SECONDS
            if fault.reason is not Reason.UPSTREAM_UNREACHABLE or left <= 0 or self._saved < 1.0:
                raise
        self._saved -= 1.0
        await asyncio.sleep(PAUSE_SECONDS)
        return await attempt(left)
