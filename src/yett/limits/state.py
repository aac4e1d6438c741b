"""What limits remember from call to call. It outlives the configuration that reads it."""

from typing import Final, final

from yett.core.clock import Clock
from yett.limits.breaker import Caller
from yett.limits.demand import PlaceDemand
from yett.limits.notices import Notices
from yett.limits.port import Counter, Ledger, SharedStore
from yett.limits.steady import SteadyWall
from yett.limits.strangers import Strangers

IDLE_CALLERS_MAX: Final = 10_000


@final
class Gauge:
    """Calls under way at one place."""

    __slots__ = ("active",)

    def __init__(self) -> None:
        self.active = 0


@final
class LimitsState:
    """Made once per process; each new configuration goes on with it.

    callers: by principal id. suspects: ids of those of whom a success has something to reset. strangers:
    those without one. loops: counts calls that are the same. notices: what is to be told. wall: the time by
    which budgets begin anew. shared: set if other gates count together with this one.
    """

    __slots__ = (
        "_gauges", "_sweep_at", "callers", "counter", "ledger", "loops", "monotonic", "notices", "shared", "strangers",
        "suspects", "wall",
    )  # fmt: skip

    def __init__(
        self,
        counter: Counter,
        ledger: Ledger,
        clock: Clock,
        strangers: Strangers,
        *,
        loops: Counter,
        shared: SharedStore | None = None,
    ) -> None:
        self.counter = counter
        self.ledger = ledger
        self.strangers = strangers
        self.loops = loops
        self.shared = shared
        self.notices = Notices(clock)
        self.monotonic = clock.monotonic
        self.wall = SteadyWall(clock)
        self.callers: dict[str, Caller] = {}
        self.suspects: set[str] = set()
        self._gauges: dict[str, Gauge] = {}
        self._sweep_at = IDLE_CALLERS_MAX

    def remember(self, principal_id: str) -> Caller:
        """Begin to remember a caller that is not in `callers`."""
        if len(self.callers) >= self._sweep_at:
            at = self.monotonic()
            for name in [name for name, caller in self.callers.items() if caller.is_idle(at)]:
                self.callers.pop(name).is_forgotten = True
                self.suspects.discard(name)
            self._sweep_at = len(self.callers) + IDLE_CALLERS_MAX
        caller = self.callers[principal_id] = Caller()
        return caller

    def of(self, principal_id: str) -> Caller:
        """Return what is remembered of a caller, from now on at the latest."""
        return self.callers.get(principal_id) or self.remember(principal_id)

    def suspect(self, principal_id: str, caller: Caller) -> None:
        """Keep in mind whether a success has something to reset, after something was held against the caller."""
        if caller.failures or caller.open_until or caller.probe:
            self.suspects.add(principal_id)
        else:
            self.suspects.discard(principal_id)

    def unblock(self, principal_id: str) -> bool:
        """Shut a caller's breaker; say whether there was anything to shut."""
        if self.shared is not None:
            self.shared.unblock(principal_id)
        caller = self.callers.get(principal_id)
        if caller is None:
            return False
        caller.shut()
        return True

    def watch_the_clock(self) -> None:
        """Look at the clock of the wall, and tell if it is ahead of what can be, so that budgets do not follow it."""
        self.wall()
        if self.wall.is_held and self.shared is None:
            self.notices.tell_at_times(
                {"event": "clock.ahead", "alert": "high", "actor": "gate", "of": "budgets"}, ""
            )

    def gauge(self, place: PlaceDemand) -> Gauge:
        """Return where the calls at a place are counted. Operators name the places, so there is an end."""
        found = self._gauges.get(place.key)
        if found is None:
            found = self._gauges[place.key] = Gauge()
        return found

    def close(self) -> None:
        self.counter.close()
        self.ledger.close()
        if self.shared is not None:
            self.shared.close()
