"""Money in this process: the balances, and a journal that survives its death.

A reservation is one line, handed to the kernel before anything is sent: what a dying process leaves
behind counts as spent. How calls ended goes with the next line, or once a second: an end that is lost
leaves a reservation that counts as spent until an operator looks.
"""

from collections.abc import Sequence
from typing import Final, Protocol, final
from zlib import crc32

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.limits.balances import INDEX, MICROS_MAX, Account, Balances, Open
from yett.limits.calendar import SLOT_SECONDS
from yett.limits.demand import AccountDemand, Budget
from yett.limits.journal import charges_of, line_of
from yett.limits.port import Warned

_VAST: Final = MICROS_MAX // 2
"""From here on it is looked at before each call whether more can be counted."""


class Journal(Protocol):
    def append(self, lines: bytes) -> None:
        """Keep whole lines so that they survive the death of this process. Before that, it may say in fewer
        lines what the balances say: what the lines say must not be so in them yet, or mean nothing twice.

        Raises:
            OSError: none of them is kept.
        """
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

    def compact(self, balances: Balances) -> None:
        del balances

    def close(self) -> None:
        pass


@final
class BookLedger:
    """Belongs to the loop; balances may be read by any thread. ended: reservations that did cost all of it, which
    the next line tells."""

    __slots__ = ("_ends", "_journal", "balances", "ended")

    def __init__(self, balances: Balances, journal: Journal) -> None:
        self.balances = balances
        self._journal = journal
        self._ends: list[bytes] = []
        self.ended: list[str] = []

    def purse(
        self, accounts: Sequence[AccountDemand], target: str, warn_percents: tuple[int, ...] = ()
    ) -> "Purse":
        return Purse(self, accounts, target, warn_percents)

    def settle_in_full(self, number: str) -> None:
        if self.balances.open.pop(number, None) is not None:
            self.ended.append(number)

    def settle(self, number: str, micros: int) -> None:
        if self.balances.end(number, micros):
            self._ends.append(line_of(["=", number, micros]))

    def doubt(self, number: str) -> None:
        if self.balances.doubt(number):
            self._ends.append(line_of(["?", number]))

    def release(self, number: str) -> None:
        """What is not written down has not happened: the money comes back once it is."""
        if number not in self.balances.open:
            return
        try:
            self.append(line_of(["=", number, 0]))
        except OSError:
            return
        self.balances.end(number, 0)

    def reconcile(self, number: str, micros: int) -> bool:
        found = self.balances.open.get(number)
        if found is None or not found.unknown or not 0 <= micros <= found.micros:
            return False
        self.append(line_of(["=", number, micros]))
        return self.balances.end(number, micros)

    def flush(self) -> None:
        """Write down how calls ended since the last line.

        Raises:
            OSError: they are kept for the next time.
        """
        self.balances.forget_oldest()
        if self.ended:
            self._ends.append(line_of(["ended", list(self.ended)]))
            self.ended.clear()
        if self._ends:
            self.append(b"")

    def append(self, line: bytes) -> None:
        """Write a line, and before it what is still to be written (`Journal.append`).

        Raises:
            OSError: nothing was written.
        """
        if self._ends:
            line = b"".join((*self._ends, line))
        self._journal.append(line)
        self._ends.clear()

    def rewind(self, at: float) -> None:
        """Take the clock for right: let the day of `at` be today (`Account.rewind`).

        Raises:
            OSError: it cannot be written; what the journal says stays as it was.
        """
        self.balances.rewind(at)
        self._journal.compact(self.balances)

    def close(self) -> None:
        """Write down what is known and give the journal to whoever opens it next."""
        try:
            self.flush()
        except OSError:  # what is lost counts as spent
            self._ends.clear()
        finally:
            self._journal.close()


