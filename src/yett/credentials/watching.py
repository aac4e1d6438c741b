"""Keeping an eye open for honeytokens, also while one of them cannot be read.

What cannot be read is tried again, after ever longer pauses; the others are looked for meanwhile, and so is
its last known value. That it is not watched is an alert, once, and that it is again is an event.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, final

import msgspec

from yett.core.errors import Fault
from yett.credentials.honeytokens import Lookout, Trap

EVERY: Final = "*"
"""In place of a name, when the vault did not say which there are."""

_PAUSE_SECONDS_MIN: Final = 1.0
_PAUSE_SECONDS_MAX: Final = 60.0


@final
class Traps(msgspec.Struct, frozen=True):
    """All honeytokens. lost: those that cannot be read, and why."""

    read: tuple[Trap, ...] = ()
    lost: Mapping[str, str] = {}


@final
class Watch:
    """read: returns all honeytokens. record_event, cut: see `Lookout`. look_out: None if there are none."""

    def __init__(
        self,
        read: Callable[[], Traps],
        monotonic: Callable[[], float],
        record_event: Callable[[dict[str, Any]], None],
        cut: Callable[[str], None],
    ) -> None:
        self.look_out: Lookout | None = None
        self._read = read
        self._monotonic = monotonic
        self._record_event = record_event
        self._cut = cut
        self._traps: dict[str, Trap] = {}
        self._lost: Mapping[str, str] = {}
        self._told: set[str] = set()
        self._pause = _PAUSE_SECONDS_MIN
        self._again_at = math.inf

    def keep(self, *, anew: bool) -> None:
        """anew: they may have changed. If not, only what could not be read is tried again, when it is time.

        Raises:
            Refusal: what was found out cannot be recorded; it is told at the next try.
        """
        now = self._monotonic()
        if anew:
            self._pause = _PAUSE_SECONDS_MIN
        elif now < self._again_at:
            return
        self._again_at = now + self._pause
        self._pause = min(2 * self._pause, _PAUSE_SECONDS_MAX)
        self._look()
        self._tell()
        if not self._lost:
            self._again_at = math.inf

    def _look(self) -> None:
        try:
            found = self._read()
        except Fault as fault:
            self._lost = {**self._lost, EVERY: fault.private}
            return
        known = {name: self._traps[name] for name in found.lost if name in self._traps}
        self._lost = found.lost
        self._traps = known | {trap.name: trap for trap in found.read}
        self.look_out = (
            Lookout(self._traps.values(), self._record_event, self._cut) if self._traps else None
        )

    def _tell(self) -> None:
        for name in sorted(self._lost.keys() - self._told):
            why = self._lost[name]
            event = {"event": "secret.unwatched", "alert": "high", "name": name, "why": why}
            self._record_event(event | {"actor": "gate"})
            self._told.add(name)
        for name in sorted(self._told - self._lost.keys()):
            if name in self._traps or name == EVERY:  # otherwise it was removed
                self._record_event({"event": "secret.watched", "actor": "gate", "name": name})
            self._told.discard(name)
