"""Brings one destination what it lacks, in a thread of its own: nothing that it does or does not do holds a call."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

import msgspec

from yett.audit.port import AuditSource
from yett.audit.shipping.feed import Place, next_portion, read_place, write_place
from yett.audit.shipping.port import Sink
from yett.audit.shipping.translating import Parcel, Translator
from yett.core.clock import Clock
from yett.core.errors import Refusal
from yett.core.target import JSON
from yett.delivery import Undelivered
from yett.delivery.connection import SECONDS_MAX
from yett.delivery.pauses import pause

log: Final = logging.getLogger("yett")

IDLE_SECONDS: Final = 1.0
END_SECONDS_MAX: Final = SECONDS_MAX + 2.0
LATE_SECONDS: Final = 300.0
"""So long may a destination be out of reach before somebody is told."""
_FIRST_PAUSE_SECONDS: Final = 1.0
_PAUSE_SECONDS_MAX: Final = 60.0


@final
class Progress(msgspec.Struct):
    """sequence: of the last line that was taken. lines: taken since the start. failures: attempts that failed,
    since the start; problem: why the last one did, empty after a success. waiting_since: when the oldest
    line that is not taken was tried first, wall seconds; 0: all was taken."""

    sequence: int = 0
    lines: int = 0
    failures: int = 0
    problem: str = ""
    waiting_since: float = 0.0


@final
class Shipper:
    """note: file that keeps the place. record: puts an event into the log."""

    def __init__(
        self,
        name: str,
        *,
        source: AuditSource,
        sink: Sink,
        translator: Translator,
        note: Path,
        clock: Clock,
        record: Callable[[dict[str, JSON]], None],
    ) -> None:
        self.name = name
        self.progress = Progress()
        self._source = source
        self._sink = sink
        self._translator = translator
        self._note = note
        self._clock = clock
        self._record = record
        self._read: Place | None = None
        self._parcel: Parcel | None = None
        self._is_late = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"ship {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin no further attempt."""
        self._stopped.set()

    def wait(self) -> None:
        """Return when the attempt that was under way has ended: no thread may be inside of TLS when the process
        goes. What it did not bring is sent again by the next process."""
        if self._thread.ident is not None:
            self._thread.join(END_SECONDS_MAX)

    def step(self) -> bool:
        """Send one portion; return whether there was one.

        Raises:
            Undelivered: nobody took it; the next step tries the same.
            OSError: the log or the note cannot be used.
        """
        parcel = self._parcel
        if parcel is None:
            parcel = self._parcel = self._next()
        if parcel is None:
            self.progress.waiting_since = 0.0
            return False
        self.progress.waiting_since = self.progress.waiting_since or self._clock.wall()
        if parcel.documents:
            self._sink.send(parcel.documents)
        write_place(self._note, parcel.place)
        self._parcel = None
        progress = self.progress
        progress.sequence = max(progress.sequence, parcel.place.sequence)
        progress.lines += parcel.lines
        progress.waiting_since = 0.0
        return True

    def _next(self) -> Parcel | None:
        if self._read is None:
            self._read = read_place(self._note)
            self.progress.sequence = self._read.sequence
        portion = next_portion(self._source, self._read)
        if not portion.lines:
            return None
        if portion.lost is not None:
            self._tell("shipping.gap", "high", first=portion.lost[0], last=portion.lost[1])
        self._read = portion.places[-1]
        return self._translator.translate(portion)

    def _run(self) -> None:
        tries = 0
        while not self._stopped.is_set():
            try:
                wait = 0.0 if self.step() else IDLE_SECONDS
                tries = 0
            except (Undelivered, Refusal, OSError) as trouble:
                tries += 1
                wait = pause(tries, first=_FIRST_PAUSE_SECONDS, most=_PAUSE_SECONDS_MAX)
                self._failed(trouble)
            except Exception:  # the next attempt may go well; nobody else would make one
                log.exception("shipping records to %s", self.name)
                wait = _PAUSE_SECONDS_MAX
            else:
                self._went_well()
            self._stopped.wait(wait)
        self._sink.close()

    def _went_well(self) -> None:
        if self.progress.problem:
            log.info("shipping records to %s: goes on", self.name)
        self.progress.problem = ""
        self._is_late = False

    def _failed(self, trouble: Exception) -> None:
        progress = self.progress
        progress.failures += 1
        said = trouble.private if isinstance(trouble, Refusal) else _said(trouble)
        if said != progress.problem:
            log.warning("shipping records to %s: %s", self.name, said)
        progress.problem = said
        waited = self._clock.wall() - progress.waiting_since if progress.waiting_since else 0.0
        if waited >= LATE_SECONDS and not self._is_late:
            self._is_late = True
            self._tell("shipping.late", "low", why=said, seconds=round(waited))

    def _tell(self, event: str, alert: str, **details: JSON) -> None:
        told: dict[str, JSON] = {"event": event, "actor": "gate"}
        try:
            self._record(told | {"alert": alert, "destination": self.name} | details)
        except Refusal as refusal:
            log.warning("not recorded: %s: %s", event, refusal.private)


def _said(trouble: Exception) -> str:
    if isinstance(trouble, OSError):
        return trouble.strerror or type(trouble).__name__
    return str(trouble)
