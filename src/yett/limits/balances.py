"""How much each account has spent per day, week, month and in total. Pure arithmetic on whole micros.

All four are kept for every account, so a budget that is changed from `/day` to `/month` knows what
the month has cost so far.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Final, final

import msgspec

from yett.limits.port import Period

MICROS_MAX: Final = 2**63 - 1
"""Nothing is added beyond this: more cannot be written down exactly."""

DAY_MAX: Final = 2_932_531
"""9998-12-31: its periods still end within the years that Python's calendar knows."""

_DAY_SECONDS: Final = 86_400
_EPOCH_ORDINAL: Final = 719_163  # date(1970, 1, 1).toordinal()
_MONDAY_SHIFT: Final = 3  # 1970-01-01 was a Thursday
_INDEX: Final[dict[Period, int]] = {"day": 0, "week": 1, "month": 2, "total": 3}

Windows = tuple[int, int, int, int]


@lru_cache(maxsize=64)
def windows_of(day: int) -> Windows:
    """Number the day, week, month and the total that `day` (since 1970-01-01) lies in."""
    calendar = date.fromordinal(day + _EPOCH_ORDINAL)
    return (day, (day + _MONDAY_SHIFT) // 7, calendar.year * 12 + calendar.month - 1, 0)


def end_of(period: Period, day: int) -> float | None:
    """Return when the period that `day` lies in ends, seconds since 1970; None: never."""
    _, week, month, _ = windows_of(day)
    match period:
        case "day":
            return _start_of(day + 1)
        case "week":
            return _start_of((week + 1) * 7 - _MONDAY_SHIFT)
        case "month":
            year, index = divmod(month + 1, 12)
            return _start_of(date(year, index + 1, 1).toordinal() - _EPOCH_ORDINAL)
        case "total":
            return None


def _start_of(day: int) -> float:
    return float(day * _DAY_SECONDS)


@final
class Snapshot(msgspec.Struct, frozen=True):
    """One account. spent: micros in the day, week, month and total that `day` lies in."""

    account: str
    day: int
    spent: Windows


@final
class _Account:
    """total: micros ever spent. before: how much of it was spent before the day, week, month and
    the total that `windows` numbers, so that charging is one addition."""

    __slots__ = ("before", "total", "windows")

    def __init__(self, windows: Windows, spent: Windows = (0, 0, 0, 0)) -> None:
        self.windows = windows
        self.total = spent[3]
        self.before = [self.total - part for part in spent]

    def spent(self) -> list[int]:
        return [self.total - before for before in self.before]

    def roll(self, windows: Windows) -> None:
        for index in range(4):
            if windows[index] != self.windows[index]:
                self.before[index] = self.total
        self.windows = windows


@final
class Balances:
    """newest_day: the newest day that anything was spent on; no earlier day ever begins again."""

    __slots__ = ("_accounts", "newest_day")

    def __init__(self, newest_day: int = 0) -> None:
        self._accounts: dict[str, _Account] = {}
        self.newest_day = newest_day

    def today(self, at: float) -> int:
        day = int(at) // _DAY_SECONDS
        if day <= self.newest_day:
            return self.newest_day
        return min(day, DAY_MAX)

    def is_ahead_of(self, at: float) -> bool:
        """Say whether something was spent on a later day, by a clock that was ahead or is behind."""
        return self.newest_day > int(at) // _DAY_SECONDS

    def spent(self, account: str, period: Period, day: int) -> int:
        found = self._accounts.get(account)
        if found is None:
            return 0
        index = _INDEX[period]
        if found.windows[index] != windows_of(day)[index]:
            return 0
        return found.total - found.before[index]

    def spent_at(self, account: str, period: Period, at: float) -> int:
        """As `spent`, for the day of a wall-clock time."""
        found = self._accounts.get(account)
        if found is None:
            return 0
        day = int(at) // _DAY_SECONDS
        if found.windows[0] != day or day != self.newest_day:
            return self.spent(account, period, self.today(at))
        return found.total - found.before[_INDEX[period]]

    def charge_within(
        self, account: str, micros: int, limit_micros: int | None, period: Period, at: float
    ) -> int | None:
        """Add to all four periods if the account then exceeds neither `limit_micros` in this one nor
        what can be counted. Return the day it was charged on; None: there is no room."""
        day = int(at) // _DAY_SECONDS
        found = self._accounts.get(account)
        if found is None or day != self.newest_day or found.windows[0] != day:
            return self._charge_first(account, micros, limit_micros, period, at)
        total = found.total + micros
        if total > MICROS_MAX or (
            limit_micros is not None and total - found.before[_INDEX[period]] > limit_micros
        ):
            return None
        found.total = total
        return day

    def _charge_first(
        self, account: str, micros: int, limit_micros: int | None, period: Period, at: float
    ) -> int | None:
        """Charge an account for the first time in a day, or when the clock is behind the newest."""
        day = self.today(at)
        room = MICROS_MAX if limit_micros is None else min(limit_micros, MICROS_MAX)
        found = self._accounts.get(account)
        if found is not None and found.total + micros > MICROS_MAX:
            return None
        if self.spent(account, period, day) + micros > room:
            return None
        self.charge(account, micros, day)
        return day

    def charge(self, account: str, micros: int, day: int) -> None:
        """Add to all four periods. `day` is `today(…)`, or comes from the journal in its order."""
        windows = windows_of(day)
        found = self._accounts.get(account)
        if found is None:
            found = self._accounts[account] = _Account(windows)
        elif found.windows is not windows:
            found.roll(windows)
        self.newest_day = day
        found.total += micros

    def rewind(self, at: float) -> None:
        """Let the day of `at` be the newest although later ones were seen. What was spent on those
        counts in its periods: a clock that was wrong gives no money back."""
        if not self.is_ahead_of(at):
            return
        self.newest_day = day = max(0, int(at) // _DAY_SECONDS)
        for found in self._accounts.values():
            if found.windows[0] > day:
                found.windows = windows_of(day)

    def refund(self, account: str, micros: int, day: int) -> None:
        """Take back what was charged on `day`, from those periods only that it still belongs to.

        Raises:
            KeyError: nothing was ever charged to the account.
        """
        found = self._accounts[account]
        spent = found.spent()
        for index, window in enumerate(windows_of(day)):
            if found.windows[index] == window:
                spent[index] = max(0, spent[index] - micros)
        found.total = spent[3]
        found.before = [found.total - part for part in spent]

    def restore(self, snapshot: Snapshot) -> None:
        self._accounts[snapshot.account] = _Account(windows_of(snapshot.day), snapshot.spent)

    def snapshots(self) -> Iterable[Snapshot]:
        for name, account in self._accounts.items():
            day, week, month, total = account.spent()
            yield Snapshot(name, account.windows[0], (day, week, month, total))

    def accounts(self) -> list[str]:
        return list(self._accounts)
