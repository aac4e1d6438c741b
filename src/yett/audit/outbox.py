"""What commands did on the way into the chain: by the gate, or by the command if no gate runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from yett.audit.build import directory_of, open_for_reading, open_log
from yett.audit.config import AuditConfig
from yett.audit.encode import Redact, RedactText
from yett.audit.port import LogBusy
from yett.audit.stage import Auditor
from yett.core.clock import Clock
from yett.core.target import JSON
from yett.storage.outbox import drain
from yett.storage.port import Database

_BATCH: Final = 1000
_BATCHES_MAX: Final = 100


def drain_outbox(record: Callable[[dict[str, JSON]], None], database: Database) -> int:
    """Write what was posted into the chain; return how many events that were. record: writes one.

    Raises:
        Fault: the log or the database did not answer; what was not written stays posted.
    """
    total = 0
    for _ in range(_BATCHES_MAX):
        taken = drain(database, record, _BATCH)
        total += taken
        if taken < _BATCH:
            break
    return total


def record_now(
    config: AuditConfig,
    data: Path,
    database: Database,
    clock: Clock,
    *,
    redact: Redact = bytes,
    redact_text: RedactText = str,
    node: str = "",
) -> int:
    """Write what was posted if no gate runs; a gate that runs does so itself within a second.

    Raises:
        CommandError: no gate runs and the log cannot be written.
        Fault: the log or the database did not answer.
    """
    if open_for_reading(config, data).is_live():  # asked first: waiting for the lock takes time
        return 0
    if not database.fetch("select 1 from outbox limit 1"):
        return 0
    try:
        log = open_log(config, directory_of(config, data), clock=clock, node=node)
    except LogBusy:
        return 0
    auditor = Auditor(log, clock=clock, redact=redact, redact_text=redact_text, node=node)
    try:
        return drain_outbox(auditor.event, database)
    finally:
        auditor.close()
