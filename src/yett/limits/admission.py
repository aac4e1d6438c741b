"""Room for one call in this process, held until it is given back."""

from types import TracebackType
from typing import ClassVar, Literal, final

import msgspec

from yett.core.call import Usage
from yett.core.proofs import Admitted, Cleaned
from yett.limits.breaker import Caller
from yett.limits.outcome import is_unknown, never_left
from yett.limits.plans import Plan
from yett.limits.state import LimitsState
from yett.limits.telling import told_cost


@final
class Admission(msgspec.Struct, gc=False):
    """Room for one call, until the end of the block. micros: put aside and not yet settled; at: when, wall
    seconds since 1970."""

    shared: ClassVar[Literal[False]] = False

    admitted: Admitted
    state: LimitsState
    plan: Plan
    caller: Caller
    number: str
    micros: int
    is_probe: bool
    at: float
    is_committed: bool = False

    def __enter__(self) -> "Admission":
        return self

    def commit(self) -> None:
        """From here on the money is spent, whatever happens."""
        self.is_committed = True

    def settle(self, cleaned: Cleaned) -> Usage:
        """Pay the price, and say what is left."""
        plan = self.plan
        if plan.counts_output and plan.meter is not None:
            plan.meter.add_output(self.state.monotonic(), len(cleaned.encoded))
        purse = plan.purse
        if purse is None:
            return plan.free
        state = self.state
        micros = self.micros
        if not micros:
            wall = state.wall
            return Usage(0, purse.left(wall()), plan.demand.currency, plan.rates)
        if plan.by_result is None:
            state.ledger.settle_in_full(self.number)
        else:
            micros = told_cost(state.notices, plan, plan.by_result, cleaned, micros)
            state.ledger.settle(self.number, micros)
        self.micros = 0
        return Usage(micros, purse.left(self.at), plan.demand.currency, plan.rates)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.caller.active -= 1
        plan = self.plan
        if plan.places:
            for gauge, _ in plan.places:
                gauge.active -= 1
        if self.is_probe:
            plan.rules.breaker.end_probe(self.caller, self.state.monotonic())
        if self.micros:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        """The call ended without an answer that is paid for."""
        ledger = self.state.ledger
        if not self.is_committed or never_left(error):
            ledger.release(self.number)
        elif is_unknown(error):
            ledger.doubt(self.number)
        else:
            ledger.settle_in_full(self.number)
