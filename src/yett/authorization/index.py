"""Finds the policies whose head matches, at a cost that does not grow with their number.

Each policy lies in one bucket per action, named by the only principal and the only resource its
head can match. A request visits the few buckets its own entities name. This is a plain twin of
Cedar's matching of heads, held equal to Cedar by tests/yett/authorization/test_twin.py.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import final

from yett.authorization.conditions import Uid
from yett.authorization.policies import ANY, Policy
from yett.authorization.port import Caller, Decision, Matter


@final
class Index:
    """Of one policy set, in its order."""

    __slots__ = ("_buckets", "_policies")

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._policies = tuple(policies)
        buckets: dict[tuple[str, Uid, Uid], list[int]] = defaultdict(list)
        for position, policy in enumerate(self._policies):
            if policy.principal is None or policy.resource is None:
                continue
            for action in policy.actions:
                buckets[action, policy.principal, policy.resource].append(position)
        self._buckets = dict(buckets)

    def match(self, caller: Caller, action: str, matter: Matter) -> tuple[Policy, ...]:
        """Return every policy whose head matches, in the order of the set."""
        principals = (
            ANY,
            ("Key", caller.id),
            ("Tenant", caller.tenant),
            *(("Role", role) for role in caller.roles),
        )
        resources = (
            ANY,
            (matter.type, matter.id),
            ("Server", matter.server),
            (f"is {matter.type}", ""),
            (f"is {matter.type}", matter.server),
        )
        found: list[int] = []
        for principal in principals:
            for resource in resources:
                found += self._buckets.get((action, principal, resource), ())
        found.sort()
        return tuple(self._policies[position] for position in found)


def decide_plainly(policies: Sequence[Policy]) -> Decision:
    """Decide between matching policies none of which has a condition: forbid wins, no permit is a no."""
    forbidding = tuple(policy.id for policy in policies if policy.effect == "forbid")
    if forbidding:
        return Decision(allowed=False, policies=forbidding)
    permitting = tuple(policy.id for policy in policies)
    return Decision(allowed=bool(permitting), policies=permitting)
