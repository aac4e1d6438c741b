"""Finds policies that make no difference, because another one without conditions says as much or overrides them. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final, final

from yett.authorization.compile import ROLE_PREFIX
from yett.authorization.conditions import Uid
from yett.authorization.policies import ANY, RESOURCE_TYPES, Policy, is_understood

_Head = tuple[str, str, Uid, Uid]
"""Effect, action, principal, resource."""


@final
class Covers:
    """Of one policy set. policies: in its order."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._wide: dict[_Head, Policy] = {}
        for policy in policies:
            if _covers(policy) and policy.principal is not None and policy.resource is not None:
                for action in policy.actions:
                    head = (policy.effect, action, policy.principal, policy.resource)
                    self._wide.setdefault(head, policy)

    def of(self, policy: Policy) -> str:
        """Return why the policy makes no difference; empty if it does, as far as can be told."""
        if overriding := self._by(policy, "forbid"):
            if policy.effect == "permit":
                return f"never permits anything: `{overriding.id}` forbids all of it"
            return f"makes no difference: `{overriding.id}` already forbids all of it"
        covering = self._by(policy, "permit") if policy.effect == "permit" else None
        if covering and not (_compiled(policy) and _compiled(covering)):  # told of the role itself
            return f"makes no difference: `{covering.id}` already permits all of it"
        return ""

    def _by(self, policy: Policy, effect: str) -> Policy | None:
        """Return one that covers each action of the policy; None if there is none."""
        if policy.principal is None or policy.resource is None or not policy.actions:
            return None
        found: Policy | None = None
        for action in policy.actions:
            if action == "write" and policy.resource[0] in _NEVER_WRITTEN:
                continue
            found = self._wider(policy, effect, action)
            if found is None:
                return None
        return found

    def _wider(self, policy: Policy, effect: str, action: str) -> Policy | None:
        for principal in _principals(policy.principal or ANY):
            for resource in _resources(policy.resource or ANY, action):
                other = self._wide.get((effect, action, principal, resource))
                if other is not None and other is not policy:
                    return other
        return None


_NEVER_WRITTEN: Final = frozenset(
    name for kind in RESOURCE_TYPES if kind != "Tool" for name in (kind, f"is {kind}")
)


def _compiled(policy: Policy) -> bool:
    return policy.id.startswith(ROLE_PREFIX)


def _covers(policy: Policy) -> bool:
    """Say whether it applies to all that its head says, and to nobody's consent."""
    return is_understood(policy.form) and not policy.conditional and policy.demand is None


def _principals(principal: Uid) -> Iterator[Uid]:
    yield principal
    if principal != ANY:
        yield ANY


def _resources(resource: Uid, action: str) -> Iterator[Uid]:
    """Return all places that hold what an action can be about here, this one first."""
    yield resource
    if action == "write":  # of tools alone
        yield ("is Tool", "")
        if resource[0] == "Server":
            yield ("is Tool", resource[1])
    if resource == ANY:
        return
    kind, name = resource
    server = name.partition("/")[0]
    if kind in RESOURCE_TYPES:
        yield from ((f"is {kind}", server), ("Server", server), (f"is {kind}", ""))
    elif kind.startswith("is ") and name:
        yield from (("Server", name), (kind, ""))
    yield ANY
