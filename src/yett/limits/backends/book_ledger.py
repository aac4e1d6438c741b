"""Money in this process: the balances, and a journal that survives its death.

A reservation is one line, handed to the kernel before anything is sent: what a dying process leaves
behind counts as spent. Calls that come together reserve together: the first of them to be sent writes down all
that wait. Money that comes back is a line, too, before anybody else may have it. Of calls that did cost all of
it, many are told at once, every so many lines and once a second: an end that is lost leaves a reservation that
counts as spent until an operator looks.
"""

from collections.abc import Sequence
from contextlib import suppress
from math import inf
from typing import Final, Protocol, final
from zlib import crc32

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.limits.balances import INDEX, MICROS_MAX, Account, Balances, Open
from yett.limits.calendar import SLOT_SECONDS
from yett.limits.demand import AccountDemand, Budget
from yett.limits.journal import line_of, rest_of_reservation
from yett.limits.port import NoRoom, Warned

_VAST: Final = MICROS_MAX // 2
_DEAR: Final = 2**38
"""Micros. In one slot of the calendar no process makes so many cheaper calls that they lead from less than
_VAST to more than can be counted: what is dearer, or on top of more, is looked at in each call."""


class Journal(Protocol):
    def append(self, lines: bytes) -> None:
        """Keep whole lines so that they survive the death of this process.

        Raises:
            OSError: none of them is kept.
        """
        ...

    def tidy(self) -> None:
        """Do what is done every so many lines, and say in fewer of them what the balances say. They must say
        what the lines say, no more and no less."""
        ...

    def compact(self, balances: Balances) -> None:
        """Say the same in fewer lines.

        Raises:
            OSError: all lines are as they were.
        """
        ...

    def close(self) -> None: ...


@final
class Nowhere:
    """The journal of a ledger that forgets everything at its end: for trying things out and for tests."""

    def append(self, lines: bytes) -> None:
        del lines

    def tidy(self) -> None:
        pass

    def compact(self, balances: Balances) -> None:
        del balances

    def close(self) -> None:
        pass


@final
class BookLedger:
    """Belongs to the loop; balances may be read by any thread.

    waiting: reservations that are charged and not written down: by the number of the call, when, and the rest of the entry.
    """

    __slots__ = ("balances", "journal", "waiting")

    def __init__(self, balances: Balances, journal: Journal) -> None:
        self.balances = balances
        self.journal = journal
        self.waiting: dict[str, tuple[float, bytes]] = {}

    def purse(
        self, accounts: Sequence[AccountDemand], target: str, warn_percents: tuple[int, ...] = ()
    ) -> "Purse":
        return Purse(self, accounts, target, warn_percents)

    def keep(self, number: str) -> None:
        if number in self.waiting:
            try:
                self._keep_all()
            except OSError as error:
                raise Fault(
                    Reason.INTERNAL_ERROR, f"the ledger cannot be written: {error.strerror}"
                ) from error

    def _keep_all(self) -> None:
        """Write down all reservations that wait for it.

        Raises:
            OSError: none is; all of them wait still.
        """
        entries = [
            b'["+","%b",%d,%b' % (number.encode(), at, rest)
            for number, (at, rest) in self.waiting.items()
        ]
        lines = [b"%08x %b\n" % (crc32(entry), entry) for entry in entries]  # as `line_of`
        self.journal.append(b"".join(lines))
        self.waiting.clear()
        self.journal.tidy()

    # What is not written down has not happened: money comes back once it is.

    def settle(self, number: str, micros: int) -> None:
        found = self.balances.open.get(number)
        if found is None or found.is_spent:
            return
        if micros < found.micros:
            with suppress(OSError):
                self.journal.append(line_of(["=", number, micros]))
                self.balances.end(number, micros)
                return
        found.is_spent = True

    def doubt(self, number: str) -> None:
        if self.balances.doubt(number):
            with suppress(OSError):  # the next start doubts it, too
                self.journal.append(line_of(["?", number]))

    def release(self, number: str) -> None:
        if self.waiting.pop(number, None) is not None:
            self.balances.end(number, 0)
        elif self.balances.is_open(number):
            with suppress(OSError):
                self.journal.append(line_of(["=", number, 0]))
                self.balances.end(number, 0)

    def reconcile(self, number: str, micros: int) -> bool:
        found = self.balances.doubted.get(number)
        if found is None or not 0 <= micros <= found.micros:
            return False
        self.journal.append(line_of(["=", number, micros]))
        return self.balances.end(number, micros)

    def flush(self) -> None:
        """Write down which calls did cost all that was reserved.

        Raises:
            OSError: they are kept for the next time.
        """
        self.balances.forget_oldest()
        ended = self.balances.ended()
        if ended:
            self.journal.append(line_of(["ended", ended]))
            self.balances.let_go(ended)
        if not self.waiting:
            self.journal.tidy()

    def rewind(self, at: float) -> None:
        """Take the clock for right: let the day of `at` be today (`Account.rewind`).

        Raises:
            OSError: it cannot be written; what the journal says stays as it was.
        """
        if self.waiting:
            self._keep_all()
        self.balances.rewind(at)
        self.journal.compact(self.balances)

    def close(self) -> None:
        """Write down what is known and give the journal to whoever opens it next."""
        for number in list(self.waiting):  # nobody sends them any more
            self.release(number)
        try:
            with suppress(OSError):  # what is lost counts as spent
                self.flush()
        finally:
            self.journal.close()


