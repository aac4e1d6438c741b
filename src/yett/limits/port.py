"""What a backend of limits must do. tests/contracts/test_counter.py and test_ledger.py run against each.

Synchronous on purpose: a decision that never suspends cannot be interleaved, and listings are
counted without a loop.
"""

from collections.abc import Sequence
from typing import Protocol, final

import msgspec

from yett.core.quantities import Rate
from yett.limits.demand import PERIODS, Answer, Claim, Demand, Ending, Period

__all__ = [
    "PERIODS", "Answer", "Claim", "Counter", "Demand", "Ending", "Ledger", "Meter", "Period",
    "Reservation", "Room", "SharedStore",
]  # fmt: skip


@final
class Room(msgspec.Struct, frozen=True):
    """What is left of a rate: calls that would be admitted now, and seconds until all are back."""

    remaining: int
    resets_in_seconds: float


@final
class Reservation(msgspec.Struct, frozen=True, gc=False):
    """Money put aside for one call. day: days since 1970-01-01 UTC, as the ledger counted it."""

    number: int
    account: str
    micros: int
    day: int


class Meter(Protocol):
    """Counts the same keys again and again."""

    def take(self, at: float) -> float:
        """As `Counter.take`.

        Raises:
            Fault: the store could not be asked.
        """
        ...


class Counter(Protocol):
    def meter(self, keys: Sequence[tuple[str, Rate]]) -> Meter:
        """Return what counts uses of all these keys, which share their counts with everybody else's.

        Raises:
            Nothing: the store is asked when something is counted.
        """
        ...

    def take(self, keys: Sequence[tuple[str, Rate]], at: float) -> float:
        """Count one use of every key, or of none. `keys` are distinct; `at`: monotonic seconds.

        Return 0 when all had room, and each is counted; otherwise the seconds after which all of
        them will have room, and none is counted. In any span of time a key admits at most
        count + count * span / period uses.

        Raises:
            Fault: the store could not be asked. The call ends: no count, no call.
        """
        ...

    def room(self, key: str, rate: Rate, at: float) -> Room:
        """Say what is left, counting nothing.

        Raises:
            Fault: the store could not be asked.
        """
        ...

    def close(self) -> None: ...


class Ledger(Protocol):
    """Accounts are independent. Times are wall seconds since 1970; amounts are whole micros.

    The newest day that was ever written is today's, whatever the clock says later: a clock that is
    set back opens no period a second time.
    """

    def reserve(
        self, account: str, micros: int, *, limit_micros: int | None, period: Period, at: float
    ) -> Reservation | None:
        """Put `micros` aside so that it survives the death of this process, before returning.

        None, and nothing is put aside, when the account would exceed `limit_micros` in the current
        `period`, or could not be counted any more. limit_micros None: only keep account. A
        reservation that is never settled nor released counts as spent.

        Raises:
            Fault: it could not be written down. The call ends: no reservation, no call.
            ValueError: `micros` is not positive.
        """
        ...

    def settle(self, reservation: Reservation) -> None:
        """The money is spent for good; a later `release` of the reservation changes nothing.

        Raises:
            Nothing: what was reserved is written down already.
        """
        ...

    def release(self, reservation: Reservation) -> None:
        """Give the money back, once: nothing left the process.

        Raises:
            Nothing: money whose return cannot be written down stays spent.
        """
        ...

    def spent(self, account: str, period: Period, at: float) -> int:
        """Return micros reserved or spent in the current `period`.

        Raises:
            Fault: the store could not be asked.
        """
        ...

    def resets_at(self, period: Period, at: float) -> float | None:
        """Return when the current `period` ends, seconds since 1970; None for `total`.

        Raises:
            Fault: the store could not be asked.
        """
        ...

    def close(self) -> None: ...


class SharedStore(Protocol):
    """Where several gates count together. Its clock is the one that counts, not a gate's."""

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

    async def look(self, demand: Demand) -> Answer:
        """Answer as `ask` would, counting nothing.

        Raises:
            Fault: the store cannot say.
        """
        ...

    def unblock(self, caller: str) -> None:
        """Shut a caller's breaker and forget its failures. Queued."""
        ...

    def close(self) -> None: ...
