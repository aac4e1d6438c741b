"""The caller's own breaker: one that fails and fails, or goes round in circles, is kept out for a while.

Each caller has its own, so one caller's failures never cost another anything. Each time it opens again soon
after, it stays open for twice as long.
"""

from collections import OrderedDict
from typing import Final, final

import msgspec

from yett.core.call import Reply
from yett.core.errors import Denied
from yett.core.operations import Road
from yett.core.quantities import Rate
from yett.core.reasons import Reason
from yett.limits.demand import BreakerDemand

PROBE_RETRY_SECONDS: Final = 1.0
DIFFERENT_MAX: Final = 10_000
"""Different tools, or records, that are remembered of one caller: about 1 MB."""
_DOUBLINGS_MAX: Final = 40

# The gate's own lack of room says nothing about what the caller sends.
_NO_VERDICT: Final = frozenset(
    {
        Reason.RATE_LIMITED,
        Reason.CIRCUIT_OPEN,
        Reason.BUDGET_EXHAUSTED,
        Reason.AUDIT_UNAVAILABLE,
        Reason.LIMITS_UNAVAILABLE,
    }
)


Window = OrderedDict[str | int, float]
"""What was used in a time, each with the end of it, oldest first. It never holds more than one beyond its limit."""


@final
class FailureRate(msgspec.Struct, frozen=True):
    """percent of the last `calls` that have a verdict; fewer calls than that say nothing yet."""

    percent: int
    calls: int


@final
class Caller:
    """One principal. active: calls under way. is_forgotten: another one stands for it from now on.

    The breaker's part: failures in a row. outcomes: the last verdicts as bits, a failure is 1; judged: how
    many. tools, records: the different ones it used, with the time until which each counts, oldest first.
    open_until: 0 while it is shut, else when its cooldown ends. why: it opened. cooldown_seconds: for how long.
    openings: how often it did before quiet_at, after which they are forgotten. probing: its one probe is under way.
    probe: the id of the probe's call, until it is judged.
    """

    __slots__ = (
        "active", "cooldown_seconds", "failures", "is_forgotten", "judged", "open_until", "openings",
        "outcomes", "probe", "probing", "quiet_at", "records", "tools", "why",
    )  # fmt: skip

    def __init__(self) -> None:
        self.active = 0
        self.is_forgotten = False
        self.failures = 0
        self.outcomes = 0
        self.judged = 0
        self.tools: Window | None = None
        self.records: Window | None = None
        self.open_until = 0.0
        self.cooldown_seconds = 0.0
        self.openings = 0
        self.quiet_at = 0.0
        self.why = ""
        self.probing = False
        self.probe: str | None = None

    def is_idle(self, at: float) -> bool:
        """Say whether nothing would be lost by forgetting it."""
        for window in (self.tools, self.records):
            if window and next(reversed(window.values())) > at:
                return False
        if self.openings and at < self.quiet_at:
            return False
        return not (self.active or self.failures or self.open_until or self.outcomes)

    def shut(self) -> None:
        """Let it call again, with nothing held against it."""
        self.failures = self.outcomes = self.judged = self.openings = 0
        self.open_until = 0.0
        self.tools = self.records = None
        self.probe = None


