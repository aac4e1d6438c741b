"""What limits remember from call to call. It outlives the configuration that reads it."""

from typing import Final, final

from yett.core.clock import Clock
from yett.limits.port import Counter, Ledger
from yett.limits.strangers import Strangers

IDLE_CALLERS_MAX: Final = 10_000


@final
class Caller:
    """One principal. active: calls under way.

    The breaker's part: failures in a row. open_until: 0 while it is shut, else when its cooldown
    ends. probing: its one probe is under way. probe: the id of the probe's call, until it is judged.
    """

    __slots__ = ("active", "failures", "open_until", "probe", "probing")

    def __init__(self) -> None:
        self.active = 0
        self.failures = 0
        self.open_until = 0.0
        self.probing = False
        self.probe: str | None = None

    @property
    def is_idle(self) -> bool:
        """Nothing would be lost by forgetting it."""
        return not (self.active or self.failures or self.open_until)


@final
class LimitsState:
    """callers: by principal id. strangers: those without one. Made once per process; each new
    configuration goes on with it."""

    __slots__ = (
        "_sweep_at",
        "callers",
        "clock",
        "counter",
        "ledger",
        "monotonic",
        "strangers",
        "wall",
    )

    def __init__(
        self, counter: Counter, ledger: Ledger, clock: Clock, strangers: Strangers
    ) -> None:
        self.counter = counter
        self.ledger = ledger
        self.clock = clock
        self.strangers = strangers
        self.monotonic = clock.monotonic
        self.wall = clock.wall
        self.callers: dict[str, Caller] = {}
        self._sweep_at = IDLE_CALLERS_MAX

    def remember(self, principal_id: str) -> Caller:
        """Begin to remember a caller that is not in `callers`."""
        if len(self.callers) >= self._sweep_at:
            for name in [name for name, caller in self.callers.items() if caller.is_idle]:
                del self.callers[name]
            self._sweep_at = len(self.callers) + IDLE_CALLERS_MAX
        caller = self.callers[principal_id] = Caller()
        return caller

    def close(self) -> None:
        self.counter.close()
        self.ledger.close()
