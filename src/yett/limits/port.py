"""What a backend of limits must do. tests/contracts/test_counter.py and test_ledger.py run against each.

Synchronous on purpose: a decision that never suspends cannot be interleaved, and listings are
counted without a loop.
"""

from collections.abc import Sequence
from typing import Protocol, final

import msgspec

from yett.core.call import RateLeft
from yett.core.quantities import Rate
from yett.limits.balances import Balances, Open
from yett.limits.demand import AccountDemand, Answer, Budget, Claim, Demand, Ending, RateDemand


@final
class Room(msgspec.Struct, frozen=True):
    """What is left of a rate: calls that would be admitted now, and seconds until all are back."""

    remaining: int
    resets_in_seconds: float


class Meter(Protocol):
    """Counts by the same rates again and again."""

    def take(self, at: float, input_bytes: int = 0) -> float:
        """Count one use by every rate, or by none. at: monotonic seconds.

        Return 0 when all that are not only observed had room, and each is counted; otherwise the seconds
        after which all of them will have room, and none is counted; infinity: never. In any span of time a
        rate admits at most burst + count * span / period uses.

        Raises:
            Fault: the store could not be asked. The call ends: no count, no call.
        """
        ...

    def take_back(self, input_bytes: int = 0) -> None:
        """Undo the last `take`, with nothing in between.

        Raises:
            Nothing: what cannot be told stays counted.
        """
        ...

    def add_output(self, at: float, output_bytes: int) -> None:
        """Count what an answer brought, by the rates that count it.

        Raises:
            Nothing: what cannot be told is not counted.
        """
        ...

    def overruns(self) -> Sequence[RateDemand]:
        """Return the observed rates that had no room at the last `take`, and did not count it.

        Raises:
            Nothing: it is known already.
        """
        ...

    def left(self, at: float) -> RateLeft | None:
        """Return what is left of the rate of calls that is nearest to its end; None: there is none.

        Raises:
            Fault: the store could not be asked.
        """
        ...


class Counter(Protocol):
    def meter(self, rates: Sequence[RateDemand]) -> Meter:
        """Return what counts by these rates, which share their counts with everybody else's of equal keys.

        Raises:
            Nothing: the store is asked when something is counted.
        """
        ...

    def take(self, keys: Sequence[tuple[str, Rate]], at: float) -> float:
        """As `Meter.take`, for rates of uses that are asked for once. Keys are distinct.

        Raises:
            Fault: the store could not be asked.
        """
        ...

    def room(self, key: str, rate: Rate, at: float) -> Room:
        """Say what is left, counting nothing.

        Raises:
            Fault: the store could not be asked.
        """
        ...

    def close(self) -> None: ...


@final
class Warned(msgspec.Struct, frozen=True):
    """A share of a budget that is spent, for the first time in its period."""

    account: str
    budget: Budget
    percent: int
    spent_micros: int


