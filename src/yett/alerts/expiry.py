"""What ends soon: told two weeks before, a week before, and on the last day."""

from typing import Final

from yett.alerts.alert import Sighting
from yett.alerts.config import Severity
from yett.core.clock import iso_time

DAYS: Final = (1, 7, 14)
_DAY_SECONDS: Final = 86_400.0


def ending(
    kind: str,
    subject: str,
    name: str,
    *,
    begins_at: float,
    ends_at: float,
    now: float,
    tenant: str = "",
) -> Sighting | None:
    """Return what to tell at `now`, if it is time. name: what people call it, `key laptop`. Of something
    short-lived nobody is told earlier than halfway. Times: seconds since 1970."""
    left = ends_at - now
    if left < -_DAY_SECONDS:
        return None
    reached = [
        days
        for days in DAYS
        if left <= days * _DAY_SECONDS and ends_at - begins_at >= 2 * days * _DAY_SECONDS
    ]
    if not reached:
        return None
    threshold = reached[0]
    severity: Severity = "high" if threshold == DAYS[0] else "low"
    said = (
        f"{name} ends in {left / _DAY_SECONDS:.1f} days ({iso_time(ends_at)})"
        if left > 0
        else f"{name} has ended ({iso_time(ends_at)})"
    )
    numbers = {"name": name, "ends_at": iso_time(ends_at), "threshold": f"{threshold}d"}
    return Sighting(kind, subject, said, severity, tenant, numbers)
