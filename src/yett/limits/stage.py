"""Is there room: for one more call now, for one more call at the same time, and for what it costs?

In this process everything is decided without suspending, so no two calls can see the same last place.
With a store that other gates share, one question takes the place of all of it (`SharedAdmission`). A refusal
uses up nothing.
"""

import math
from typing import Final, final

from yett.core.call import Call, Reply
from yett.core.document import encode
from yett.core.errors import Denied, Refusal
from yett.core.identity import Principal
from yett.core.operations import JUDGE_AGAIN, OPERATIONS
from yett.core.proofs import Admitted, Confirmed, Identified, Permitted, Validated
from yett.core.quantities import Money
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.limits.admission import Admission
from yett.limits.balances import Open
from yett.limits.breaker import Caller, verdict
from yett.limits.demand import Budget, Claim, Demand
from yett.limits.description import describe, own_figures, shared_figures
from yett.limits.plans import OwnPlan, Plan, is_paid_for, prepare, prepare_own
from yett.limits.port import NoRoom, Purse, SharedStore
from yett.limits.rules import Rules
from yett.limits.shared_admission import SharedAdmission, refusal_of
from yett.limits.state import LimitsState
from yett.limits.strangers import NAMELESS
from yett.limits.telling import note_overruns, tell_of_budgets, tell_of_opening

CONCURRENCY_RETRY_SECONDS: Final = 1.0
PLANS_MAX: Final = 20_000
_CALL_TOOL: Final = OPERATIONS["tools/call"]


