"""Whether policies permit, deny, or want a person to agree first.

A `forbid` with `@approval` denies nothing by itself: what it matches needs a yes, if everything else
permits it. A `permit` with `@approval` permits what a person agrees to. So the policies are weighed
twice at most: all of them, and without those that only ask. A policy that cannot be evaluated denies,
one that asks as well as any other.

Policies may also read `context.approval`: whether people have agreed to exactly this call, and how many.
They are asked what they say of a call that nobody has agreed to, and, if that is a no, of one that some have:
the smallest number that makes it a yes is how many have to.
"""

from collections.abc import Mapping, Sequence
from typing import final

import msgspec

from yett.authorization.demands import PEOPLE_MAX, Demand, ask_of
from yett.authorization.index import decide_plainly
from yett.authorization.policies import Policy
from yett.authorization.port import Case, Decision, PolicyEngine, Question
from yett.core.target import JSON


def prepare(question: Question, engine: PolicyEngine) -> Case:
    """Prepare a question some of whose policies may ask."""
    case = _prepare_asking(question, engine)
    if any("approval" in policy.reads.context for policy in question.policies):
        return ConsentCase(question.policies, case)
    return case


def _prepare_asking(question: Question, engine: PolicyEngine) -> Case:
    case = engine.prepare(question)
    if not any(policy.demand for policy in question.policies):
        return case
    rest = _without_asking_forbids(question.policies)
    if len(rest) == len(question.policies):
        return AskingCase(question.policies, case, case)
    without = engine.prepare(msgspec.structs.replace(question, policies=rest))
    return AskingCase(question.policies, case, without)


def decide_unconditionally(policies: Sequence[Policy]) -> Decision:
    """Decide between matching policies none of which has a condition."""
    if not any(policy.demand for policy in policies):
        return decide_plainly(policies)
    whole, without = _Plain(policies), _Plain(_without_asking_forbids(policies))
    return AskingCase(policies, whole, without).decide({})


def _without_asking_forbids(policies: Sequence[Policy]) -> tuple[Policy, ...]:
    return tuple(policy for policy in policies if policy.effect == "permit" or not policy.demand)


@final
class AskingCase:
    """whole: all policies. without: the same without the forbids that only ask."""

    __slots__ = ("_asking", "_order", "_whole", "_without")

    def __init__(self, policies: Sequence[Policy], whole: Case, without: Case) -> None:
        self._asking = {policy.id: policy for policy in policies if policy.demand}
        self._order = {policy.id: place for place, policy in enumerate(policies)}
        self._whole = whole
        self._without = without

    def decide(self, context: Mapping[str, JSON], /) -> Decision:
        decision = self._whole.decide(context)
        asking: tuple[str, ...] = ()
        if not decision.allowed:
            # Those that hold are all named, so one that does not only ask is seen here.
            asking = decision.policies
            if decision.errors or not asking or not self._asking.keys() >= set(asking):
                return decision
            decision = self._without.decide(context)
            if not decision.allowed:
                return decision
        if self._asking.keys() >= set(decision.policies):  # nothing permits it but who asks as well
            asking += decision.policies
        if not asking:
            return decision
        return self._asked(decision, asking)

    def foresee(self, context: Mapping[str, JSON], /) -> bool:
        """What a person may agree to can be called, so it is listed."""
        return self._without.foresee(context)

    def _asked(self, decision: Decision, asking: tuple[str, ...]) -> Decision:
        place = self._order.__getitem__
        involved = tuple(sorted({*decision.policies, *asking}, key=place))
        demands = [
            (policy.id, policy.demand, policy.shown)
            for policy in (self._asking[name] for name in sorted(asking, key=place))
            if policy.demand is not None
        ]
        return Decision(allowed=True, policies=involved, ask=ask_of(demands))


@final
class ConsentCase:
    """Policies read `context.approval`."""

    __slots__ = ("_case", "_shown")

    def __init__(self, policies: Sequence[Policy], case: Case) -> None:
        self._case = case
        self._shown = {policy.id: policy.shown for policy in policies}

    def decide(self, context: Mapping[str, JSON], /) -> Decision:
        before = self._case.decide(_with_people(context, 0))
        if before.allowed or before.errors:
            return before
        if not self._case.decide(_with_people(context, PEOPLE_MAX)).allowed:
            return before
        for people in range(1, PEOPLE_MAX + 1):
            after = self._case.decide(_with_people(context, people))
            if after.allowed:
                return self._asked(before, after, people)
        return before

    def foresee(self, context: Mapping[str, JSON], /) -> bool:
        return any(self._case.foresee(_with_people(context, people)) for people in (0, PEOPLE_MAX))

    def _asked(self, before: Decision, after: Decision, people: int) -> Decision:
        asking = before.policies or after.policies
        demands = [(policy, Demand(people), self._shown[policy]) for policy in asking]
        ask = ask_of(demands)
        if after.ask is not None:  # a policy with `@approval` asks as well
            ask = msgspec.structs.replace(
                after.ask,
                people=max(people, after.ask.people),
                own=False,
                policies=(*asking, *after.ask.policies),
            )
        involved = tuple(dict.fromkeys((*asking, *after.policies)))
        return Decision(allowed=True, policies=involved, ask=ask)


def _with_people(context: Mapping[str, JSON], people: int) -> dict[str, JSON]:
    return {**context, "approval": {"granted": people > 0, "people": people}}


@final
class _Plain:
    """Policies without conditions: the same whatever the context."""

    __slots__ = ("_decision",)

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._decision = decide_plainly(policies)

    def decide(self, _context: Mapping[str, JSON], /) -> Decision:
        return self._decision

    def foresee(self, _context: Mapping[str, JSON], /) -> bool:
        return self._decision.allowed
