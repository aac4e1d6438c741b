"""What another policy set would have decided on calls that were recorded. Pure.

Both sets are asked the same question, made from the record: so what differs is the sets' doing and
not that of a key that has got other roles since. A record does not hold everything. Where a set looks
at what is not in it, the answer is marked as unsure.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Literal, final

import msgspec

from yett.authorization.policies import ANY, Policy
from yett.authorization.stage import Authorizer
from yett.core.call import Call
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.reasons import Reason
from yett.core.target import JSON, SEPARATOR, Target

Change = Literal["allowed", "denied", "asked"]
"""What would newly be so."""

_KINDS: Final = {
    "tools/call": Kind.TOOL,
    "resources/read": Kind.RESOURCE,
    "prompts/get": Kind.PROMPT,
}
_BY_POLICY: Final = frozenset(
    {
        Reason.NOT_PERMITTED,
        Reason.ARGUMENT_DENIED,
        Reason.APPROVAL_REQUIRED,
        Reason.APPROVAL_DENIED,
    }
)
_NOT_RECORDED: Final = frozenset({"session", "carries", "approval", "key_age"})
"""Members of the context that no record holds as they were."""
_REDACTED: Final = "[redacted:"


@final
class Difference(msgspec.Struct, frozen=True):
    """One recorded call on which the two sets differ. sure: False if a set looks at something that the
    record does not hold."""

    id: str
    at: str
    caller: str
    tool: str
    change: Change
    before: str
    after: str
    policies: tuple[str, ...]
    sure: bool


@final
class Moment:
    """A clock that stands where a test or a record says."""

    def __init__(self, now: float) -> None:
        self.now = now

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@final
class Replayer:
    """before, after: the two sets; both with `moment` as their clock. principals: today's keys by id."""

    def __init__(
        self,
        before: Authorizer,
        after: Authorizer,
        moment: Moment,
        principals: Mapping[str, Principal],
    ) -> None:
        self._before = before
        self._after = after
        self._moment = moment
        self._principals = principals
        self.judged = 0
        self.skipped = 0

    def compare(self, entry: dict[str, JSON]) -> Difference | None:
        """Return what would have been different about one record; None: nothing, or it is not about a
        policy."""
        if not _is_decided_by_policy(entry):
            return None
        caller = entry.get("caller") or {}
        principal = self._principals.get(str(caller.get("id")))
        if principal is None or not entry.get("server"):
            self.skipped += 1
            return None
        self.judged += 1
        call, target = _question(entry)
        self._moment.now = call.received_at
        then = self._before.explain(call, principal, target)
        now = self._after.explain(call, principal, target)
        before, after = then.outcome, now.outcome
        if before == after:
            return None
        return Difference(
            id=str(entry["id"]),
            at=str(entry["at"]),
            caller=principal.name,
            tool=target.key,
            change=_change(after),
            before=before,
            after=after,
            policies=now.policies or then.policies,
            sure=not self._is_unsure(target, entry),
        )

    def _is_unsure(self, target: Target, entry: dict[str, JSON]) -> bool:
        policies = (*self._before.policies, *self._after.policies)
        looked_at = frozenset[str]().union(
            *(policy.reads.context for policy in policies if _may_concern(policy, target))
        )
        if looked_at & _NOT_RECORDED:
            return True
        given = entry.get("input")
        return "arguments" in looked_at and (given is None or _REDACTED in str(given))


def used_grants(
    entries: Iterable[dict[str, JSON]],
) -> dict[str, int]:
    """Return `SERVER.TOOL:access` → how often, of what was permitted. Resources and prompts are granted
    by server."""
    grants: dict[str, int] = {}
    for entry in entries:
        # A refusal names the policies that forbade it.
        if not entry.get("policies") or entry.get("reason") in _BY_POLICY:
            continue
        if entry.get("method") not in _KINDS:
            continue
        is_tool = entry["method"] == "tools/call"
        what = f"{entry['tool']}:{entry['access']}" if is_tool else "*:read"
        grant = f"{entry['server']}.{what}"
        grants[grant] = grants.get(grant, 0) + 1
    return grants


def _may_concern(policy: Policy, target: Target) -> bool:
    """Tell whether the head of a policy leaves it open that this target is meant."""
    kind = {Kind.TOOL: "Tool", Kind.PROMPT: "Prompt"}.get(target.kind, "Resource")
    return policy.resource in (
        ANY,
        (kind, target.key),
        ("Server", target.server),
        (f"is {kind}", target.server),
        (f"is {kind}", ""),
    )


def _change(after: str) -> Change:
    if after == "permitted":
        return "allowed"
    return "asked" if after == Reason.APPROVAL_REQUIRED else "denied"


def _is_decided_by_policy(entry: dict[str, JSON]) -> bool:
    if entry.get("method") not in _KINDS or entry.get("kind") not in {"call", "refusal"}:
        return False
    return bool(entry.get("policies")) or entry.get("reason") in _BY_POLICY


def _question(entry: dict[str, JSON]) -> tuple[Call, Target]:
    at = datetime.fromisoformat(str(entry["at"])).timestamp()
    server, name, method = str(entry["server"]), str(entry["tool"]), str(entry["method"])
    given = entry.get("input")
    call = Call(
        id=str(entry["id"]),
        operation=OPERATIONS[method],
        server=server,
        name=name,
        arguments=given if isinstance(given, dict) else {},
        credential=None,
        peer=str(entry.get("peer") or ""),
        door="rest" if entry.get("door") == "rest" else "mcp",
        protocol=str(entry.get("protocol") or ""),
        received_at=at,
        started=at,
    )
    target = Target(
        kind=_KINDS[method],
        server=server,
        name=name,
        public_name=f"{server}{SEPARATOR}{name}",
        access="read" if entry.get("access") == "read" else "write",
        digest=str(entry.get("definition") or ""),
    )
    return call, target