@final
class Limiter:
    """One configuration's view of a `LimitsState`, which is shared with the views before and after."""

    __slots__ = ("_judges_all", "_monotonic", "_suspects", "_wall", "plans", "rules", "state")

    def __init__(self, rules: Rules, state: LimitsState) -> None:
        self.rules = rules
        self.state = state
        self.plans: dict[str, OwnPlan] = {}
        self._judges_all = rules.breaker.failure_rate is not None
        self._monotonic = state.monotonic
        self._suspects = state.suspects
        self._wall = state.wall

    def admit(self, confirmed: Confirmed) -> "Admission | SharedAdmission":
        """Take room for a call; it is held until the end of the `with` block around what is returned. Where
        several gates count together, what is returned has still to `ask`.

        Raises:
            Denied: CIRCUIT_OPEN, RATE_LIMITED or BUDGET_EXHAUSTED; INVALID_INPUT, the price goes by an
                argument that is not there.
            Fault: the counter or the ledger did not answer.
        """
        validated = confirmed.validated
        permitted = validated.permitted
        plan: Plan | None = permitted.standing.limits
        if plan is None or plan.rules is not self.rules or plan.caller.is_forgotten:
            plan = self._prepare(permitted)
        caller, call = plan.caller, permitted.call
        if (
            not plan.is_plain
            or caller.open_until
            or validated.resumption is not None  # as for all that is asked about a task
        ):
            return self._admit_with_care(plan, confirmed)
        if caller.active >= plan.concurrency:
            raise _too_many_at_once(f"{plan.concurrency} at once for the key")
        at = self._monotonic()
        if plan.meter is not None:
            wait = plan.meter.take(at)
            if wait:
                raise rate_limited(plan.demand, wait)
        payer, opened = plan.payer, None
        if payer is not None:
            wall = self._wall
            if at >= wall.until:
                wall()  # which sets `ahead` and `until`
            try:
                opened = payer.reserve(call.id, plan.micros, at + wall.ahead)
            except NoRoom as spent:
                raise self._exhausted(plan, payer, spent.budget, plan.micros) from None
            if payer.warnings:
                tell_of_budgets(self.state.notices, payer)
        # Nothing below can fail: what is taken here is given back in __exit__ only.
        caller.active += 1
        admitted = Admitted(validated, plan.micros, plan.currency, confirmed.agreement)
        return Admission(admitted, plan, caller, opened, plan.used)

    def _admit_with_care(self, plan: Plan, confirmed: Confirmed) -> "Admission | SharedAdmission":
        """As `admit`, of a plan that is not plain, or for a call or a caller that is not."""
        validated, state, caller = confirmed.validated, self.state, plan.caller
        if state.shared is not None:
            return self._admit_shared(plan, state.shared, confirmed)
        at = self._monotonic()
        if caller.open_until:
            self.rules.breaker.check(caller, at, reaches_upstream=True)
        if caller.active >= plan.concurrency:
            raise _too_many_at_once(f"{plan.concurrency} at once for the key")
        if plan.has_more:
            self._check_more(plan, caller, validated, at)
        meter, call = plan.meter, validated.permitted.call
        if meter is not None and call.operation is not JUDGE_AGAIN:
            wait = meter.take(at, _input_bytes(plan, validated))
            if wait:
                raise rate_limited(plan.demand, wait)
        opened = None
        if plan.purse is not None and not is_paid_for(validated):
            opened = self._put_aside(plan, plan.purse, validated)
        micros = 0 if opened is None else opened.micros
        # Nothing below can fail: what is taken here is given back in __exit__ only.
        caller.active += 1
        is_probe = self._take_more(plan, caller, call, micros)
        admitted = Admitted(validated, micros, plan.currency, confirmed.agreement)
        has_more = is_probe or bool(plan.places)
        return Admission(admitted, plan, caller, opened, None, has_more, is_probe)

    async def count(self, identified: Identified) -> None:
        """Count what reaches no upstream: listings, pings, the caller's own affairs. Suspends only to ask
        others who count together with this gate.

        Raises:
            Denied: CIRCUIT_OPEN or RATE_LIMITED.
            Fault: the counter did not answer.
        """
        principal = identified.principal
        state = self.state
        own = self._own(principal)
        if state.shared is not None:
            claim = Claim(identified.call.id, own.demand, reaches_upstream=False)
            answer = await state.shared.ask(claim)
            if answer.refused is not None:
                raise refusal_of(answer.refused)
            return
        at = state.monotonic()
        caller = state.callers.get(principal.id)
        if caller is not None and caller.open_until:
            self.rules.breaker.check(caller, at, reaches_upstream=False)
        if own.meter is not None:
            wait = own.meter.take(at)
            if wait:
                raise rate_limited(own.demand, wait)

    def observe(self, reply: Reply) -> None:
        """Tell the caller's breaker how a call ended. Nobody's breaker hears of a call without a name."""
        principal, result = reply.principal, reply.result
        if principal is None:
            return
        if (
            result is not None
            and principal.id not in self._suspects
            and result.get("isError") is not True
            and not self._judges_all
        ):
            return  # a success that resets nothing: nearly every call
        caller = self.state.of(principal.id)
        if reply.call.operation is JUDGE_AGAIN and not (caller.open_until or caller.probe):
            return  # as a probe it counts, or there would never be another
        store = self.state.shared
        if store is not None:
            own = self._own(principal)
            store.observe(own.demand, reply.call.id, succeeded=verdict(reply))
        elif self.rules.breaker.observe(caller, reply, self.state.monotonic()):
            tell_of_opening(self.state.notices, caller, principal)
        self.state.suspect(principal.id, caller)

    def bear(self, call: Call, refusal: Refusal) -> Refusal:
        """Return the refusal that is told and recorded: of who cannot be named, not every one is."""
        if refusal.reason in NAMELESS:
            return self.state.strangers.bear(call.peer, refusal)
        return refusal

    def describe(self, identified: Identified) -> dict[str, JSON]:
        """Return `limits` and `usage` of the caller, for `/v1/key` and `/v1/usage`, as this gate counted."""
        principal = identified.principal
        return describe(principal, self.rules, own_figures(principal, self.state))

    async def picture(self, identified: Identified) -> dict[str, JSON]:
        """As `describe`, of all that is counted together.

        Raises:
            Fault: LIMITS_UNAVAILABLE, the shared store cannot say.
        """
        store, principal = self.state.shared, identified.principal
        if store is None:
            return self.describe(identified)
        figures = await shared_figures(principal, self.rules, self.state, store)
        return describe(principal, self.rules, figures)

    def _own(self, principal: Principal) -> OwnPlan:
        """Return what applies to a caller's own affairs; prepared once, unless there are very many."""
        found = self.plans.get(principal.id)
        if found is None or (found.principal is not principal and found.principal != principal):
            if len(self.plans) >= PLANS_MAX:
                self.plans.clear()
            found = self.plans[principal.id] = prepare_own(self.rules, principal, self.state)
        return found

    def _admit_shared(
        self, plan: Plan, store: SharedStore, confirmed: Confirmed
    ) -> SharedAdmission:
        """What one gate alone can see, that a caller goes round in circles, it looks at itself."""
        validated = confirmed.validated
        call = validated.permitted.call
        if plan.is_watched:
            caller, at = plan.caller, self._monotonic()
            if caller.open_until:
                self.rules.breaker.check(caller, at, reaches_upstream=False)
                caller.open_until = 0.0
            self._watch(caller, validated, at)
        free = plan.purse is None or is_paid_for(validated)
        claim = Claim(
            id=call.id,
            demand=plan.demand,
            micros=0 if free else plan.price_of(validated),
            input_bytes=_input_bytes(plan, validated),
            counted=call.operation is not JUDGE_AGAIN,
        )
        currency, agreement = plan.demand.currency, confirmed.agreement
        granted = Admitted(validated, claim.micros, currency, agreement)
        return SharedAdmission(self.state, store, plan, claim, granted)

    def _prepare(self, permitted: Permitted) -> Plan:
        plan = prepare(self.rules, permitted.principal, permitted.target, self.state)
        permitted.standing.limits = plan
        return plan

    def _check_more(self, plan: Plan, caller: Caller, validated: Validated, at: float) -> None:
        """Ask what few calls are asked: is there a place, and does the caller go round in circles?"""
        for gauge, place in plan.places:
            if gauge.active >= place.most and not place.observed:
                raise _too_many_at_once(f"{place.text} ({place.key})")
        if plan.is_watched:
            self._watch(caller, validated, at)

    def _take_more(self, plan: Plan, caller: Caller, call: Call, micros: int) -> bool:
        """Take the places that few calls need; say whether this one is the breaker's probe."""
        for gauge, _ in plan.places:
            gauge.active += 1
        if plan.has_observed:
            note_overruns(self.state.notices, plan, micros)
        if not caller.open_until:
            return False
        self.rules.breaker.claim_probe(caller, call.id)
        return True

    def _put_aside(self, plan: Plan, purse: Purse, validated: Validated) -> Open | None:
        """Put the price aside; None: it is free.

        Raises:
            Denied: BUDGET_EXHAUSTED, and the call is not counted; or the price cannot be told.
            Fault: it could not be written down.
        """
        micros = plan.price_of(validated)
        if not micros:
            return None
        try:
            opened = purse.reserve(validated.permitted.call.id, micros, self.state.wall())
        except NoRoom as spent:
            size = _input_bytes(plan, validated)
            raise self._exhausted(plan, purse, spent.budget, micros, size) from None
        if purse.warnings:
            tell_of_budgets(self.state.notices, purse)
        return opened

    def _exhausted(
        self, plan: Plan, purse: Purse, budget: Budget, micros: int, input_bytes: int = 0
    ) -> Denied:
        """Take back that the call was counted, and return why it is refused."""
        if plan.meter is not None:
            plan.meter.take_back(input_bytes)
        return Denied(
            Reason.BUDGET_EXHAUSTED,
            f"{Money(micros, budget.currency)} more would exceed {budget.text}",
            resets_at=purse.resets_at(budget, self.state.wall()),
        )

    def _watch(self, caller: Caller, validated: Validated, at: float) -> None:
        """Look whether the caller goes round in circles, or through everything that there is.

        Raises:
            Denied: CIRCUIT_OPEN, it does.
        """
        permitted = validated.permitted
        if permitted.call.operation is not _CALL_TOOL or is_paid_for(validated):
            return
        breaker, principal, target = self.rules.breaker, permitted.principal, permitted.target.key
        why = ""
        if breaker.uses(caller, target, at):
            why = f"more than {breaker.tools.count if breaker.tools else 0} different tools"
        elif breaker.identical is not None or breaker.records is not None:
            # Not a digest: whoever finds two calls with one hash has only herself to blame.
            same = hash((target, validated.encoded or encode(validated.arguments)))
            if breaker.reads(caller, same, at):
                why = (
                    f"more than {breaker.records.count if breaker.records else 0} different records"
                )
            elif breaker.identical is not None and self.state.loops.take(
                ((f"{principal.id} {same}", breaker.identical),), at
            ):
                why = f"the same call of {target} again and again"
        if why:
            breaker.open(caller, at, why)
            self.state.suspect(principal.id, caller)
            tell_of_opening(self.state.notices, caller, principal)
            raise breaker.refusal(caller, caller.cooldown_seconds)


def rate_limited(demand: Demand, wait: float) -> Denied:
    used = "; ".join(one.key for one in demand.rates if not one.observed)
    if wait == math.inf:
        return Denied(
            Reason.RATE_LIMITED,
            f"larger than what one of these rates admits at once: {used}",
            shown="the input is larger than all that is admitted at once",
        )
    return Denied(
        Reason.RATE_LIMITED, f"one of these rates is used up: {used}", retry_after_seconds=wait
    )


def _too_many_at_once(text: str) -> Denied:
    return Denied(
        Reason.RATE_LIMITED,
        f"there are as many calls under way as may be: {text}",
        retry_after_seconds=CONCURRENCY_RETRY_SECONDS,
    )


def _input_bytes(plan: Plan, validated: Validated) -> int:
    """Return the size of the arguments, where anybody counts it."""
    return len(validated.encoded or encode(validated.arguments)) if plan.counts_input else 0
