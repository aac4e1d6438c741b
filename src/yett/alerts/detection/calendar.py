"""When people work, and which hour of which sort of day it is for them."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, final

import msgspec

from yett.alerts.config import EVERY_TENANT, Hours

HOURS: Final = 24
SLOTS: Final = 2 * HOURS
"""The hours of a day on which people work, then those of one on which they do not."""
EDGE_MINUTES: Final = 120
"""People come early and stay late."""
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKEND: Final = frozenset({"sat", "sun"})


@final
class Moment(msgspec.Struct, frozen=True):
    """slot: below SLOTS. hour: whole hours since 1970, of local time. outside: of the hours that the
    operator wrote; False if there are none. edge: outside, and not long before or after them. shown: for
    people."""

    slot: int
    hour: int
    outside: bool
    edge: bool
    shown: str


@final
class Calendars:
    """hours: by tenant, as configured."""

    def __init__(self, hours: dict[str, Hours]) -> None:
        self._hours = hours
        self._known: dict[tuple[str, int], Moment] = {}

    def moment(self, tenant: str, at: float) -> Moment:
        """at: seconds since 1970. The same for a whole minute."""
        minute = int(at // 60)
        key = (tenant, minute)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= 4_096:  # noqa: PLR2004 - tenants of one minute, or minutes of one tenant
                self._known.clear()
            hours = self._hours.get(tenant) or self._hours.get(EVERY_TENANT)
            found = self._known[key] = _moment(hours, minute * 60)
        return found


def _moment(hours: Hours | None, at: int) -> Moment:
    zone = _zone("UTC" if hours is None else hours.zone)
    local = datetime.fromtimestamp(at, zone)
    offset = local.utcoffset() or timedelta(0)
    day = _DAYS[local.weekday()]
    if hours is None:
        works, outside = day not in _WEEKEND, False
    else:
        works, outside = _works_on(hours, local), not _is_open(hours, local)
    slot = local.hour + (0 if works else HOURS)
    hour = (at + int(offset.total_seconds())) // 3600
    edge = outside and hours is not None and works and _is_edge(hours, local)
    return Moment(slot, hour, outside, edge, local.strftime("%A %H:%M ") + str(local.tzinfo))


def _works_on(hours: Hours, local: datetime) -> bool:
    return _DAYS[local.weekday()] in hours.days and local.date().isoformat() not in hours.holidays


def _is_open(hours: Hours, local: datetime) -> bool:
    start, end = (_minutes(text) for text in hours.open.split("-"))
    now = local.hour * 60 + local.minute
    if start < end:
        return _works_on(hours, local) and start <= now < end
    # Over midnight: the morning belongs to the day before.
    return (_works_on(hours, local) and now >= start) or (
        now < end and _works_on(hours, local - timedelta(days=1))
    )


def _is_edge(hours: Hours, local: datetime) -> bool:
    start, end = (_minutes(text) for text in hours.open.split("-"))
    now = local.hour * 60 + local.minute
    return start - EDGE_MINUTES <= now < start or end <= now < end + EDGE_MINUTES


def _minutes(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    if name == "UTC":  # needs no database of zones
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - for other zones than this one

    return ZoneInfo(name)
