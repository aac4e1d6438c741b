"""Is there room: for one more call now, for one more call at the same time, and for what it costs?

Everything is decided without suspending, so no two calls can see the same last place. A refusal by
the breaker, by concurrency or by one rate uses up nothing; only a call that the budget refuses has
been counted by its rates.
"""

from types import TracebackType
from typing import Final, final

from yett.core.call import Call, Reply, Usage
from yett.core.errors import Denied, Refusal
from yett.core.identity import Principal
from yett.core.operations import JUDGE_AGAIN, Kind
from yett.core.proofs import Admitted, Cleaned, Confirmed, Identified
from yett.core.quantities import Money
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.limits.description import describe
from yett.limits.port import Reservation
from yett.limits.rules import CallerPlan, Keys, Rules, ToolPlan
from yett.limits.state import Caller, LimitsState
from yett.limits.strangers import NAMELESS

CONCURRENCY_RETRY_SECONDS: Final = 1.0
PLANS_MAX: Final = 20_000
_TOOL: Final = Kind.TOOL  # an attribute of an enumeration costs ten times a global


@final
class Limiter:
    """One configuration's view of a `LimitsState`, which is shared with the views before and after."""

    __slots__ = ("plans", "rules", "state")

    def __init__(self, rules: Rules, state: LimitsState) -> None:
        self.rules = rules
        self.state = state
        self.plans: dict[str, CallerPlan] = {}

    def admit(self, confirmed: Confirmed) -> "Admission":
        """Ask for room; it is held from the beginning of the `with` to its end.

        Raises (on entering):
            Denied: CIRCUIT_OPEN, RATE_LIMITED or BUDGET_EXHAUSTED.
            Fault: the counter or the ledger did not answer.
        """
        return Admission(self, confirmed)

    def count(self, identified: Identified) -> None:
        """Count what reaches no upstream: listings, pings, the caller's own affairs.

        Raises:
            Denied: CIRCUIT_OPEN or RATE_LIMITED.
            Fault: the counter did not answer.
        """
        principal = identified.principal
        state = self.state
        at = state.monotonic()
        caller = state.callers.get(principal.id)
        if caller is not None and caller.open_until:
            self.rules.breaker.check(caller, at, reaches_upstream=False)
        plan = self.plans.get(principal.id)
        if plan is None or plan.name != principal.name:
            plan = self.plan(principal)
        meter = plan.plain.meter
        if meter is not None:
            wait = meter.take(at)
            if wait:
                raise rate_limited(plan.keys, wait)

    def observe(self, reply: Reply) -> None:
        """Tell the caller's breaker how a call ended. Nobody's breaker hears of a call without a name."""
        principal = reply.principal
        if principal is None:
            return
        caller = self.state.callers.get(principal.id)
        result = reply.result
        if result is not None and result.get("isError") is not True:
            if caller is None or not (caller.failures or caller.open_until):
                return  # a success that resets nothing: nearly every call
        elif caller is None:
            caller = self.state.remember(principal.id)
        if reply.call.operation is JUDGE_AGAIN and not caller.open_until:
            return  # as a probe it counts, or there would never be another
        self.rules.breaker.observe(caller, reply, self.state.monotonic())

    def bear(self, call: Call, refusal: Refusal) -> Refusal:
        """Return the refusal that is told and recorded: of who cannot be named, not every one is."""
        if refusal.reason in NAMELESS:
            return self.state.strangers.bear(call.peer, refusal)
        return refusal

    def describe(self, identified: Identified) -> dict[str, JSON]:
        """Return `limits` and `usage` of the caller, for `/v1/key` and `/v1/usage`."""
        return describe(identified.principal, self.rules, self.state)

    def plan(self, principal: Principal) -> CallerPlan:
        """Prepare what applies to one caller; once, unless there are very many."""
        if len(self.plans) >= PLANS_MAX:
            self.plans.clear()
        plan = self.plans[principal.id] = self.rules.plan(principal, self.state.counter)
        return plan