@final
class Breaker(msgspec.Struct, frozen=True):
    """failures_max: in a row, open it. identical: more of the same call than this. tools, records: more different
    ones than so many in the period. All times are monotonic seconds."""

    failures_max: int = 50
    cooldown_seconds: float = 30.0
    cooldown_max_seconds: float = 3_600.0
    failure_rate: FailureRate | None = None
    identical: Rate | None = None
    tools: Rate | None = None
    records: Rate | None = None

    def demand(self) -> BreakerDemand:
        return BreakerDemand(self.failures_max, self.cooldown_seconds, self.cooldown_max_seconds)

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
        raise self.refusal(caller, wait)

    def refusal(self, caller: Caller, wait: float) -> Denied:
        return Denied(
            Reason.CIRCUIT_OPEN,
            f"{caller.why} opened the caller's breaker",
            retry_after_seconds=wait,
        )

    def claim_probe(self, caller: Caller, call_id: str) -> None:
        caller.probing = True
        caller.probe = call_id

    def end_probe(self, caller: Caller, at: float) -> None:
        """The probe came back. Until `observe` hears how it went, it counts as failed: a caller who
        hangs up leaves no reply to hear of."""
        caller.probing = False
        if caller.open_until:  # nobody has shut it meanwhile
            caller.open_until = at + caller.cooldown_seconds

    def uses(self, caller: Caller, target: str, at: float) -> bool:
        """Note that the caller uses a tool; say whether these are too many different ones."""
        if self.tools is None:
            return False
        if caller.tools is None:
            caller.tools = OrderedDict()
        return _is_one_too_many(caller.tools, target, self.tools, at)

    def reads(self, caller: Caller, record: int, at: float) -> bool:
        """Note that the caller asks for a record; say whether these are too many different ones. record: a
        hash of the tool and its arguments; two that share one count as one."""
        if self.records is None:
            return False
        if caller.records is None:
            caller.records = OrderedDict()
        return _is_one_too_many(caller.records, record, self.records, at)

    def observe(self, caller: Caller, reply: Reply, at: float) -> bool:
        """Take note of how a call ended; say whether that opened the breaker."""
        succeeded = verdict(reply)
        if not caller.open_until:
            return succeeded is not None and self._count(caller, at, succeeded=succeeded)
        if caller.probe == reply.call.id:
            caller.probe = None
            caller.open_until = at  # half open, unless there is a verdict
            if succeeded:
                caller.failures = caller.outcomes = caller.judged = 0
                caller.open_until = 0.0
            elif succeeded is False:
                self.open(caller, at, f"{caller.failures} failures in a row, and a failed probe,")
                return True
        elif succeeded is False and reply.call.started >= caller.open_until:
            # Refused before it reached the place where a probe is let through.
            self.open(caller, at, f"{caller.failures} failures in a row, and another,")
            return True
        return False

    def open(self, caller: Caller, at: float, why: str) -> None:
        """Keep the caller out. The next time is longer, unless it was quiet for the longest of all."""
        if at > caller.quiet_at:
            caller.openings = 0
        seconds = self.cooldown_seconds * 2.0 ** min(caller.openings, _DOUBLINGS_MAX)
        caller.cooldown_seconds = min(seconds, self.cooldown_max_seconds)
        caller.openings += 1
        caller.open_until = at + caller.cooldown_seconds
        caller.quiet_at = caller.open_until + self.cooldown_max_seconds
        caller.why = why
        caller.tools = caller.records = None

    def _count(self, caller: Caller, at: float, *, succeeded: bool) -> bool:
        if succeeded:
            caller.failures = 0
        else:
            caller.failures += 1
        rate = self.failure_rate
        if rate is not None:
            caller.judged = min(caller.judged + 1, rate.calls)
            caller.outcomes = (caller.outcomes << 1 | (not succeeded)) & ((1 << rate.calls) - 1)
        if succeeded:
            return False
        if caller.failures >= self.failures_max:
            self.open(caller, at, f"{caller.failures} failures in a row")
            return True
        if rate is not None and caller.judged == rate.calls:
            failed = caller.outcomes.bit_count()
            if failed * 100 >= rate.percent * rate.calls:
                self.open(caller, at, f"{failed} failures in {rate.calls} calls")
                return True
        return False


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


def _is_one_too_many(window: Window, used: str | int, limit: Rate, at: float) -> bool:
    """Note a use; say whether these are more different ones than the limit allows in its period."""
    if used in window:
        window.move_to_end(used)
    window[used] = at + limit.period_seconds
    while next(iter(window.values())) <= at:
        window.popitem(last=False)
    return len(window) > limit.count
