"""Room for one call where several gates count together: one question, and its end told afterwards."""

from functools import partial
from types import TracebackType
from typing import ClassVar, Literal, final

from yett.core.call import Usage
from yett.core.clock import iso_time_or_none
from yett.core.errors import Denied, Refusal
from yett.core.proofs import Admitted, Cleaned
from yett.core.reasons import Reason
from yett.limits.demand import Answer, Claim, Ending, Refused
from yett.limits.outcome import is_unknown, never_left
from yett.limits.plans import Plan
from yett.limits.port import SharedStore
from yett.limits.state import LimitsState
from yett.limits.telling import told_cost


@final
class SharedAdmission:
    """granted: what is to be had if the store agrees; `admitted` is there once `ask` has returned. is_committed: from
    here on the money is spent, whatever happens."""

    shared: ClassVar[Literal[True]] = True

    __slots__ = (
        "_answer", "_claim", "_granted", "_output_bytes", "_plan", "_spent", "_state",
        "_store", "admitted", "is_committed",
    )  # fmt: skip

    admitted: Admitted

    def __init__(
        self, state: LimitsState, store: SharedStore, plan: Plan, claim: Claim, granted: Admitted
    ) -> None:
        self._state = state
        self._store = store
        self._plan = plan
        self._claim = claim
        self._granted = granted
        self._answer: Answer | None = None
        self.is_committed = False
        self._output_bytes = 0
        self._spent: int | None = None

    def __enter__(self) -> "SharedAdmission":
        return self

    async def ask(self) -> None:
        """Ask for room, before anything else in the block.

        Raises:
            Denied: CIRCUIT_OPEN, RATE_LIMITED or BUDGET_EXHAUSTED.
            Fault: LIMITS_UNAVAILABLE, the store cannot say.
        """
        claim = self._claim
        answer = await self._store.ask(claim)
        for text in answer.overruns:
            self._state.notices.overrun(f"{text} {claim.demand.caller}")
        if answer.refused is not None:
            raise refusal_of(answer.refused)
        self._answer = answer
        caller = self._state.of(claim.demand.caller)
        caller.active += 1
        caller.failures = answer.failures
        caller.probe = claim.id if answer.is_probe else None
        self._state.suspect(claim.demand.caller, caller)
        self.admitted = self._granted

    def commit(self) -> None:
        """From here on the money is spent, whatever happens: the store has written that down, when it was asked."""
        self.is_committed = True

    def settle(self, cleaned: Cleaned) -> Usage:
        """Pay the price, and say what is left."""
        plan, claim = self._plan, self._claim
        self._output_bytes = len(cleaned.encoded)
        spent = claim.micros
        if spent and plan.by_result is not None:
            spent = told_cost(self._state.notices, plan, plan.by_result, cleaned, spent)
        self._spent = spent
        left = self._answer.remaining_micros if self._answer else None
        budget = None if left is None else partial(int, left + claim.micros - spent)
        return Usage(spent, claim.demand.currency, budget)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._answer is None:
            return  # it was not admitted
        self._state.of(self._claim.demand.caller).active -= 1
        self._store.end(self._claim, self._ending(error))

    def _ending(self, error: BaseException | None) -> Ending:
        if self._spent is not None:
            return Ending("spent", self._spent, self._output_bytes)
        if not self.is_committed or never_left(error):
            return Ending("unsent")
        if is_unknown(error):
            return Ending("unknown", self._claim.micros)
        return Ending("spent", self._claim.micros)


def refusal_of(refused: Refused) -> Refusal:
    """Put into the words of a refusal what had no room."""
    if refused.by == "budget":
        return Denied(
            Reason.BUDGET_EXHAUSTED,
            f"it would exceed {refused.text}, which begins anew {iso_time_or_none(refused.resets_at)}",
            resets_at=refused.resets_at,
        )
    if refused.by == "breaker":
        return Denied(
            Reason.CIRCUIT_OPEN,
            f"the caller's breaker is open: {refused.text}",
            retry_after_seconds=refused.wait_seconds,
        )
    return Denied(
        Reason.RATE_LIMITED,
        f"used up: {refused.text}",
        retry_after_seconds=refused.wait_seconds,
    )
