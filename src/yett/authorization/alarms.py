"""Says that a policy could not be evaluated, to whoever looks after it; not as often as somebody can make it happen."""

from collections.abc import Callable
from typing import Final, final

from yett.authorization.port import Decision
from yett.core.clock import Clock
from yett.core.identity import Principal
from yett.core.target import JSON, Target

EVERY_SECONDS: Final = 60.0
POLICIES_MAX: Final = 1_024
AT_ONCE_MAX: Final = 5
"""Policies that one call raises an alarm about; those behind them have their turn when these are mended."""
_WHY_CHARS_MAX: Final = 200

RecordEvent = Callable[[dict[str, JSON]], None]


@final
class Alarms:
    """Of one policy set."""

    __slots__ = ("_clock", "_record_event", "_said")

    def __init__(self, record_event: RecordEvent, clock: Clock) -> None:
        self._record_event = record_event
        self._clock = clock
        self._said: dict[str, float] = {}  # by policy, monotonic seconds

    def report(self, decision: Decision, principal: Principal, target: Target) -> None:
        """Record `policy.error`, once a minute at most for each policy.

        Raises:
            Fault: it cannot be recorded.
        """
        now = self._clock.monotonic()
        for policy in decision.failing[:AT_ONCE_MAX] or ("",):
            if now - self._said.get(policy, float("-inf")) < EVERY_SECONDS:
                continue
            self._said.pop(policy, None)
            if len(self._said) >= POLICIES_MAX:
                del self._said[next(iter(self._said))]
            self._said[policy] = now
            self._record_event(
                {
                    "event": "policy.error",
                    "alert": "high",
                    "actor": "gate",
                    "policy": policy,
                    "tool": target.key,
                    "caller": principal.id,
                    "why": "; ".join(decision.errors)[:_WHY_CHARS_MAX],
                }
            )