@final
class Purse:
    """The accounts that pay for the calls of one caller to one target.

    Beside each limit stands a `watch`: what may be spent before somebody has to look, at a share to warn at
    or at the limit itself, so that a call compares once.
    """

    __slots__ = (
        "_accounts", "_balances", "_bounds", "_charges", "_is_vast", "_near", "_observed", "_percents",
        "_rolls", "_slot", "_watched", "_words", "budgets", "ledger", "target", "warnings",
    )  # fmt: skip

    def __init__(
        self,
        ledger: BookLedger,
        accounts: Sequence[AccountDemand],
        target: str,
        warn_percents: tuple[int, ...],
    ) -> None:
        self.ledger = ledger
        self.target = target
        self.warnings: list[Warned] = []
        self._percents = warn_percents
        self._balances = balances = ledger.balances
        self._accounts = tuple(balances.account(one.account, one.zone) for one in accounts)
        self._slot = -1
        self._rolls = -1
        self._near = False
        self._is_vast = False
        self._words = b""
        self._charges: tuple[tuple[Account, int], ...] = ()
        self._watched: tuple[tuple[Account, int, int, Budget], ...] = ()
        self.budgets = tuple(
            (account, budget)
            for account, one in zip(self._accounts, accounts, strict=True)
            for budget in one.budgets
        )
        bounds = [(account, INDEX[budget.period], budget) for account, budget in self.budgets]
        self._bounds = tuple(one for one in bounds if not one[2].observed)
        self._observed = tuple(one for one in bounds if one[2].observed)

    def reserve(self, number: str, micros: int, at: float) -> Budget | None:
        if micros <= 0:
            raise ValueError("only a positive amount can be reserved")
        if int(at) // SLOT_SECONDS != self._slot or self._rolls != self._balances.rolls:
            self._roll(at)
        for account, index, watch, budget in self._watched:
            spent = account.total + micros - account.before[index]
            if spent > watch:
                if spent > budget.micros:
                    return budget
                self._near = True
        if self._is_vast or micros > _VAST:
            self._check_countable(micros)
        ledger = self.ledger
        ended = ledger.ended
        told = b'"%b"' % '","'.join(ended).encode() if ended else b""
        line = b'["+","%b",%d,%d,[%b],%b' % (number.encode(), at, micros, told, self._words)
        try:
            ledger.append(b"%08x %b\n" % (crc32(line), line))  # as `line_around`
        except OSError as error:
            raise Fault(
                Reason.INTERNAL_ERROR, f"the ledger cannot be written: {error.strerror}"
            ) from error
        ended.clear()
        for account in self._accounts:
            account.total += micros
        self._balances.open[number] = Open(number, int(at), micros, self.target, self._charges)
        if self._near:
            self._look_who_is_near()
        return None

    def overruns(self) -> list[Budget]:
        return [
            budget
            for account, index, budget in self._observed
            if account.total - account.before[index] > budget.micros
        ]

    def left(self, at: float) -> int | None:
        bounds = self._bounds
        if not bounds:
            return None
        if int(at) // SLOT_SECONDS != self._slot or self._rolls != self._balances.rolls:
            self._roll(at)
        left = MICROS_MAX
        for account, index, budget in bounds:
            room = budget.micros - account.total + account.before[index]
            left = min(left, room)
        return max(0, left)

    def resets_at(self, budget: Budget, at: float) -> float | None:
        for account, found in self.budgets:
            if found is budget:
                return account.zone.end_of(budget.period, account.today(at))
        return None

    def _roll(self, at: float) -> None:
        """Let the day begin in all accounts for which it has."""
        for account in self._accounts:
            self._balances.roll(account, account.zone.day(at))
        self._slot = int(at) // SLOT_SECONDS
        self._rolls = self._balances.rolls
        self._charges = tuple([(account, account.day) for account in self._accounts])
        self._words = charges_of(self.target, self._charges)
        self._is_vast = any(account.total > _VAST for account in self._accounts)
        self._watch()

    def _check_countable(self, micros: int) -> None:
        if any(account.total + micros > MICROS_MAX for account in self._accounts):
            raise Fault(Reason.INTERNAL_ERROR, "more money than can be counted")

    def _watch(self) -> None:
        """Find out for each limit when to look next."""
        self._near = False
        watched = []
        for account, index, budget in self._bounds:
            told = self._balances.warned(account, index, budget)
            ahead = [percent for percent in self._percents if percent > told]
            watch = -(-budget.micros * ahead[0] // 100) - 1 if ahead else budget.micros
            watched.append((account, index, watch, budget))
        self._watched = tuple(watched)

    def _look_who_is_near(self) -> None:
        for account, index, budget in self._bounds:
            spent = account.total - account.before[index]
            reached = [p for p in self._percents if spent * 100 >= p * budget.micros]
            if reached and reached[-1] > self._balances.warned(account, index, budget):
                self._balances.warn(account, index, budget, reached[-1])
                self.warnings.append(Warned(account.name, budget, reached[-1], spent))
        self._watch()
