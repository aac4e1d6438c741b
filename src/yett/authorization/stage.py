"""May they? Cedar's policies decide; deny by default, forbid before permit, and any error is a no.

A decision that depends on nothing but who asks and what for is made once and then looked up. Only
where a matching policy looks at the arguments, the time or another circumstance is Cedar asked
again. The whole is one snapshot of one policy set: a changed set is another Authorizer.

What is listed is what can be called. A tool whose policies look at arguments is listed when some
arguments may be permitted, as far as Cedar's partial evaluation can tell; a call of it that is
refused then is `argument_denied`, and a call of one that is not listed is `not_permitted`, which
looks to the caller as if there were no such tool.
"""

from collections.abc import Mapping, Sequence
from typing import Final, final

import msgspec

from yett.authorization.alarms import Alarms
from yett.authorization.approval import ApprovalDesk
from yett.authorization.config import ToolMarks
from yett.authorization.encoding import Occasion
from yett.authorization.explanation import Explanation
from yett.authorization.index import Index
from yett.authorization.judgement import Judgement, Settled, judge
from yett.authorization.labels import Labels
from yett.authorization.marking import Marking
from yett.authorization.policies import Policy, mentioned
from yett.authorization.port import Caller, Decision, Matter, PolicyEngine, Question, ResourceType
from yett.authorization.rows import RowPolicies, tools_with_rows
from yett.authorization.shadowing import Shadow
from yett.core.call import Call
from yett.core.clock import Clock
from yett.core.errors import Denied, Fault, Refusal
from yett.core.identity import Principal
from yett.core.operations import Kind
from yett.core.predicate import RowRule
from yett.core.proofs import (
    Armed,
    Cleaned,
    Confirmed,
    Inventory,
    Permitted,
    PermittedList,
    Resolved,
    Validated,
)
from yett.core.reasons import Reason
from yett.core.standing import Standing
from yett.core.target import Access, Target

JUDGEMENTS_MAX: Final = 65_536
CALLERS_MAX: Final = 16_384
LISTS_MAX: Final = 1_024
STANDINGS_MAX: Final = 16_384

_TYPES: Final[dict[Kind, ResourceType]] = {
    Kind.TOOL: "Tool",
    Kind.RESOURCE: "Resource",
    Kind.RESOURCE_TEMPLATE: "Resource",
    Kind.PROMPT: "Prompt",
}
_ERROR_CHARS_MAX: Final = 500


@final
class _Like(msgspec.Struct, frozen=True):
    """What is known about all callers whom policies cannot tell apart.

    by_policies: where no condition looks at the resource, the matching policies decide alike. rules: by
    `server/tool`.
    """

    caller: Caller
    by_target: dict[tuple[str, Kind, Access], Judgement]
    by_policies: dict[tuple[str, ...], Judgement]
    rules: dict[str, RowRule]


@final
class _Profile(msgspec.Struct, frozen=True, eq=False):
    """A principal and what is known about its like."""

    principal: Principal
    like: _Like


