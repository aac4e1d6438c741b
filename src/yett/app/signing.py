"""Signs the audit log while the gate runs, in a thread of its own: places that keep checkpoints may be slow."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

from yett.audit.build import open_checkpointer
from yett.audit.config import AuditConfig
from yett.audit.proof.checkpointer import Reporter
from yett.core.clock import Clock
from yett.core.errors import Refusal
from yett.core.quantities import duration_seconds
from yett.core.target import JSON

_END_SECONDS_MAX: Final = 30.0
log: Final = logging.getLogger("yett.audit")


@final
class Signing:
    """Signs at once, then as often as the configuration says, and once more when the log was closed."""

    def __init__(
        self,
        config: AuditConfig,
        *,
        data: Path,
        clock: Clock,
        tell: Callable[[dict[str, JSON]], None],
    ) -> None:
        """Prepare it; `start` begins.

        Raises:
            CommandError: a place cannot be used as it is configured.
            OSError: the log cannot be read.
        """
        self._checkpointer = open_checkpointer(config, data, clock)
        self._reporter = Reporter(self._checkpointer, self._tell)
        self._record = tell
        self._every = duration_seconds(config.checkpoints.every)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="yett-signing", daemon=True)

    @property
    def size(self) -> int:
        """The sequence up to which the newest checkpoint vouches; 0 if there is none since the start."""
        return self._checkpointer.size

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Sign no more until `finish`."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join(_END_SECONDS_MAX)

    def finish(self) -> None:
        """Sign what was written last, unless a place still holds up the thread."""
        if self._thread.ident is not None and not self._thread.is_alive():
            self._make()

    def _work(self) -> None:
        self._make()
        while not self._ending.wait(self._every):
            self._make()

    def _make(self) -> None:
        try:
            self._reporter.make()
        except (
            Exception
        ):  # the next time may go well; without any, the verifier says what is missing
            log.exception("signing the audit log")

    def _tell(self, event: dict[str, JSON]) -> None:
        """Record it, or at least log it: the log may be what is wrong."""
        try:
            self._record(event)
        except Refusal as refusal:
            log.critical("%s: %s (%s)", event["event"], event.get("why"), refusal.private)
