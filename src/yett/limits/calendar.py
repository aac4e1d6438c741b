"""Which day it is somewhere, and when a day, week or month ends there. Days are numbered since 1970-01-01."""

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Final, final

from yett.limits.demand import Period

DAY_MAX: Final = 2_932_531
"""9998-12-31: its periods still end within the years that Python's calendar knows."""

SLOT_SECONDS: Final = 900
"""No zone changes its day nor its offset within one of these (all offsets are quarters of an hour)."""

_DAY_SECONDS: Final = 86_400
_EPOCH_ORDINAL: Final = 719_163  # date(1970, 1, 1).toordinal()
_MONDAY_SHIFT: Final = 3  # 1970-01-01 was a Thursday

Windows = tuple[int, int, int, int]


@lru_cache(maxsize=256)
def windows_of(day: int) -> Windows:
    """Number the day, week, month and the total that `day` lies in."""
    calendar = date.fromordinal(day + _EPOCH_ORDINAL)
    return (day, (day + _MONDAY_SHIFT) // 7, calendar.year * 12 + calendar.month - 1, 0)


@final
class Zone:
    """The calendar of one time zone. It remembers the last quarter of an hour that it was asked about."""

    __slots__ = ("_day", "_slot", "_zone", "name")

    def __init__(self, name: str) -> None:
        """Raises:
        ValueError: there is no such zone.
        """
        self.name = name
        self._zone = _zone(name)
        self._slot = -1
        self._day = 0

    def day(self, at: float) -> int:
        """Return the day that it is there. at: seconds since 1970; outside 1970 to 9998, the nearest day."""
        slot = int(at) // SLOT_SECONDS
        if slot != self._slot:
            seconds = min(max(0, slot * SLOT_SECONDS), DAY_MAX * _DAY_SECONDS)
            local = datetime.fromtimestamp(seconds, self._zone)
            self._day = min(max(0, local.toordinal() - _EPOCH_ORDINAL), DAY_MAX)
            self._slot = slot
        return self._day

    def begin_of(self, period: Period, day: int) -> float | None:
        """Return when the period that `day` lies in began, seconds since 1970; None for a total."""
        first = _first_day(period, day)
        return None if first is None else self._midnight(first)

    def end_of(self, period: Period, day: int) -> float | None:
        """Return when the period that `day` lies in ends, seconds since 1970; None: never."""
        _, week, month, _ = windows_of(day)
        match period:
            case "day":
                return self._midnight(day + 1)
            case "week":
                return self._midnight((week + 1) * 7 - _MONDAY_SHIFT)
            case "month":
                return self._midnight(_first_of_month(month + 1))
            case "total":
                return None

    def _midnight(self, day: int) -> float:
        """A midnight that is left out when clocks go forward is the moment they do."""
        at = date.fromordinal(max(0, day) + _EPOCH_ORDINAL)
        return datetime(at.year, at.month, at.day, tzinfo=self._zone).timestamp()


def _first_day(period: Period, day: int) -> int | None:
    _, week, month, _ = windows_of(day)
    match period:
        case "day":
            return day
        case "week":
            return week * 7 - _MONDAY_SHIFT
        case "month":
            return _first_of_month(month)
        case "total":
            return None


def _first_of_month(month: int) -> int:
    year, index = divmod(month, 12)
    return date(year, index + 1, 1).toordinal() - _EPOCH_ORDINAL


def _zone(name: str) -> tzinfo:
    if name == "UTC":  # needs no database of zones
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - for other zones than this one

    try:
        return ZoneInfo(name)
    except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"`{name}` is not a time zone") from error
    except KeyError as error:
        raise ValueError(f"`{name}` is not a time zone such as Europe/Berlin") from error
