"""How long records are kept, and the only way in which they go: whole segments, and said in the chain."""

from typing import Final

from yett.audit.config import AuditConfig
from yett.audit.stage import Auditor
from yett.core.clock import Clock
from yett.core.quantities import duration_seconds

SHORTEST_IN_PRODUCTION_SECONDS: Final = 90 * 86_400.0


def prune(
    auditor: Auditor, config: AuditConfig, clock: Clock, *, production: bool
) -> tuple[str, ...]:
    """Delete the segments that are older than the retention; return their names. Meant to run daily,
    in a thread: it waits for the disk.

    Raises:
        Fault: AUDIT_UNAVAILABLE; nothing was deleted.
    """
    keep = duration_seconds(config.retention)
    if production:
        keep = max(keep, SHORTEST_IN_PRODUCTION_SECONDS)
    return auditor.prune(clock.wall() - keep)
