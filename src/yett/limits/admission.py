"""Room for one call in this process, held until it is given back."""

from types import TracebackType
from typing import ClassVar, Literal, final

import msgspec

from yett.core.call import Usage
from yett.core.proofs import Admitted, Cleaned
from yett.limits.balances import Open
from yett.limits.breaker import Caller
from yett.limits.outcome import is_unknown, never_left
from yett.limits.plans import Plan
from yett.limits.telling import told_cost


@final
class Admission(msgspec.Struct, gc=False):
    """Room for one call, until the end of the block. opened: the money that was put aside. usage: what the call will
    have used if it is answered; None: only the answer says. has_more: there are other places to give back than the
    key's own, or the breaker's probe. is_committed: the money is spent from now on, whatever happens."""

    shared: ClassVar[Literal[False]] = False

    admitted: Admitted
    plan: Plan
    caller: Caller
    opened: Open | None
    usage: Usage | None
    has_more: bool = False
    is_probe: bool = False
    is_committed: bool = False

    def __enter__(self) -> "Admission":
        return self

    def commit(self) -> None:
        """From here on the money is spent, whatever happens.

        Raises:
            Fault: that could not be written down; nothing may be sent.
        """
        opened = self.opened
        if opened is not None:
            self.plan.state.ledger.keep(opened.id)
        self.is_committed = True

    def settle(self, cleaned: Cleaned) -> Usage:
        """Pay the price, and say what was used."""
        usage = self.usage or self._ask(cleaned)
        if self.opened is not None:
            self.opened.is_spent = True
        return usage

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.caller.active -= 1
        opened = self.opened
        if opened is not None and not opened.is_spent:
            self._end(opened, error)
        if self.has_more:
            self._leave()

    def _ask(self, cleaned: Cleaned) -> Usage:
        """Return what was used where only the answer says: count what it brought, and pay what it demands."""
        plan, opened = self.plan, self.opened
        state = plan.state
        if plan.counts_output and plan.meter is not None:
            plan.meter.add_output(state.monotonic(), len(cleaned.encoded))
        if opened is None:
            return plan.usage(0)
        if plan.by_result is None:
            return plan.usage(opened.micros)
        micros = told_cost(state.notices, plan, plan.by_result, cleaned, opened.micros)
        state.ledger.settle(opened.id, micros)
        return plan.usage(micros)

    def _leave(self) -> None:
        """Give back what few calls hold."""
        plan = self.plan
        for gauge, _ in plan.places:
            gauge.active -= 1
        if self.is_probe:
            plan.rules.breaker.end_probe(self.caller, plan.state.monotonic())

    def _end(self, opened: Open, error: BaseException | None) -> None:
        """The call ended without an answer that is paid for."""
        ledger = self.plan.state.ledger
        if not self.is_committed or never_left(error):
            ledger.release(opened.id)
        elif is_unknown(error):
            ledger.doubt(opened.id)
        else:
            opened.is_spent = True