@final
class Purse:
    """The accounts that pay for the calls of one caller to one target.

    Each account that has budgets has a `watch`: the total up to which nobody has to look, since it is within all
    limits and below the next share to warn at. So a call compares once for each.
    """

    __slots__ = (
        "_accounts", "_balances", "_bounds", "_charges", "_micros", "_observed", "_open",
        "_percents", "_rest", "_rolls", "_until", "_waiting", "_watched", "budgets", "target", "warnings",
    )  # fmt: skip

    def __init__(
        self,
        ledger: BookLedger,
        accounts: Sequence[AccountDemand],
        target: str,
        warn_percents: tuple[int, ...],
    ) -> None:
        self.target = target
        self.warnings: list[Warned] = []
        self._waiting = ledger.waiting
        self._percents = warn_percents
        self._balances = balances = ledger.balances
        self._open = balances.open
        self._accounts = tuple(balances.account(one.account, one.zone) for one in accounts)
        self._until = -inf
        self._rolls = -1
        self._micros = 0
        self._rest = b""
        self._charges: tuple[tuple[Account, int], ...] = ()
        self._watched: tuple[tuple[Account, int], ...] = ()
        self.budgets = tuple(
            (account, budget)
            for account, one in zip(self._accounts, accounts, strict=True)
            for budget in one.budgets
        )
        bounds = [(account, INDEX[budget.period], budget) for account, budget in self.budgets]
        self._bounds = tuple(one for one in bounds if not one[2].observed)
        self._observed = tuple(one for one in bounds if one[2].observed)

    def reserve(self, number: str, micros: int, at: float) -> Open:
        if micros != self._micros or at >= self._until or self._rolls != self._balances.rolls:
            self._begin(micros, at)
        for account, watch in self._watched:
            if account.total + micros > watch:
                return self._reserve_near(number, micros, at)
        for account in self._accounts:
            account.total += micros
        self._waiting[number] = at, self._rest
        opened = self._open[number] = Open(number, at, micros, self.target, self._charges)
        return opened

    def overruns(self) -> list[Budget]:
        return [
            budget
            for account, index, budget in self._observed
            if account.total - account.before[index] > budget.micros
        ]

    def left(self, at: float) -> int | None:
        if not self._bounds:
            return None
        self._roll(at)
        rooms = [
            budget.micros - account.total + account.before[index]
            for account, index, budget in self._bounds
        ]
        return max(0, min(MICROS_MAX, *rooms))

    def resets_at(self, budget: Budget, at: float) -> float | None:
        for account, found in self.budgets:
            if found is budget:
                return account.zone.end_of(budget.period, account.today(at))
        return None

    def _begin(self, micros: int, at: float) -> None:
        """Prepare what calls of one price have in common until a day may begin somewhere."""
        if micros <= 0:
            raise ValueError("only a positive amount can be reserved")
        self._roll(at)
        self._until = float((int(at) // SLOT_SECONDS + 1) * SLOT_SECONDS)
        self._rolls = self._balances.rolls
        self._micros = micros
        self._charges = tuple([(account, account.day) for account in self._accounts])
        self._rest = rest_of_reservation(micros, self.target, self._charges)
        self._watch()

    def _roll(self, at: float) -> None:
        """Let the day begin in all accounts for which it has."""
        for account in self._accounts:
            self._balances.roll(account, account.zone.day(at))

    def _watch(self) -> None:
        """Find out for each account when to look next."""
        watched: dict[Account, int] = {}
        for account, index, budget in self._bounds:
            told = self._balances.warned(account, index, budget)
            ahead = [percent for percent in self._percents if percent > told]
            watch = -(-budget.micros * ahead[0] // 100) - 1 if ahead else budget.micros
            most = min(MICROS_MAX, account.before[index] + watch)
            watched[account] = min(most, watched.get(account, most))
        for account in self._accounts:
            if self._micros > _DEAR or account.total > _VAST:
                watched.setdefault(account, MICROS_MAX)
        self._watched = tuple(watched.items())

    def _reserve_near(self, number: str, micros: int, at: float) -> Open:
        """Reserve what brings an account to where somebody has to look: first whether it may, then who is near."""
        for account, index, budget in self._bounds:
            if account.total + micros - account.before[index] > budget.micros:
                raise NoRoom(budget)
        if any(account.total + micros > MICROS_MAX for account in self._accounts):
            raise Fault(Reason.INTERNAL_ERROR, "more money than can be counted")
        self._watched = ()
        try:
            return self.reserve(number, micros, at)
        finally:
            self._warn()
            self._watch()

    def _warn(self) -> None:
        """Note which budgets have reached a share for the first time in their period."""
        for account, index, budget in self._bounds:
            spent = account.total - account.before[index]
            reached = [p for p in self._percents if spent * 100 >= p * budget.micros]
            if reached and reached[-1] > self._balances.warned(account, index, budget):
                self._balances.warn(account, index, budget, reached[-1])
                self.warnings.append(Warned(account.name, budget, reached[-1], spent))
