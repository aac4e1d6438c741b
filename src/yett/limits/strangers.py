"""How often somebody without a good credential may fail and have a record of it.

A record of each failure would let anybody fill the disk for nothing, and guess as fast as the gate
can answer (CWE-307, CWE-779). So each address has a budget of failures, and all of them
together have one. Beyond it failures are counted, and the counts are recorded once a minute. Who has a
good credential never comes here: nobody is locked out by the failures of another.
"""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, final

import msgspec

from yett.core.clock import Clock, iso_time
from yett.core.errors import Denied, Refusal
from yett.core.quantities import Rate
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.limits.port import Counter

OF_ONE: Final = Rate(20, 60.0)
OF_ALL: Final = Rate(600, 60.0)
REPORT_SECONDS: Final = 60.0
ADDRESSES_KEPT: Final = 4_096
_COUNTED_MAX: Final = 1_000
_SHOWN_MAX: Final = 10
_OTHERS: Final = "others"
_EVERYBODY: Final = "everybody"
_NETWORK_BITS: Final = 64  # whoever has one address of IPv6 has all of these

NAMELESS: Final = frozenset(
    {
        Reason.UNAUTHENTICATED,
        Reason.FORBIDDEN_ORIGIN,
        Reason.UNKNOWN_PATH,
        Reason.PAYLOAD_TOO_LARGE,
    }
)
"""Reasons that need no credential to be given."""


@final
class Failure(msgspec.Struct, frozen=True):
    """What becomes of one. retry_after_seconds: 0 within the budget. counted: without a record."""

    retry_after_seconds: float
    counted: bool


_WITHIN: Final = Failure(0.0, counted=False)


@final
class Strangers:
    """Of one listener (`data` or `admin`). Belongs to the loop. counter: in this process, so that
    it cannot fail, and its own, so that nobody's rates are forgotten for it."""

    __slots__ = ("_clock", "_counted", "_counter", "_due", "_listener", "_since")

    def __init__(self, counter: Counter, clock: Clock, *, listener: str) -> None:
        self._clock = clock
        self._listener = listener
        self._counter = counter
        self._counted: dict[str, int] = {}
        self._since = 0.0
        self._due = 0.0

    def fail(self, peer: str) -> Failure:
        """Count one failure of an address. The first one beyond the budget is to be recorded still."""
        network = _network(peer)
        keys = ((_EVERYBODY, OF_ALL), (network, OF_ONE))
        wait = self._counter.take(keys, self._clock.monotonic())
        if not wait:
            return _WITHIN
        counts = self._counted
        if not counts:
            self._begin()
        if network not in counts and len(counts) >= _COUNTED_MAX:
            network = _OTHERS
        before = counts.get(network)
        counts[network] = 0 if before is None else before + 1
        return Failure(wait, counted=before is not None)

    def bear(self, peer: str, refusal: Refusal) -> Refusal:
        """Return the refusal that a stranger is given. Credentials beyond the budget are not told to be
        bad but to come later; what else is refused is told as ever."""
        failure = self.fail(peer)
        if not failure.retry_after_seconds:
            return refusal
        private = f"{refusal.private}; the address has used up its failures"
        if refusal.reason is not Reason.UNAUTHENTICATED:
            return Denied(refusal.reason, private, counted=failure.counted)
        return Denied(
            Reason.RATE_LIMITED,
            private,
            shown="too many failures from this address",
            retry_after_seconds=failure.retry_after_seconds,
            counted=failure.counted,
        )

    def report(self, record: Callable[[dict[str, JSON]], None], *, last: bool = False) -> None:
        """Record what was only counted, when a minute is over. last: now, whatever the time.

        Raises:
            Fault: it cannot be recorded; it is kept for the next time.
        """
        counts = self._counted
        if not counts or (self._clock.monotonic() < self._due and not last):
            return
        since = self._since
        self._begin()
        most = sorted(counts.items(), key=lambda item: -item[1])[:_SHOWN_MAX]
        if total := sum(counts.values()):
            record(
                {
                    "event": "strangers.refused",
                    "actor": "gate",
                    "listener": self._listener,
                    "refused": total,
                    "addresses": len(counts),
                    "most": dict(most),
                    "since": iso_time(since),
                }
            )
        counts.clear()

    def _begin(self) -> None:
        self._since = self._clock.wall()
        self._due = self._clock.monotonic() + REPORT_SECONDS


@lru_cache(maxsize=ADDRESSES_KEPT)
def _network(peer: str) -> str:
    """Return the address, or of IPv6 the network that one subscriber has."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if not isinstance(address, IPv6Address):
        return peer
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, _NETWORK_BITS), strict=False))
