"""What a call asks of the limits, and what is answered: plain values that every backend understands.

A `Demand` is made once for a caller and a target and kept; a `Claim` is one call that makes it. Whoever
answers, in this process or a shared store, answers all of it at once: the call is counted by every rate,
has a place everywhere and its money is put aside in every account, or none of this happened.
"""

from typing import Final, Literal, final

import msgspec

from yett.core.quantities import Rate

Unit = Literal["calls", "input", "output"]
"""What a rate counts: uses, bytes of arguments, or bytes of answers. Those of an answer are known only
when it is there: a call is admitted while one byte is left, and what it brought is counted at its end,
so that the next call may have to wait for longer than the period."""

Period = Literal["day", "week", "month", "total"]
"""Of a budget, by the calendar of its time zone. Weeks begin on Monday."""

PERIODS: Final[tuple[Period, ...]] = ("day", "week", "month", "total")


@final
class RateDemand(msgspec.Struct, frozen=True):
    """key: names what is counted, the same in every process. text: as the operator wrote it. observed:
    counted, and told if it would have refused, but nothing is refused by it."""

    key: str
    rate: Rate
    text: str
    unit: Unit = "calls"
    observed: bool = False


@final
class PlaceDemand(msgspec.Struct, frozen=True):
    """Calls under way at the same time. key: as above. most: this many, this one included."""

    key: str
    most: int
    text: str
    observed: bool = False


@final
class Budget(msgspec.Struct, frozen=True):
    """text: as the operator wrote it. zone: by whose calendar the period begins (IANA name)."""

    text: str
    micros: int
    currency: str
    period: Period
    zone: str = "UTC"
    observed: bool = False


@final
class AccountDemand(msgspec.Struct, frozen=True):
    """One account that is charged. zone: by whose calendar it is kept. budgets: all of them must hold;
    none: what is spent is only written down."""

    account: str
    zone: str = "UTC"
    budgets: tuple[Budget, ...] = ()


@final
class BreakerDemand(msgspec.Struct, frozen=True):
    """failures_max: so many in a row open it. cooldown_seconds: for the first time; twice as long after
    each probe that fails, up to cooldown_max_seconds."""

    failures_max: int = 50
    cooldown_seconds: float = 30.0
    cooldown_max_seconds: float = 3_600.0


@final
class Demand(msgspec.Struct, frozen=True):
    """All that a call of one caller to one target needs room in. tenant: a shared store keeps what belongs
    to one tenant together. caller: id of the principal, whose breaker it is. target: `server/name`; empty
    for what reaches no server. accounts: each is charged with the whole price."""

    tenant: str
    caller: str
    target: str
    rates: tuple[RateDemand, ...]
    places: tuple[PlaceDemand, ...]
    accounts: tuple[AccountDemand, ...]
    currency: str
    breaker: BreakerDemand


@final
class Claim(msgspec.Struct, frozen=True):
    """One call. id: of its record, never used twice. micros: the most that it can cost; 0: free, and no
    account is asked. input_bytes: of its arguments. counted: by rates; False for what the gate asks of
    itself. reaches_upstream: it has places, and may be the breaker's probe."""

    id: str
    demand: Demand
    micros: int = 0
    input_bytes: int = 0
    counted: bool = True
    reaches_upstream: bool = True


@final
class Refused(msgspec.Struct, frozen=True):
    """Which of the demands had no room; the first of them in the order breaker, places, rates, budgets.

    text: of the demand, for the operator. wait_seconds: after that time all of the rates have room, or the
    breaker lets a probe through; None if it never will, or nobody knows. resets_at: of a budget, seconds
    since 1970; None: never.
    """

    by: Literal["breaker", "place", "rate", "budget"]
    text: str
    wait_seconds: float | None = None
    resets_at: float | None = None


@final
class Answer(msgspec.Struct, frozen=True):
    """refused: None if the call is admitted. is_probe: it is the one that an open breaker lets through.
    failures: in a row, of the caller, before this call; while it is 0 a success need not be told to the
    breaker. left: uses that remain, for each of the demand's rates that counts calls; whole seconds until
    all are back. remaining_micros: of the tightest budget, once this call is paid for; None: there is none.
    overruns: texts of observed demands that would have refused."""

    refused: Refused | None = None
    is_probe: bool = False
    failures: int = 0
    left: tuple[tuple[int, int], ...] = ()
    remaining_micros: int | None = None
    overruns: tuple[str, ...] = ()


@final
class Ending(msgspec.Struct, frozen=True):
    """How a claim ended. outcome: `spent`, micros of what was claimed is what it did cost; `unknown`, all of
    it counts as spent until an operator says otherwise; `unsent`, nothing left the gate and all goes back."""

    outcome: Literal["spent", "unknown", "unsent"]
    micros: int = 0
    output_bytes: int = 0
