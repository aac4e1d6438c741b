"""Alerts of a running gate: what was decided and what was said go in, and what people should hear comes out.

`observe` and `hear` are called by whoever is at work, cost next to nothing and never fail; `turn` does the
work, in a thread, every other second.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, final

from yett.alerts.alert import Sighting
from yett.alerts.book import AlertBook
from yett.alerts.config import AlertsConfig
from yett.alerts.courier import Courier
from yett.alerts.detection import Watch
from yett.alerts.detection.intake import Intake
from yett.alerts.detection.profiles import Profiles
from yett.alerts.events import Whose, concerns, sighting_of, subject_of
from yett.alerts.kinds import ENDS
from yett.alerts.sending import ReadSecret, Sender
from yett.core.clock import Clock
from yett.core.summary import Summary
from yett.core.target import JSON
from yett.storage.port import Database

EVENTS_MAX: Final = 1_000
"""That wait to be looked at; they are in the audit log in any case."""
_PENDING_MAX: Final = 1_000
_AGAIN_SECONDS: Final = 60.0
_SAVE_SECONDS: Final = 10.0
_SWEEP_SECONDS: Final = 60.0


@final
class AlertDesk:
    """observe: takes finished requests, in any thread. book: what commands use as well."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        secret: ReadSecret,
        whose: Whose,
        redact_text: Callable[[str], str],
    ) -> None:
        self._clock = clock
        self._whose = whose
        self._redact_text = redact_text
        self._intake = Intake()
        self.observe: Callable[[Iterable[Summary]], None] = self._intake.observe
        self.book = AlertBook(database, clock)
        self._watch = Watch(Profiles(database), clock, {}, lambda caller: whose(caller)[0])
        self.courier = Courier(database, self.book, Sender(secret, clock), clock)
        self._events: deque[dict[str, JSON]] = deque(maxlen=EVENTS_MAX)
        self._pending: list[Sighting] = []
        self._said: dict[tuple[str, str, str], float] = {}
        self._saved_at = self._swept_at = clock.monotonic()

    def hear(self, event: dict[str, JSON]) -> None:
        """Take an event that was recorded. Any thread may call this."""
        if concerns(event):
            self._events.append(event)

    def turn(self, config: AlertsConfig, more: Iterable[Sighting] = ()) -> None:
        """Look at all that came in, note it, and begin to deliver. more: what else is to be noted.

        Raises:
            Fault: the database could not be used; nothing is forgotten by that.
        """
        self._watch.take_over(config.hours)
        ended = self._take_events()
        self._pending += [*more, *self._watch.look(self._intake.take())]
        del self._pending[_PENDING_MAX:]
        news = self._news()
        self.book.note(news.values(), config)
        self._said |= dict.fromkeys(news, self._clock.monotonic())
        self._pending = []
        for kinds, subject in ended:
            self.book.end(kinds, subject, config)
        now = self._clock.monotonic()
        if now - self._saved_at >= _SAVE_SECONDS:
            self._saved_at = now
            self._watch.save()
        if now - self._swept_at >= _SWEEP_SECONDS:
            self._swept_at = now
            self.book.sweep(config)
        self.courier.turn(config)

    def close(self) -> None:
        """Begin no delivery any more, and write down what was learned.

        Raises:
            Fault: the database could not be used.
        """
        self.courier.stop()
        self._watch.save(everything=True)

    def _take_events(self) -> list[tuple[tuple[str, ...], str]]:
        """Turn events into sightings; return what they end."""
        ended = []
        for _ in range(len(self._events)):
            event = self._events.popleft()
            ends = ENDS.get(str(event.get("event", "")))
            if ends is not None:
                ended.append((ends, subject_of(event)))
            else:
                self._pending.append(sighting_of(event, self._whose, self._redact_text))
        return ended

    def _news(self) -> dict[tuple[str, str, str], Sighting]:
        """Leave out what goes on and was said within a minute: it would be counted at each look."""
        now = self._clock.monotonic()
        self._said = {key: at for key, at in self._said.items() if now - at < _AGAIN_SECONDS}
        news: dict[tuple[str, str, str], Sighting] = {}
        for seen in self._pending:
            # What is said of a first time is news each time; numbers that grow are not.
            key = (seen.kind, seen.subject, seen.says if seen.kind.startswith("first-") else "")
            if key not in self._said:
                news[key] = seen
        return news
