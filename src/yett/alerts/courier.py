"""Carries what waits to its destinations. Each has a thread of its own while there is something to carry,
so that one that hangs holds neither a call nor another destination."""

import logging
import threading
from typing import Final, final

from yett.alerts import queue
from yett.alerts.alert import Sighting
from yett.alerts.book import AlertBook
from yett.alerts.config import AlertsConfig, Destination
from yett.alerts.sending import Sender
from yett.core.clock import Clock
from yett.core.errors import CommandError, Refusal
from yett.delivery import Undelivered
from yett.storage.port import Database

log: Final = logging.getLogger("yett")

FAILURES_UNTIL_ALERT: Final = 3
_BATCH: Final = 20


@final
class Courier:
    """failures: attempts that failed since the start, by destination; for the metrics."""

    def __init__(self, database: Database, book: AlertBook, sender: Sender, clock: Clock) -> None:
        self._database = database
        self._book = book
        self._sender = sender
        self._clock = clock
        self._busy: set[str] = set()
        self._in_a_row: dict[str, int] = {}
        self.failures: dict[str, int] = {}
        self._stopped = False

    def stop(self) -> None:
        """Begin nothing any more. What is under way is not waited for: it is sent again if nobody took it."""
        self._stopped = True

    def turn(self, config: AlertsConfig) -> None:
        """Begin to carry what is due. Returns at once.

        Raises:
            Fault: the database could not be used.
        """
        if self._stopped:
            return
        for name in queue.waiting(self._database, self._clock.wall()):
            destination = config.to.get(name)
            if destination is None:
                queue.forget(self._database, name)
            elif name not in self._busy:
                self._busy.add(name)
                thread = threading.Thread(
                    target=self._carry, args=(name, destination, config), daemon=True
                )
                thread.start()

    def figures(self) -> dict[str, queue.Waiting]:
        """Return what waits, by destination; nothing while the database does not say."""
        try:
            return queue.waiting(self._database, self._clock.wall())
        except Refusal:
            return {}

    def _carry(self, name: str, destination: Destination, config: AlertsConfig) -> None:
        try:
            for message in queue.claim(self._database, name, self._clock.wall(), _BATCH):
                if not self._deliver(message, destination, config):
                    break  # the others would fail as well; each is tried when its time comes
        except Refusal as refusal:
            log.warning("alerts for `%s` wait: %s", name, refusal.private)
        except Exception:
            if (
                not self._stopped
            ):  # or the database is closed, and what waits is sent after the next start
                log.exception("alerts for `%s` wait", name)
        finally:
            self._busy.discard(name)

    def _deliver(
        self, message: queue.Message, destination: Destination, config: AlertsConfig
    ) -> bool:
        name = message.destination
        try:
            alert = self._book.show(message.alert)
            self._sender.send(destination, message.type, alert)
        except CommandError:  # the alert is gone
            queue.delivered(self._database, message)
        except Undelivered as trouble:
            self._note_failure(message, str(trouble), config)
            return False
        except (ValueError, TypeError) as bug:  # of this one alone; it must not hold the others
            trouble_of_ours = f"it cannot be put into words: {type(bug).__name__}"
            self._note_failure(message, trouble_of_ours, config)
        else:
            queue.delivered(self._database, message)
            if self._in_a_row.pop(name, 0) >= FAILURES_UNTIL_ALERT:
                self._book.end(("destination",), f"destination:{name}", config)
        return True

    def _note_failure(self, message: queue.Message, problem: str, config: AlertsConfig) -> None:
        name = message.destination
        log.warning("alert %s not delivered to `%s`: %s", message.alert, name, problem)
        self.failures[name] = self.failures.get(name, 0) + 1
        queue.failed(self._database, message, problem, self._clock.wall())
        in_a_row = self._in_a_row[name] = self._in_a_row.get(name, 0) + 1
        if in_a_row < FAILURES_UNTIL_ALERT:
            return
        says = f"{in_a_row} attempts in a row to deliver alerts to `{name}` failed, the last: {problem}"
        numbers = {"destination": name, "failures": in_a_row, "problem": problem}
        seen = Sighting("destination", f"destination:{name}", says, "high", numbers=numbers)
        self._book.note([seen], config)