@final
class NoRoom(Exception):
    """There is not enough in a budget; it is for the stage to refuse."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget.text)
        self.budget = budget


class Purse(Protocol):
    """The accounts that pay for the calls of one caller to one target: made once and kept. warnings: what
    `reserve` noticed; whoever tells it takes it out."""

    warnings: list[Warned]

    def reserve(self, number: str, micros: int, at: float) -> Open:
        """Put `micros` aside in every account, so that nobody else can have it; `Ledger.keep` makes it survive the death
        of this process. Who gets it says how the call ended, once: sets `is_spent` if it did cost all of it, else by
        one of the `Ledger`'s methods. number: of the call, never used twice. micros: positive. at: wall
        seconds since 1970.

        Raises:
            NoRoom: nothing is put aside.
            Fault: there is more money than can be counted.
        """
        ...

    def overruns(self) -> list[Budget]:
        """Return the observed budgets that are spent beyond their end.

        Raises:
            Nothing: it is known already.
        """
        ...

    def left(self, at: float) -> int | None:
        """Return micros that remain in the tightest budget; None if there is no budget.

        Raises:
            Nothing: it is known already.
        """
        ...

    def resets_at(self, budget: Budget, at: float) -> float | None:
        """Return when the period of one of its budgets ends, seconds since 1970; None: never.

        Raises:
            Nothing: it follows from the calendar.
        """
        ...


class Ledger(Protocol):
    """Amounts are whole micros; accounts are independent of each other.

    An account's newest day is today's, whatever the clock says later: a clock that is set back opens no
    period a second time. What was reserved and has no end counts as spent.
    """

    @property
    def balances(self) -> Balances: ...

    def purse(
        self, accounts: Sequence[AccountDemand], target: str, warn_percents: tuple[int, ...] = ()
    ) -> Purse:
        """Return what pays from these accounts. warn_percents: shares of a budget to notice, rising.

        Raises:
            Nothing: the store is asked when something is paid.
        """
        ...

    def keep(self, number: str) -> None:
        """Let a reservation survive the death of this process, before the call is sent, and any others with it.

        Raises:
            Fault: it could not be written down. The call ends: no reservation, no call.
        """
        ...

    def settle(self, number: str, micros: int) -> None:
        """Say what a call did cost, at most what was reserved; what it did not comes back. Once.

        Raises:
            Nothing: money whose return cannot be written down stays spent.
        """
        ...

    def doubt(self, number: str) -> None:
        """Say that nobody knows how a call ended: its money stays spent until `reconcile`.

        Raises:
            Nothing: without a word it is not known either.
        """
        ...

    def release(self, number: str) -> None:
        """Give all the money back, once: nothing left the gate.

        Raises:
            Nothing: money whose return cannot be written down stays spent.
        """
        ...

    def reconcile(self, number: str, micros: int) -> bool:
        """Say what a call of unknown outcome did cost. False: there is none, or it cost more than was
        reserved.

        Raises:
            OSError: it cannot be written; nothing changed.
        """
        ...

    def flush(self) -> None:
        """Write down what may wait, a second or so.

        Raises:
            OSError: it is kept for the next time.
        """
        ...

    def close(self) -> None: ...


class SharedStore(Protocol):
    """Where several gates count together. Its clock is the one that counts, not a gate's."""

    @property
    def is_ready(self) -> bool:
        """Say whether it can be asked at this moment."""
        ...

    async def rest(self) -> None:
        """Wait, not for long, until what is queued has been told. Before `close`.

        Raises:
            Nothing: what is not told stays counted.
        """
        ...

    async def ask(self, claim: Claim) -> Answer:
        """Answer all of a claim in one round trip.

        Raises:
            Fault: the store cannot say, in time. The call ends: no answer, no call. What it may have
                counted nevertheless is given back by a lease that runs out; money stays spent.
        """
        ...

    def end(self, claim: Claim, ending: Ending) -> None:
        """Say how an admitted claim ended, once: its places are free, its bytes counted, its money settled.
        Queued: nobody waits for it.

        Raises:
            Nothing: what cannot be told stays counted.
        """
        ...

    def observe(self, demand: Demand, claim_id: str, *, succeeded: bool | None) -> None:
        """Tell the breaker of the demand's caller how a call went; None: it says nothing. Queued.

        Raises:
            Nothing: what cannot be told is asked for again by the next failure.
        """
        ...

    async def rooms(self, rates: Sequence[RateDemand]) -> list[Room]:
        """Say what is left of each, counting nothing.

        Raises:
            Fault: the store cannot say.
        """
        ...

    async def books(self, accounts: Sequence[str]) -> Balances:
        """Return what these accounts have spent; one that never spent anything is not among them.

        Raises:
            Fault: the store cannot say.
        """
        ...

    async def look(self, demand: Demand) -> Answer:
        """Answer as `ask` would, counting nothing.

        Raises:
            Fault: the store cannot say.
        """
        ...

    def unblock(self, caller: str) -> None:
        """Shut a caller's breaker and forget its failures. Queued.

        Raises:
            Nothing: what cannot be told has not happened.
        """
        ...

    def close(self) -> None: ...
