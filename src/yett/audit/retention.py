"""How long records are kept, and the only way in which they go: whole segments, and said in the chain.

A segment goes when every record in it may go: it is as old as the longest retention of those whose records
it holds, no hold covers it, and it is archived where that is demanded. See docs/decisions/0011-whole-segments.md.
"""

import re
from datetime import datetime
from typing import Final, final

import orjson

from yett.audit.archived import ArchivedSegments
from yett.audit.config import AuditConfig
from yett.audit.holds import Hold, Holds
from yett.audit.port import Aged, AuditSource, PruneRule
from yett.audit.reading import unpack
from yett.audit.seeking import line_at
from yett.audit.stage import Auditor
from yett.core.clock import Clock, iso_time
from yett.core.quantities import duration_seconds
from yett.storage.port import Database

SHORTEST_IN_PRODUCTION_SECONDS: Final = 90 * 86_400.0
_TENANT: Final = re.compile(rb'"tenant":("(?:[^"\\]|\\.)*")')
_CLOCK_SECONDS_MAX: Final = 86_400.0
"""How far two clocks that wrote one segment may have been apart: so much more is held."""


def prune(
    auditor: Auditor,
    config: AuditConfig,
    clock: Clock,
    *,
    production: bool,
    database: Database | None = None,
) -> tuple[str, ...]:
    """Delete the segments that are older than the retention; return their names. Meant to run daily,
    in a thread: it waits for the disk. database: knows holds and what was archived; without one there are none.

    Raises:
        Fault: AUDIT_UNAVAILABLE, or the database does not answer; nothing was deleted.
    """
    floor = SHORTEST_IN_PRODUCTION_SECONDS if production else 0.0
    usual = max(floor, duration_seconds(config.retention))
    longer = {
        tenant: seconds
        for tenant, text in config.retention_by_tenant.items()
        if (seconds := duration_seconds(text)) > usual
    }
    keeping = _Keeping(
        longer=longer,
        holds=[] if database is None else Holds(database, clock).active(),
        archived=_archived(config, database, clock),
        source=auditor.source(),
        now=clock.wall(),
    )
    told = {"by": "retention", "retention": config.retention}
    return auditor.prune(clock.wall() - usual, PruneRule(keeping.must_stay, told))


@final
class _Keeping:
    """longer: in seconds, of tenants whose records are kept for longer than is usual. archived: the segments
    that are; None: nobody asks."""

    def __init__(
        self,
        *,
        longer: dict[str, float],
        holds: list[Hold],
        archived: frozenset[str] | None,
        source: AuditSource,
        now: float,
    ) -> None:
        self._longer = longer
        self._holds = holds
        self._archived = archived
        self._source = source
        self._now = now

    def must_stay(self, segment: Aged) -> bool:
        if self._archived is not None and segment.name not in self._archived:
            return True
        if is_covered(self._source, segment, self._holds):
            return True
        if not self._longer:
            return False
        tenants = tenants_of(self._source, segment.name)
        kept = max((self._longer.get(tenant, 0.0) for tenant in tenants), default=0.0)
        return segment.ended > self._now - kept


def is_covered(source: AuditSource, segment: Aged, holds: list[Hold]) -> bool:
    """Tell whether a hold keeps a segment.

    Raises:
        OSError: the segment cannot be read.
    """
    begun = min(segment.begun, iso_time(segment.ended - _CLOCK_SECONDS_MAX))
    ended = iso_time(segment.ended + _CLOCK_SECONDS_MAX)
    asked = [hold for hold in holds if hold.covers(begun, ended, None)]
    if not any(hold.tenant is not None for hold in asked):
        return bool(asked)
    tenants = tenants_of(source, segment.name)
    return any(hold.covers(begun, ended, tenants) for hold in asked)


def sealed(source: AuditSource) -> list[Aged]:
    """Return the segments that get no more lines, oldest first.

    Raises:
        OSError: the log cannot be read.
    """
    names = source.segments()
    begun = [str((unpack(line_at(source, name, 0)) or {}).get("at", "")) for name in names]
    return [Aged(name, begun[at], _seconds(begun[at + 1])) for at, name in enumerate(names[:-1])]


def _seconds(at: str) -> float:
    """A segment whose time cannot be told is young."""
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        return float("inf")


def tenants_of(source: AuditSource, segment: str) -> frozenset[str]:
    """Return whose records a segment holds. Read from the lines, never from the index. What a caller wrote that
    looks like a tenant counts too, which can only keep a segment for longer.

    Raises:
        OSError: it cannot be read.
    """
    found: set[bytes] = set()
    for block in source.blocks(segment):
        found.update(_TENANT.findall(block))
    return frozenset(map(orjson.loads, found))


def _archived(
    config: AuditConfig, database: Database | None, clock: Clock
) -> frozenset[str] | None:
    if not config.delete_only_archived:
        return None
    if database is None:
        return frozenset()
    return ArchivedSegments(database, clock, actor="gate").anywhere()