@final
class Admission:
    """Room for one call. `admitted` is there from the beginning of the block."""

    __slots__ = (
        "_caller", "_committed", "_confirmed", "_limiter", "_plan", "_probe", "_reservation",
        "admitted",
    )  # fmt: skip

    admitted: Admitted
    _caller: Caller
    _plan: CallerPlan

    def __init__(self, limiter: Limiter, confirmed: Confirmed) -> None:
        self._limiter = limiter
        self._confirmed = confirmed
        self._reservation: Reservation | None = None
        self._committed = False
        self._probe = False

    def __enter__(self) -> "Admission":
        limiter, confirmed = self._limiter, self._confirmed
        validated = confirmed.validated
        permitted = validated.permitted
        principal, target = permitted.principal, permitted.target
        identifier = principal.id
        state = limiter.state
        monotonic = state.monotonic
        at = monotonic()
        caller = state.callers.get(identifier)
        if caller is None:
            caller = state.remember(identifier)
        elif caller.open_until:
            limiter.rules.breaker.check(caller, at, reaches_upstream=True)
        plan = limiter.plans.get(identifier)
        if plan is None or plan.name != principal.name:
            plan = limiter.plan(principal)
        tool = plan.tools.get(target.key) if target.kind is _TOOL else plan.plain
        if tool is None:
            tool = limiter.rules.plan_tool(plan, principal, target, state.counter)
        if caller.active >= plan.concurrency:
            raise _too_many_at_once(plan.concurrency)
        meter = tool.meter
        if meter is not None and permitted.call.operation is not JUDGE_AGAIN:
            wait = meter.take(at)
            if wait:
                raise rate_limited(tool.keys, wait)
        # A round that goes on where the caller was asked something belongs to a call that is paid for.
        resumption = validated.resumption
        cost = tool.cost_micros if resumption is None or not resumption.seal else 0
        if cost:
            self._reservation = _reserve(state, plan, tool)
        # Nothing below can fail: what is taken here is given back in __exit__ only.
        caller.active += 1
        if caller.open_until:
            limiter.rules.breaker.claim_probe(caller, permitted.call.id)
            self._probe = True
        self._caller = caller
        self._plan = plan
        self.admitted = Admitted(validated, cost, tool.currency, confirmed.agreement)
        return self

    def commit(self) -> None:
        """From here on the money is spent, whatever happens."""
        self._committed = True

    def settle(self, cleaned: Cleaned) -> Usage:  # noqa: ARG002 - prices are fixed; those by result will read it
        """Pay the fixed price, and say what is left."""
        state = self._limiter.state
        ledger = state.ledger
        reservation = self._reservation
        if reservation is not None:
            ledger.settle(reservation)
            self._reservation = None
        plan, admitted = self._plan, self.admitted
        budget = plan.budget
        if budget is None:
            return Usage(admitted.cost_micros, None, admitted.currency)
        wall = state.wall
        left = budget.micros - ledger.spent(plan.budget_account, budget.period, wall())
        return Usage(admitted.cost_micros, max(0, left), budget.currency)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._caller.active -= 1
        limiter = self._limiter
        if self._probe:
            limiter.rules.breaker.end_probe(self._caller, limiter.state.monotonic())
        if self._reservation is not None:
            if self._committed and not _never_left(error):
                limiter.state.ledger.settle(self._reservation)
            else:
                limiter.state.ledger.release(self._reservation)


def rate_limited(keys: Keys, wait: float) -> Denied:
    return Denied(
        Reason.RATE_LIMITED,
        f"one of these rates is used up: {'; '.join(key for key, _ in keys)}",
        retry_after_seconds=wait,
    )


def _too_many_at_once(concurrency: int) -> Denied:
    return Denied(
        Reason.RATE_LIMITED,
        f"the key has {concurrency} calls under way, which is its limit",
        retry_after_seconds=CONCURRENCY_RETRY_SECONDS,
    )


def _reserve(state: LimitsState, plan: CallerPlan, tool: ToolPlan) -> Reservation:
    """Put the price aside in the ledger; without a budget too, so that spending is known."""
    wall = state.wall
    at = wall()
    budget = plan.budget
    reservation = state.ledger.reserve(
        tool.account,
        tool.cost_micros,
        limit_micros=None if budget is None else budget.micros,
        period="total" if budget is None else budget.period,
        at=at,
    )
    if reservation is None:
        price = Money(tool.cost_micros, tool.currency)
        raise Denied(
            Reason.BUDGET_EXHAUSTED,
            f"{price} more would exceed {budget.text if budget else 'what can be counted'}",
            resets_at=state.ledger.resets_at(budget.period, at) if budget else None,
        )
    return reservation


def _never_left(error: BaseException | None) -> bool:
    """Only this is known not to have reached the upstream; anything less certain is paid for."""
    return (
        isinstance(error, Refusal)
        and error.reason is Reason.UPSTREAM_UNREACHABLE
        and not error.sent
    )
