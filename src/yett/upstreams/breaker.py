"""The breakers of one upstream: after failures in a row, calls end at once instead of waiting.

Each tenant has its own: what one asks for may be what a server fails at, and that must not end the
calls of another (promise 7). And each tool has its own: one that never answers ends no call of the
others. Only a server that cannot be reached is closed as a whole.
"""

from types import TracebackType
from typing import Final, final

from yett.core.clock import Clock
from yett.core.errors import Fault
from yett.core.reasons import Reason

_OF_SERVER: Final = frozenset({Reason.UPSTREAM_UNREACHABLE})
_OF_TOOL: Final = frozenset({Reason.UPSTREAM_TIMEOUT, Reason.UPSTREAM_INVALID})


@final
class Breaker:
    """Wraps each call: `with breaker: …`. After the cooldown one call at a time may try again. server: the
    breaker of the whole server, if this one is a tool's. failing: all of them that count a failure by now; while
    none does, all are closed, and there is nothing to ask or to tell any.

    Only what the upstream caused counts. A fault of ours, a bug and a caller who hung up say
    nothing about it, so they neither count nor heal.
    """

    __slots__ = (
        "_clock",
        "_cooldown_seconds",
        "_counted",
        "_failing",
        "_failures",
        "_failures_max",
        "_opened_at",
        "_probing",
        "_server",
    )

    def __init__(
        self,
        *,
        failures: int,
        cooldown_seconds: float,
        clock: Clock,
        failing: "set[Breaker]",
        server: "Breaker | None" = None,
    ) -> None:
        self._clock = clock
        self._failing = failing
        self._cooldown_seconds = cooldown_seconds
        self._failures_max = failures
        self._failures = 0
        self._opened_at = 0.0
        self._probing = False
        self._server = server
        # What is called without a tool of its own has only the server to blame.
        self._counted = _OF_SERVER | _OF_TOOL if server is None else _OF_TOOL

    def __enter__(self) -> None:
        """Raises:
        Fault: UPSTREAM_UNREACHABLE, not sent; says when to come back.
        """
        server = self._server
        is_open = self._failures >= self._failures_max
        if is_open:
            self._check()
        if server is not None and server._failures >= server._failures_max:  # noqa: SLF001 - of the same class
            server._check()  # noqa: SLF001 - of the same class
            server._probing = True  # noqa: SLF001 - of the same class
        self._probing = is_open

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.hear(error)

    def hear(self, error: BaseException | None) -> None:
        """Take how a call ended. None: with an answer, whatever that says."""
        self._count(error, self._counted)
        if self._server is not None:
            self._server._count(error, _OF_SERVER)  # noqa: SLF001 - of the same class

    def _check(self) -> None:
        """Look whether a call may try again; only one may at a time."""
        remaining = self._opened_at + self._cooldown_seconds - self._clock.monotonic()
        if remaining > 0.0 or self._probing:
            raise Fault(
                Reason.UPSTREAM_UNREACHABLE,
                f"the breaker is open after {self._failures} failures in a row",
                retry_after_seconds=max(remaining, 1.0),
            )

    def _count(self, error: BaseException | None, counted: frozenset[Reason]) -> None:
        self._probing = False
        if error is None:
            self._failures = 0
            self._failing.discard(self)
        elif isinstance(error, Fault) and error.reason in counted:
            self._failures += 1
            self._failing.add(self)
            if self._failures >= self._failures_max:
                self._opened_at = self._clock.monotonic()

    @property
    def is_open(self) -> bool:
        """Tell, for metrics and `/readyz`, whether calls are being turned away."""
        return self._failures >= self._failures_max


@final
class Breakers:
    """One for each tenant that calls and each tool that it calls; operators make both, so there is no end of
    them to fear. failing: see `Breaker`."""

    __slots__ = ("_clock", "_cooldown_seconds", "_failures_max", "_of", "failing")

    def __init__(self, *, failures: int, cooldown_seconds: float, clock: Clock) -> None:
        self._failures_max = failures
        self._cooldown_seconds = cooldown_seconds
        self._clock = clock
        self._of: dict[tuple[str, str], Breaker] = {}
        self.failing: set[Breaker] = set()

    def of(self, tenant: str, tool: str = "") -> Breaker:
        """tool: empty for what is none, such as a resource: its name may be any."""
        breaker = self._of.get((tenant, tool))
        if breaker is None:
            breaker = self._of[tenant, tool] = Breaker(
                failures=self._failures_max,
                cooldown_seconds=self._cooldown_seconds,
                clock=self._clock,
                failing=self.failing,
                server=self.of(tenant) if tool else None,
            )
        return breaker
