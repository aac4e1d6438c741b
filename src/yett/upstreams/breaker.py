"""The breakers of one upstream: after failures in a row, calls end at once instead of waiting.

Each tenant has its own: what one asks for may be what a server fails at, and that must not end the
calls of another (promise 7).
"""

from types import TracebackType
from typing import Final, final

from yett.core.clock import Clock
from yett.core.errors import Fault
from yett.core.reasons import Reason

_COUNTED: Final = frozenset(
    {Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_TIMEOUT, Reason.UPSTREAM_INVALID}
)


@final
class Breaker:
    """Wraps each call: `with breaker: …`. After the cooldown one call at a time may try again.

    Only what the upstream caused counts. A fault of ours, a bug and a caller who hung up say
    nothing about it, so they neither count nor heal.
    """

    __slots__ = (
        "_clock",
        "_cooldown_seconds",
        "_failures",
        "_failures_max",
        "_opened_at",
        "_probing",
    )

    def __init__(self, *, failures: int, cooldown_seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._cooldown_seconds = cooldown_seconds
        self._failures_max = failures
        self._failures = 0
        self._opened_at = 0.0
        self._probing = False

    def __enter__(self) -> None:
        """Raises:
        Fault: UPSTREAM_UNREACHABLE, not sent; says when to come back.
        """
        if self._failures < self._failures_max:
            return
        remaining = self._opened_at + self._cooldown_seconds - self._clock.monotonic()
        if remaining > 0.0 or self._probing:
            raise Fault(
                Reason.UPSTREAM_UNREACHABLE,
                f"the breaker is open after {self._failures} failures in a row",
                retry_after_seconds=max(remaining, 1.0),
            )
        self._probing = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._probing = False
        if error is None:
            self._failures = 0
        elif isinstance(error, Fault) and error.reason in _COUNTED:
            self._failures += 1
            if self._failures >= self._failures_max:
                self._opened_at = self._clock.monotonic()

    @property
    def is_open(self) -> bool:
        """Tell, for metrics and `/readyz`, whether calls are being turned away."""
        return self._failures >= self._failures_max


@final
class Breakers:
    """One for each tenant that calls; tenants are made by the operator, so there is no end of them to fear."""

    __slots__ = ("_clock", "_cooldown_seconds", "_failures_max", "_of")

    def __init__(self, *, failures: int, cooldown_seconds: float, clock: Clock) -> None:
        self._failures_max = failures
        self._cooldown_seconds = cooldown_seconds
        self._clock = clock
        self._of: dict[str, Breaker] = {}

    def of(self, tenant: str) -> Breaker:
        breaker = self._of.get(tenant)
        if breaker is None:
            breaker = self._of[tenant] = Breaker(
                failures=self._failures_max,
                cooldown_seconds=self._cooldown_seconds,
                clock=self._clock,
            )
        return breaker
