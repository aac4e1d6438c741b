"""How much each account has spent per day, week, month and in total, and what is still under way. Pure
arithmetic on whole micros.

All four are kept for every account, so a budget that is changed from `/day` to `/month` knows what
the month has cost so far. An account has its own calendar, and no day of it ever begins again: a clock
that is set back, or a calendar that is changed, opens no period a second time.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Final, final

import msgspec

from yett.limits.calendar import Zone, windows_of
from yett.limits.demand import Budget, Period

MICROS_MAX: Final = 2**63 - 1
"""Nothing is added beyond this: more cannot be written down exactly."""

HISTORY_DAYS: Final = 62
"""Of so many days it is known what each cost: this month and the one before."""

OPEN_MAX: Final = 100_000
"""Reservations without a known end; of more, the oldest stay spent and cannot be reconciled any more."""

INDEX: Final[dict[Period, int]] = {"day": 0, "week": 1, "month": 2, "total": 3}


@final
class Account:
    """total: micros ever spent. before: how much of it was spent before the day, week, month and
    the total that `windows` numbers, so that charging is one addition. history: micros by day, of days
    that are over."""

    __slots__ = ("before", "day", "history", "name", "total", "windows", "zone")

    def __init__(self, name: str, zone: Zone, day: int) -> None:
        self.name = name
        self.zone = zone
        self.day = day
        self.windows = windows_of(day)
        self.total = 0
        self.before = [0, 0, 0, 0]
        self.history: dict[int, int] = {}

    def spent(self, period: Period, at: float) -> int:
        """Return what was spent in the period that `at`, or a later day that it was charged on, lies in."""
        index = INDEX[period]
        if windows_of(self.today(at))[index] != self.windows[index]:
            return 0
        return self.total - self.before[index]

    def today(self, at: float) -> int:
        return max(self.day, self.zone.day(at))

    def roll(self, day: int) -> None:
        """Let a later day begin."""
        spent_today = self.total - self.before[0]
        if spent_today:
            self.history[self.day] = spent_today
            if len(self.history) > HISTORY_DAYS:
                del self.history[min(self.history)]
        windows = windows_of(day)
        for index in range(4):
            if windows[index] != self.windows[index]:
                self.before[index] = self.total
        self.windows = windows
        self.day = day

    def give_back(self, micros: int, day: int) -> None:
        """Take back what was charged on `day`, from those periods only that it still belongs to."""
        spent = [self.total - part for part in self.before]
        for index, window in enumerate(windows_of(day)):
            if self.windows[index] == window:
                spent[index] = max(0, spent[index] - micros)
        if day in self.history:
            self.history[day] = max(0, self.history[day] - micros)
        self.total = spent[3]
        self.before = [self.total - part for part in spent]

    def rewind(self, day: int) -> None:
        """Let an earlier day be today. What was spent on later ones counts in its periods: a clock that
        was wrong gives no money back."""
        if day < self.day:
            self.day = day
            self.windows = windows_of(day)


@final
class Open(msgspec.Struct):
    """Money put aside for one call whose cost is not known yet. at: wall seconds since 1970. charges: each
    account with the day it was charged on. is_spent: it did cost all of it, which is still to be written down."""

    id: str
    at: float
    micros: int
    target: str
    charges: tuple[tuple[Account, int], ...]
    is_spent: bool = False


_id: Final[Callable[[Open], str]] = attrgetter("id")
_is_spent: Final[Callable[[Open], bool]] = attrgetter("is_spent")


@final
class Balances:
    """open: what is under way. doubted: of what ended nobody will say any more how, but a person. rolls: how often
    a period began anywhere, or another moment came to be its beginning; who keeps days looks again then."""

    __slots__ = ("_warned", "_zones", "accounts", "doubted", "open", "rolls")

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.open: dict[str, Open] = {}
        self.doubted: dict[str, Open] = {}
        self.rolls = 0
        self._zones: dict[str, Zone] = {}
        self._warned: dict[tuple[str, str], tuple[int, int]] = {}

    def zone(self, name: str) -> Zone:
        found = self._zones.get(name)
        if found is None:
            found = self._zones[name] = Zone(name)
        return found

    def account(self, name: str, zone: str, day: int = 0) -> Account:
        """Return the account, made if it is new; its calendar is `zone` from now on."""
        found = self.accounts.get(name)
        if found is None:
            found = self.accounts[name] = Account(name, self.zone(zone), day)
        elif found.zone.name != zone:
            found.zone = self.zone(zone)
            self.rolls += 1
        return found

    def roll(self, account: Account, day: int) -> None:
        if day > account.day:
            account.roll(day)
            self.rolls += 1

    def charge(self, reservation: Open) -> None:
        """Take over a reservation from the journal, in its order."""
        for account, day in reservation.charges:
            self.roll(account, day)
            account.total += reservation.micros
        self.keep(reservation)

    def keep(self, reservation: Open, *, unknown: bool = False) -> None:
        """unknown: how it ended."""
        (self.doubted if unknown else self.open)[reservation.id] = reservation
        self.forget_oldest()

    def forget_oldest(self) -> None:
        """Let go of reservations beyond OPEN_MAX: they stay spent."""
        while len(self.open) + len(self.doubted) > OPEN_MAX:
            kept = self.doubted or self.open
            del kept[next(iter(kept))]

    def is_open(self, number: str) -> bool:
        """Say whether a reservation has no end yet; one of which nobody knows the end has none."""
        found = self.open.get(number) or self.doubted.get(number)
        return found is not None and not found.is_spent

    def end(self, number: str, micros: int) -> bool:
        """Say what a reservation did cost; what it did not comes back. False: it has ended before."""
        if not self.is_open(number):
            return False
        reservation = self.open.pop(number, None) or self.doubted.pop(number)
        rest = reservation.micros - micros
        if rest > 0:
            for account, day in reservation.charges:
                before = account.before
                account.give_back(rest, day)
                if account.before != before:
                    self.rolls += 1
        return True

    def ended(self) -> list[str]:
        """Return which reservations did cost all of it, until `let_go`."""
        return list(map(_id, filter(_is_spent, self.open.values())))

    def let_go(self, ended: Sequence[str]) -> None:
        """Keep no more what `ended` returned, if it is not gone yet."""
        deque(map(self.open.pop, ended, repeat(None)), maxlen=0)

    def doubt(self, number: str) -> bool:
        """Say that nobody knows how a reservation ended. False: it has ended before."""
        found = self.open.get(number)
        if found is None or found.is_spent:
            return False
        self.doubted[number] = self.open.pop(number)
        return True

    def doubt_all(self) -> None:
        """All that was under way has been left without an end."""
        for number in list(self.open):
            self.doubt(number)

    def spent(self, account: str, period: Period, at: float) -> int:
        found = self.accounts.get(account)
        return 0 if found is None else found.spent(period, at)

    def is_ahead_of(self, at: float) -> bool:
        """Say whether something was spent on a later day, by a clock that was ahead or is behind."""
        return any(one.day > one.zone.day(at) for one in self.accounts.values())

    def rewind(self, at: float) -> None:
        """Let the day of `at` be today although later ones were seen (`Account.rewind`)."""
        for account in self.accounts.values():
            account.rewind(account.zone.day(at))
        self.rolls += 1

    def warned(self, account: Account, index: int, budget: Budget) -> int:
        """Return the share of a budget, in percent, that was told to be reached in this period; 0: none."""
        window, percent = self._warned.get((account.name, budget.text), (0, 0))
        return percent if window == account.windows[index] else 0

    def warn(self, account: Account, index: int, budget: Budget, percent: int) -> None:
        self._warned[account.name, budget.text] = (account.windows[index], percent)

    def unknown(self) -> Sequence[Open]:
        return list(self.doubted.values())

    def of_kind(self, kind: str) -> Iterable[tuple[str, str, Account]]:
        """Yield currency, name and account of all that belong to a `key`, `team`, `tenant` or `tool`."""
        for name, account in self.accounts.items():
            currency, found, rest = name.split(" ", 2)
            if found == kind:
                yield currency, rest, account


def account_name(currency: str, kind: str, name: str) -> str:
    """Name an account in the ledger. kind: `key` (name is its id), `team`, `tenant` or `tool`."""
    return f"{currency} {kind} {name}"