@final
class Authorizer:
    """roles: those of the configuration. version: digest of the whole policy set, in hex. labels: one for
    the life of the process. marks: by `server/tool`, or by server for all that it offers; afterwards, whether
    there are any."""

    def __init__(  # noqa: PLR0913 - each is another part of what decides
        self,
        policies: Sequence[Policy],
        *,
        roles: frozenset[str],
        engine: PolicyEngine,
        version: str,
        clock: Clock,
        labels: Labels,
        marks: Mapping[str, ToolMarks],
        approvals: ApprovalDesk | None = None,
        alarms: Alarms,
    ) -> None:
        self.version = version
        self.shadow: Shadow | None = None
        self.policies = tuple(policies)
        self._index = Index(policies)
        self._engine = engine
        self._clock = clock
        self._approvals = approvals
        self._alarms = alarms
        self.marks = bool(marks)
        self._marking = Marking(marks, labels)
        self._rows = RowPolicies(policies, tools_with_rows(marks))
        self._roles = roles | mentioned(policies, "Role")
        self._named_keys = mentioned(policies, "Key")
        self._profiles: dict[str, _Profile] = {}
        self._likes: dict[Caller, _Like] = {}
        self._standings: dict[tuple[str, str], Standing] = {}  # by caller and `server/name`
        self._judged_count = 0  # judgements and rules of rows that are kept, of all callers
        self._lists: dict[
            tuple[Caller, str, str | None], tuple[tuple[Target, ...], tuple[Target, ...]]
        ] = {}

    def permit(self, resolved: Resolved) -> Permitted:
        """Let the call pass.

        Raises:
            Denied: NOT_PERMITTED, ARGUMENT_DENIED, or TOOL_QUARANTINED for who would be permitted.
        """
        principal, target = resolved.principal, resolved.target
        standing = self._standings.get((principal.id, target.key))
        if standing is not None and standing.principal is principal and standing.target is target:
            policies = standing.policies
            if policies is not None:
                return Permitted(resolved.call, principal, target, policies, self.version, standing)
        if self.shadow is not None:
            self.shadow.look(self, resolved)
        return self._permit(resolved.call, principal, target)

    def waive(self, validated: Validated) -> Confirmed | None:
        """Let a call pass that needs no person's consent, as nearly all; None: see `confirm`."""
        permitted = validated.permitted
        if permitted.ask is None and (permitted.call.talk is None or not self.marks):
            return Confirmed(validated)
        return None

    async def confirm(self, validated: Validated) -> Confirmed:
        """Let a call pass that needs no person's consent, or has it.

        Raises:
            Denied: APPROVAL_REQUIRED, APPROVAL_DENIED.
            Fault: the store of approvals did not answer.
        """
        permitted = validated.permitted
        if permitted.call.talk is not None:
            self._marking.label(permitted)  # the server may say something before it answers
        ask = permitted.ask
        if ask is None or _is_follow_up(validated):
            return Confirmed(validated)
        if self._approvals is None:
            raise Denied(Reason.APPROVAL_REQUIRED, "nobody can be asked", shown=ask.shown or None)
        return Confirmed(validated, await self._approvals.settle(validated, ask))

    async def use(self, armed: Armed) -> None:
        """Use up the yes that a call needs, just before it is sent.

        Raises:
            Denied: APPROVAL_REQUIRED, it is good no more.
            Fault: the store of approvals did not answer.
        """
        agreement = armed.admitted.agreement
        if agreement is None or self._approvals is None:
            raise Denied(Reason.APPROVAL_REQUIRED, "nobody agreed")
        await self._approvals.use(agreement, armed.admitted.validated.permitted.call.id)

    def remember(self, cleaned: Cleaned) -> None:
        """Take note of what the caller is about to see, before it does; without `marks` there is nothing to note."""
        self._marking.remember(cleaned)

    def permit_list(self, inventory: Inventory) -> PermittedList:
        """Keep the targets that the caller may call with some arguments. Never refuses."""
        call, targets = inventory.call, inventory.targets
        profile = self._meet(inventory.principal)
        scope = (profile.like.caller, call.operation.method, call.server)
        kept = self._lists.get(scope)
        if kept is not None and kept[0] is targets:
            visible = kept[1]
        else:
            visible, timeless = self._select(profile.principal, call, targets)
            if timeless:
                if len(self._lists) >= LISTS_MAX:
                    self._lists.clear()
                self._lists[scope] = (targets, visible)
        return PermittedList(call, inventory.principal, visible, self.version)

    def explain(self, call: Call, principal: Principal, target: Target) -> Explanation:
        """Decide like `permit`, and say why instead of raising."""
        occasion = self._occasion(call, principal)
        decision = self._judge(principal, target).decide(occasion)
        refusal: Refusal | None = None
        if not decision.allowed:
            refusal = self._denial(occasion, target, decision)
        elif target.quarantined or target.unreachable:
            refusal = _unusable(target)
        rows = self._rule(principal, target)
        return Explanation(decision.policies, refusal, self._ignored(principal), decision.ask, rows)

    def _permit(self, call: Call, principal: Principal, target: Target) -> Permitted:
        """Decide; what the policies say of every such call is kept."""
        judgement = self._judge(principal, target)
        granted = judgement.granted
        if granted is None:
            decision = self._decide(judgement, self._occasion(call, principal), target)
        else:
            decision = Decision(allowed=True, policies=granted)
        if target.quarantined or target.unreachable:
            raise _unusable(target)
        rows, policies = self._rule(principal, target), decision.policies
        if rows is not None:
            policies = tuple(dict.fromkeys((*policies, *rows.policies)))
        standing = self._stand(principal, target)
        if rows is None and self.shadow is None:  # which looks at each call
            standing.policies = granted
        version, ask = self.version, decision.ask
        return Permitted(call, principal, target, policies, version, standing, ask, rows)

    def _decide(self, judgement: Judgement, occasion: Occasion, target: Target) -> Decision:
        """Return why the call is permitted."""
        decision = judgement.decide(occasion)
        if decision.errors:
            self._alarms.report(decision, occasion.principal, target)
        if not decision.allowed:
            raise self._denial(occasion, target, decision)
        return decision

    def _rule(self, principal: Principal, target: Target) -> RowRule | None:
        """Return which rows of its answers the caller may see; None: this is no question of rows."""
        if target.kind is not Kind.TOOL or not self._rows.concern(target.key):
            return None
        like = self._meet(principal).like
        rule = like.rules.get(target.key)
        if rule is None:
            if self._judged_count >= JUDGEMENTS_MAX:
                self._forget()
                like = self._meet(principal).like
            self._judged_count += 1
            rule = self._rows.rule(like.caller, self._matter(target))
            like.rules[target.key] = rule
        return rule

    def _stand(self, principal: Principal, target: Target) -> Standing:
        """Return what is kept about the two; of what is no tool nothing is, since callers make up names of resources."""
        key = principal.id, target.key
        standing = self._standings.get(key)
        if standing is not None and standing.principal is principal and standing.target is target:
            return standing
        fresh = Standing(principal, target)
        if target.kind is Kind.TOOL:
            if len(self._standings) >= STANDINGS_MAX:
                self._standings.clear()
            self._standings[key] = fresh
        return fresh

    def _select(
        self, principal: Principal, call: Call, targets: tuple[Target, ...]
    ) -> tuple[tuple[Target, ...], bool]:
        """Return the visible targets, and whether they are the same at any time and from anywhere."""
        occasion = self._occasion(call, principal)
        visible: list[Target] = []
        timeless = True
        for target in targets:
            judgement = self._judge(principal, target)
            timeless = timeless and judgement.timeless
            if not target.quarantined and judgement.foresee(occasion):
                visible.append(target)
        return tuple(visible), timeless

    def _judge(self, principal: Principal, target: Target) -> Judgement:
        profile = self._profiles.get(principal.id)
        if profile is None or profile.principal is not principal:
            profile = self._meet(principal)
        key = (target.key, target.kind, target.access)
        judgement = profile.like.by_target.get(key)
        if judgement is None:
            if self._judged_count >= JUDGEMENTS_MAX:
                self._forget()
                profile = self._meet(principal)
            self._judged_count += 1
            judgement = self._judge_first(profile.like, target)
            profile.like.by_target[key] = judgement
        return judgement

    def _judge_first(self, like: _Like, target: Target) -> Judgement:
        caller = like.caller
        if not caller.roles:  # empty means no, also to a policy that permits everybody
            return Settled(Decision(allowed=False))
        matter = self._matter(target)
        action = target.access if target.kind is Kind.TOOL else "read"
        policies = self._index.match(caller, action, matter)
        alike = (action, *(policy.id for policy in policies))
        judgement = like.by_policies.get(alike)
        if judgement is None:
            judgement = judge(Question(policies, caller, action, matter), self._engine)
            if not any(policy.reads.resource for policy in policies):
                like.by_policies[alike] = judgement
        return judgement

    def _matter(self, target: Target) -> Matter:
        mark = self._marking.of(target)
        return Matter(
            _TYPES[target.kind], target.server, target.name, target.access, mark.labels, mark.egress
        )

    def _meet(self, principal: Principal) -> _Profile:
        profile = self._profiles.get(principal.id)
        if profile is not None and profile.principal == principal:
            if profile.principal is not principal:  # read again from the store, and found unchanged
                profile = _Profile(principal, profile.like)
                self._profiles[principal.id] = profile
            return profile
        caller = Caller(
            id=principal.id if self._named_keys & {principal.id, ""} else "",
            roles=tuple(sorted(self._roles.intersection(principal.roles))),
            tenant=principal.tenant,
            environment=principal.environment,
        )
        if len(self._profiles) >= CALLERS_MAX:
            self._forget()
        like = self._likes.get(caller)
        if like is None:
            like = self._likes[caller] = _Like(caller, {}, {}, {})
        profile = self._profiles[principal.id] = _Profile(principal, like)
        return profile

    def _forget(self) -> None:
        self._profiles.clear()
        self._likes.clear()
        self._lists.clear()
        self._standings.clear()
        self._judged_count = 0

    def _occasion(self, call: Call, principal: Principal) -> Occasion:
        return Occasion(call, principal, self._clock.wall(), self._marking.labels)

    def _denial(self, occasion: Occasion, target: Target, decision: Decision) -> Denied:
        principal = occasion.principal
        what = f"`{principal.name}` may not {target.access} `{target.key}`"
        if ignored := self._ignored(principal):
            what += f" (unknown roles, ignored: {', '.join(ignored)})"
        verdict = (decision.failing or decision.policies, self.version)
        if decision.errors:
            errors = "; ".join(decision.errors)[:_ERROR_CHARS_MAX]
            why = f"{what}: cannot be judged: {errors}"
            return Denied(Reason.NOT_PERMITTED, why, verdict=verdict)
        if decision.policies:
            why = f"forbidden by {', '.join(f'`{policy}`' for policy in decision.policies)}"
        else:
            why = "no policy permits it"
        judgement = self._judge(principal, target)
        if judgement.reads_arguments and judgement.foresee(occasion):
            texts = [
                judgement.shown[policy] for policy in decision.policies if policy in judgement.shown
            ]
            return Denied(
                Reason.ARGUMENT_DENIED,
                f"{what} with these arguments: {why}",
                shown="; ".join(texts) or None,
                verdict=verdict,
            )
        return Denied(Reason.NOT_PERMITTED, f"{what}: {why}", verdict=verdict)

    def _ignored(self, principal: Principal) -> tuple[str, ...]:
        return tuple(role for role in principal.roles if role not in self._roles)


def _is_follow_up(validated: Validated) -> bool:
    """What is asked about a task that was begun: whether it may begin was asked then, and its id says to
    whom it belongs."""
    task = validated.permitted.call.task
    return task is not None and bool(task.id)


def _unusable(target: Target) -> Refusal:
    """Said only after permission: to others, what cannot be used is what does not exist."""
    if target.unreachable:
        return Fault(Reason.UPSTREAM_UNREACHABLE, target.unreachable)
    return Denied(
        Reason.TOOL_QUARANTINED,
        f"`{target.key}` differs from what was approved (`{target.digest}`)",
    )
