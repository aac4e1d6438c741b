"""What the limits have to tell beside refusing: once a second, and bounded however often it happens."""

from collections.abc import Callable
from typing import Final, final

from yett.core.clock import Clock, iso_time
from yett.core.target import JSON

EVENTS_MAX: Final = 1_000
REPORT_SECONDS: Final = 60.0
_COUNTED_MAX: Final = 1_000
_SHOWN_MAX: Final = 20


@final
class Notices:
    """Belongs to the loop. dropped: events that were too many to tell. overruns: all that were counted."""

    __slots__ = ("_clock", "_due", "_events", "_overruns", "_since", "_told", "dropped", "overruns")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: list[dict[str, JSON]] = []
        self._told: dict[tuple[str, str], float] = {}
        self._overruns: dict[str, int] = {}
        self._since = 0.0
        self._due = 0.0
        self.dropped = 0
        self.overruns = 0

    def tell(self, event: dict[str, JSON]) -> None:
        """Have an event recorded within a second."""
        if len(self._events) >= EVENTS_MAX:
            self.dropped += 1
        else:
            self._events.append(event)

    def tell_at_times(self, event: dict[str, JSON], about: str) -> None:
        """As `tell`, at most once a minute for the same event about the same thing."""
        key, now = (str(event["event"]), about), self._clock.monotonic()
        if self._told.get(key, now) > now:
            return
        if len(self._told) >= _COUNTED_MAX:
            self._told.clear()
        self._told[key] = now + REPORT_SECONDS
        self.tell(event)

    def overrun(self, key: str) -> None:
        """Count what an observed limit would have refused. key: of the limit."""
        if not self._overruns:
            self._since = self._clock.wall()
            self._due = self._clock.monotonic() + REPORT_SECONDS
        if key not in self._overruns and len(self._overruns) >= _COUNTED_MAX:
            key = "others"
        self.overruns += 1
        self._overruns[key] = self._overruns.get(key, 0) + 1

    def report(self, record: Callable[[dict[str, JSON]], None], *, last: bool = False) -> None:
        """Record what there is to tell. last: what is only counted, too.

        Raises:
            Fault: it cannot be recorded; it is kept for the next time.
        """
        while self._events:
            record(self._events[0])
            del self._events[0]
        counts = self._overruns
        if counts and (last or self._clock.monotonic() >= self._due):
            most = sorted(counts.items(), key=lambda item: -item[1])[:_SHOWN_MAX]
            record(
                {
                    "event": "limits.observed",
                    "actor": "gate",
                    "would_have_refused": sum(counts.values()),
                    "most": dict(most),
                    "since": iso_time(self._since),
                }
            )
            counts.clear()
