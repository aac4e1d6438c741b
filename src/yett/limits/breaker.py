"""The caller's own breaker: many failures in a row close the gate to one caller for a while.

Each caller has its own, so one caller's failures never cost another anything (threat D10).
"""

from typing import Final, final

import msgspec

from yett.core.call import Reply
from yett.core.errors import Denied
from yett.core.operations import Road
from yett.core.reasons import Reason
from yett.limits.state import Caller

PROBE_RETRY_SECONDS: Final = 1.0

# The gate's own lack of room says nothing about what the caller sends.
_NO_VERDICT: Final = frozenset(
    {
        Reason.RATE_LIMITED,
        Reason.CIRCUIT_OPEN,
        Reason.BUDGET_EXHAUSTED,
        Reason.AUDIT_UNAVAILABLE,
    }
)


@final
class Breaker(msgspec.Struct, frozen=True):
    """failures_max: in a row, open it. All times are monotonic seconds."""

    failures_max: int = 50
    cooldown_seconds: float = 30.0

    def check(self, caller: Caller, at: float, *, reaches_upstream: bool) -> None:
        """Call when `caller.open_until` is set.

        Raises:
            Denied: the breaker is open, or its one probe is under way.
        """
        wait = caller.open_until - at
        if wait <= 0:
            if not (reaches_upstream and caller.probing):
                return
            wait = PROBE_RETRY_SECONDS
        raise Denied(
            Reason.CIRCUIT_OPEN,
            f"{caller.failures} failures in a row opened the caller's breaker",
            retry_after_seconds=wait,
        )

    def claim_probe(self, caller: Caller, call_id: str) -> None:
        caller.probing = True
        caller.probe = call_id

    def end_probe(self, caller: Caller, at: float) -> None:
        """The probe came back. Until `observe` hears how it went, it counts as failed: a caller who
        hangs up leaves no reply to hear of."""
        caller.probing = False
        caller.open_until = at + self.cooldown_seconds

    def observe(self, caller: Caller, reply: Reply, at: float) -> None:
        succeeded = verdict(reply)
        if not caller.open_until:
            self._count(caller, succeeded, at)
        elif caller.probe == reply.call.id:
            caller.probe = None
            caller.open_until = at  # half open, unless there is a verdict
            if succeeded:
                caller.failures = 0
                caller.open_until = 0.0
            elif succeeded is False:
                self._open(caller, at)
        elif succeeded is False and reply.call.started >= caller.open_until:
            # Refused before it reached the place where a probe is let through.
            self._open(caller, at)

    def _count(self, caller: Caller, succeeded: bool | None, at: float) -> None:  # noqa: FBT001 - one of three
        if succeeded:
            caller.failures = 0
        elif succeeded is False:
            caller.failures += 1
            if caller.failures >= self.failures_max:
                self._open(caller, at)

    def _open(self, caller: Caller, at: float) -> None:
        caller.open_until = at + self.cooldown_seconds


def verdict(reply: Reply) -> bool | None:
    """Say whether a reply is a success (True), a failure (False), or says nothing (None).

    Pings and listings that go well say nothing: woven between failing calls they would keep the
    breaker shut for ever.
    """
    if reply.refusal is not None:
        return None if reply.refusal.reason in _NO_VERDICT else False
    if reply.error is not None or (reply.result and reply.result.get("isError") is True):
        return False
    return True if reply.call.operation.road is Road.CALL else None
