"""Holds what policies read of arguments against what tools and prompts take. Pure but for Cedar's type checker.

Each policy is checked once for each tool that it can be about, with the types of that tool's own input
schema. What is wrong for every one of them is wrong with the policy.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Final, final

from yett.authorization.conditions import Uid, without_arguments
from yett.authorization.offers import Offer, write_schema
from yett.authorization.policies import ROW_ACTION, Policy
from yett.core.target import JSON

TYPED_MAX: Final = 50
"""Types are looked at for policies about this many tools at most, so that a check takes seconds."""
_NAMED_MAX: Final = 12
_IMPOSSIBLE: Final = "context.there_is_no_such_thing"
"""Cedar's type checker does not look behind what is always false, so it finds no fault with this then."""

_UNASKED: Final = "unable to guarantee safety of access to optional attribute"
"""Of an argument that is used without `has`, which the type checker does not like; see review.py."""

FindFaults = Callable[[Sequence[str], str], list[tuple[int, str]]]
"""Policies and a schema in, (position, message) out."""
WriteText = Callable[[dict[str, JSON]], str]


@final
class Fitting:
    """offers: of the whole catalogue. fixed: the schema without arguments."""

    def __init__(
        self,
        policies: Iterable[Policy],
        offers: Sequence[Offer],
        *,
        fixed: str,
        find_faults: FindFaults,
        write_text: WriteText,
    ) -> None:
        self._fixed = fixed
        self._find_faults = find_faults
        self._write_text = write_text
        self.offers: dict[str, list[Offer]] = defaultdict(list)
        self._faults: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        self._impossible: dict[str, list[bool]] = defaultdict(list)
        of_calls = [policy for policy in policies if ROW_ACTION not in policy.actions]
        readers = [policy for policy in of_calls if policy.reads.reads_arguments]
        self._never = self._find_never([policy for policy in of_calls if policy.conditional])
        by_place: dict[Uid, list[Policy]] = defaultdict(list)
        for policy in readers:
            if policy.resource is not None:
                by_place[policy.resource].append(policy)
        about = [
            [
                policy
                for place in offer.places()
                for policy in by_place.get(place, ())
                if offer.matches(policy)
            ]
            for offer in offers
        ]
        for offer, matching in zip(offers, about, strict=True):
            for policy in matching:
                self.offers[policy.id].append(offer)
        for offer, matching in zip(offers, about, strict=True):
            narrow = [each for each in matching if len(self.offers[each.id]) <= TYPED_MAX]
            if narrow and not offer.shape.open:
                self._hold(offer, narrow)

    def _find_never(self, policies: Sequence[Policy]) -> frozenset[str]:
        """Return the ids of those whose condition is false whatever a tool takes."""
        hopeless = [
            _with_impossible(self._write_text(without_arguments(policy.form)))
            for policy in policies
        ]
        possible = {position for position, _ in self._find_faults(hopeless, self._fixed)}
        return frozenset(
            policy.id for position, policy in enumerate(policies) if position not in possible
        )

    def _hold(self, offer: Offer, policies: Sequence[Policy]) -> None:
        schema = write_schema(self._fixed, offer)
        known = frozenset(name for name, each in offer.shape.members.items() if each.type)
        forms = [_of_kind(without_arguments(policy.form, known), offer) for policy in policies]
        texts = [self._write_text(form) for form in forms]
        hopeless = [_with_impossible(text) for text in texts]
        faults: dict[int, set[str]] = defaultdict(set)
        for position, message in self._find_faults([*texts, *hopeless], schema):
            if _UNASKED not in message:
                faults[position].add(message.replace(f"for policy `policy{position}`, ", ""))
        for position, policy in enumerate(policies):
            self._faults[policy.id].append(tuple(sorted(faults[position])))
            self._impossible[policy.id].append(not faults[len(texts) + position])

    def doubts(self, policy: Policy) -> Iterator[str]:
        """Return what is wrong with the conditions, for each tool that the policy can be about."""
        if policy.id in self._never:
            yield "never applies to a call: its condition is always false"
            return
        offers = self.offers.get(policy.id, [])
        names = policy.reads.arguments
        if not offers or names is None or any(offer.shape.open for offer in offers):
            return
        strange = sorted(
            name for name in names if not any(name in offer.shape.members for offer in offers)
        )
        for name in strange:
            yield _unknown(name, offers)
        if strange:
            return
        faults = self._faults[policy.id]
        if faults and all(faults):
            yield f"does not fit what {_whose(offers)} takes: {faults[0][0]}"
        elif faults and all(self._impossible[policy.id]):
            yield f"never applies to a call: for {_whose(offers)} its condition is always false"

    def requires(self, policy: Policy, name: str) -> bool:
        """Say whether every call that the policy can be about has this argument, or is refused anyway."""
        offers = self.offers.get(policy.id, [])
        return bool(offers) and all(
            name in offer.shape.members and offer.shape.members[name].required for offer in offers
        )


def _of_kind(form: dict[str, JSON], offer: Offer) -> dict[str, JSON]:
    """Return the policy for tools alone, or for prompts alone."""
    if form["resource"] != {"op": "All"}:
        return form
    return form | {"resource": {"op": "is", "entity_type": offer.kind}}


def _with_impossible(text: str) -> str:
    """Return the policy with one more condition, a wrong one, behind the others."""
    return f"{text.rstrip().removesuffix(';')} when {{ {_IMPOSSIBLE} }};"


def _unknown(name: str, offers: Sequence[Offer]) -> str:
    known = sorted({each for offer in offers for each in offer.shape.members})
    message = f"reads `context.arguments.{name}`, which {_whose(offers)} does not have"
    close = get_close_matches(name, known, 1)
    if close:
        message += f"; did you mean `{close[0]}`?"
    if len(known) <= _NAMED_MAX:
        names = ", ".join(f"`{each}`" for each in known) or "none"
        message += f" (its arguments: {names})"
    return message


def _whose(offers: Sequence[Offer]) -> str:
    if len(offers) == 1:
        return f"`{offers[0].key}`"
    return f"any of the {len(offers)} tools and prompts that it can be about"
