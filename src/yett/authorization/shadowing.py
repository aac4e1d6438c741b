"""What a policy would have done on live traffic, without doing it.

A second policy set is asked about each call beside the one that decides. Nothing follows from its
answer but a count, and nothing that goes wrong with it touches the call.
"""

from collections.abc import Callable
from typing import Final, Protocol, final

import msgspec

from yett.authorization.explanation import Explanation
from yett.core.call import Call
from yett.core.identity import Principal
from yett.core.proofs import Resolved
from yett.core.target import JSON, Target

DIFFERENCES_MAX: Final = 200
"""Kinds of difference that are told apart between two reports; further ones are one kind."""
_POLICIES_MAX: Final = 20
REPORT_SECONDS: Final = 5.0


class Explainer(Protocol):
    """What a shadow needs of a policy set (an `Authorizer`)."""

    def explain(self, call: Call, principal: Principal, target: Target, /) -> Explanation: ...


@final
class _Difference(msgspec.Struct):
    """count: of calls. example: id of the record of the last one."""

    count: int
    example: str


@final
class Shadow:
    """One for each file that is tried. other: the policies in force and the tried ones together. monotonic:
    the clock's."""

    def __init__(self, other: Explainer, monotonic: Callable[[], float]) -> None:
        self._other = other
        self._monotonic = monotonic
        self._due = monotonic() + REPORT_SECONDS
        self._differences: dict[tuple[str, ...], _Difference] = {}
        self._failed = 0

    def look(self, decides: Explainer, resolved: Resolved) -> None:
        """Ask both about one call, and take note of a difference. Never raises."""
        call, principal, target = resolved.call, resolved.principal, resolved.target
        try:
            before = decides.explain(call, principal, target)
            after = self._other.explain(call, principal, target)
        except Exception:  # noqa: BLE001 - a trial must not touch the call that it looks at
            self._failed += 1
            return
        was, would = before.outcome, after.outcome
        if was == would:
            return
        policies = after.policies[:_POLICIES_MAX]
        key = (principal.id, principal.name, target.key, was, would, *policies)
        if key not in self._differences and len(self._differences) >= DIFFERENCES_MAX:
            key = ("", "", "", was, would)
        known = self._differences.setdefault(key, _Difference(0, ""))
        known.count += 1
        known.example = call.id

    def report(self, record: Callable[[dict[str, JSON]], None], *, last: bool = False) -> None:
        """Record an event for each kind of difference, when it is time. last: now, whatever the time.

        Raises:
            Fault: it cannot be recorded; what was not recorded yet is kept for the next time.
        """
        if self._monotonic() < self._due and not last:
            return
        self._due = self._monotonic() + REPORT_SECONDS
        while self._differences:
            key = next(iter(self._differences))
            difference = self._differences[key]
            caller, name, tool, was, would, *policies = key
            record(
                {
                    "event": "policy.shadow",
                    "actor": "gate",
                    "caller": caller,
                    "name": name,
                    "tool": tool,
                    "was": was,
                    "would": would,
                    "policies": policies,
                    "count": difference.count,
                    "example": difference.example,
                }
            )
            del self._differences[key]
        if self._failed:
            record({"event": "policy.shadow_failed", "actor": "gate", "count": self._failed})
            self._failed = 0
