"""What is usual in each hour of the day, for one thing that is counted: learned hour by hour, bounded.

An hour in which there is usually something is compared with the same hour of other days (and the one before
and after, for jobs are late). In any other hour, what counts is how much there is when there is something.
"""

import math
from array import array
from typing import Final, final

import msgspec

from yett.alerts.detection.calendar import HOURS, SLOTS

BLOCKS: Final = 5
BLOCK_HOURS: Final = 8 * 24
"""So `most` goes back 32 to 40 days: a job that comes once a month is known."""
TIMES: Final = 10.0
MORE: Final = 1.5
"""So many times what is usual is too much, if it is so many times the most there ever was, too."""
SOON_TIMES: Final = 8.0
SOON_MORE: Final = 2.5
"""Likewise: what is far more than there ever was need not be ten times the usual, which is an estimate."""
_LEARNING: Final = 0.08
"""The weight of the newest day, once there are a dozen."""
_DAYS_MIN: Final = 3
_ACTIVE_HOURS_MIN: Final = 12
_GAP_HOURS_MAX: Final = 28 * 24


@final
class Usual(msgspec.Struct, frozen=True):
    """usual: what there is at this time, if there is something. most: the most that there was in an hour
    like this, in about five weeks. known: there is enough history to tell."""

    usual: float
    most: float
    known: bool

    def bar(self, *, least: float, least_unknown: float) -> float:
        """Return how much is too much. least: what is never too much; least_unknown: as long as nothing is known."""
        if not self.known:
            return least_unknown
        clearly = max(TIMES * self.usual, MORE * self.most)
        soon = max(SOON_TIMES * self.usual, SOON_MORE * self.most)
        return max(min(clearly, soon), least)


@final
class Rhythm:
    """hour: the last one that was learned, in whole hours of local time; 0: none yet."""

    __slots__ = ("_active", "_days", "_hours", "_log", "_mean", "_most", "hour")

    def __init__(self) -> None:
        self.hour = 0
        self._mean = array("f", bytes(4 * SLOTS))
        self._days = array("H", bytes(2 * SLOTS))
        self._active = array("H", bytes(2 * SLOTS))
        self._most = array("f", bytes(4 * SLOTS * BLOCKS))
        self._hours = 0  # with something in them, outside the hours that always have
        self._log = 0.0  # mean of their logarithms

    def learn(self, slot: int, hour: int, count: float) -> None:
        """Learn how much there was in the hour `hour`; the ones in between were empty. An hour that is not
        later than the last is of a clock that was set back, and is not learned."""
        if hour <= self.hour:
            return
        if self.hour:
            self._skip(hour)
        self._clear_old(hour)
        self._fold(slot, hour, count)
        self.hour = hour

    def _skip(self, hour: int) -> None:
        """Nothing happened in between. A holiday in there is taken for a day like others of the week."""
        for at in range(max(self.hour + 1, hour - _GAP_HOURS_MAX), hour):
            weekday = (at // HOURS + 3) % 7  # 1970-01-01 was a Thursday
            sort = HOURS if weekday >= 5 else 0  # noqa: PLR2004 - Saturday
            self._fold(sort + at % HOURS, at, 0.0)

    def _fold(self, slot: int, hour: int, count: float) -> None:
        days = self._days[slot]
        if count > 0:
            block = (hour // BLOCK_HOURS) % BLOCKS
            place = slot * BLOCKS + block
            self._most[place] = max(self._most[place], count)
            if not self._is_regular(slot):
                self._hours = min(self._hours + 1, 10_000)
                weight = max(1.0 / self._hours, _LEARNING / 4)
                self._log += weight * (math.log(count) - self._log)
            self._active[slot] = min(self._active[slot] + 1, 60_000)
        self._mean[slot] += max(1.0 / (days + 1), _LEARNING) * (count - self._mean[slot])
        self._days[slot] = days + 1
        if self._days[slot] >= 128:  # noqa: PLR2004 - so that a habit of last year is forgotten
            self._days[slot] //= 2
            self._active[slot] //= 2

    def _clear_old(self, hour: int) -> None:
        """Forget the most of blocks that come round again."""
        first = max(self.hour // BLOCK_HOURS + 1, hour // BLOCK_HOURS - BLOCKS + 1)
        for block in range(first, hour // BLOCK_HOURS + 1):
            for slot in range(SLOTS):
                self._most[slot * BLOCKS + block % BLOCKS] = 0.0

    def _is_regular(self, slot: int) -> bool:
        days = self._days[slot]
        return days >= _DAYS_MIN and self._active[slot] * 2 >= days

    def usual(self, slot: int) -> Usual:
        active = sum(self._active)
        days = sum(self._days) / HOURS
        known = days >= _DAYS_MIN and active >= _ACTIVE_HOURS_MIN
        regular = [near for near in _near(slot) if self._is_regular(near)]
        if self._is_regular(slot):
            # The hours beside it say something, too: an hour of one day a week is a thin sample.
            usual = sum(self._mean[near] for near in (slot, *regular)) / (len(regular) + 1)
            return Usual(usual, max(self._most_in(near) for near in regular), known)
        others = [other for other in range(SLOTS) if not self._is_regular(other)]
        means = [self._mean[near] for near in regular]
        mosts = [self._most_in(near) for near in (*regular, *others)]
        usual = math.exp(self._log) if self._hours else self._mean_of_regular()
        return Usual(max(usual, *means, 0.0), max(mosts, default=0.0), known)

    def _mean_of_regular(self) -> float:
        found = [self._mean[slot] for slot in range(SLOTS) if self._is_regular(slot)]
        return sum(found) / len(found) if found else 0.0

    def _most_in(self, slot: int) -> float:
        return max(self._most[slot * BLOCKS : (slot + 1) * BLOCKS])

    def _arrays(self) -> "list[array[float] | array[int]]":
        return [self._mean, self._days, self._active, self._most]

    def packed(self) -> list[object]:
        return [self.hour, self._hours, self._log, *(each.tobytes() for each in self._arrays())]

    @classmethod
    def unpacked(cls, packed: list[object]) -> "Rhythm":
        """Raises:
        ValueError: this is of another version.
        """
        found = cls()
        if len(packed) != 7:  # noqa: PLR2004 - as above
            raise ValueError("not a rhythm")
        found.hour, found._hours, found._log = msgspec.convert(
            packed[:3], tuple[int, int, float], strict=False
        )
        for place, data in zip(found._arrays(), packed[3:], strict=True):
            if not isinstance(data, bytes) or len(data) != len(place) * place.itemsize:
                raise ValueError("not a rhythm")
            del place[:]
            place.frombytes(data)
        return found


def _near(slot: int) -> tuple[int, int, int]:
    """The hour before, the hour, the hour after, of the same sort of day."""
    sort, hour = divmod(slot, HOURS)
    return (sort * HOURS + (hour - 1) % HOURS, slot, sort * HOURS + (hour + 1) % HOURS)
