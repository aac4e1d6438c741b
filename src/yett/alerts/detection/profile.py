"""What is known of one caller: what is usual for it, and what it has used. A few kilobytes at most."""

from array import array
from bisect import bisect_left
from functools import lru_cache
from hashlib import blake2b
from typing import Final, final

import msgspec

from yett.alerts.detection.calendar import HOURS, SLOTS, Moment
from yett.alerts.detection.rhythm import Rhythm, Usual
from yett.alerts.detection.window import Window

TOOLS_MAX: Final = 1_024
NETWORKS_MAX: Final = 64
_FORGETTING: Final = 0.98
_NEAR_HOURS: Final = 3
_DAYS_KEPT: Final = 60
_RUN_SECONDS_MAX: Final = 3600.0
_VERSION: Final = 1


@final
class Counted:
    """One thing that is counted per hour: what is usual, the hour of the clock, and the last hour."""

    __slots__ = ("_bar", "_count", "_moment", "rhythm", "window")

    def __init__(self, rhythm: Rhythm | None = None) -> None:
        self.rhythm = rhythm or Rhythm()
        self.window = Window()
        self._moment: Moment | None = None
        self._count = 0.0
        self._bar: tuple[int, float, Usual] | None = None

    def add(self, moment: Moment, now: float, count: float) -> None:
        """now: monotonic seconds."""
        if self._moment is None or moment.hour != self._moment.hour:
            self.close_hour()
            self._moment = moment
        self._count += count
        self.window.add(now, count)

    def close_hour(self) -> None:
        """Learn from the hour that is over."""
        if self._moment is not None and self._count:
            self.rhythm.learn(self._moment.slot, self._moment.hour, self._count)
        self._moment, self._count = None, 0.0

    def forget_hour(self) -> None:
        """Learn nothing from the hour that is under way, nor judge by it: a clock was set."""
        self._moment, self._count = None, 0.0
        self.window = Window()

    def excess(
        self, moment: Moment, now: float, *, least: float, least_unknown: float
    ) -> tuple[float, Usual] | None:
        """Return how much there was in the last hour and what is usual, if that is too much."""
        total = self.window.total(now)
        if total < least:
            return None
        if self._bar is None or self._bar[0] != moment.hour:
            usual = self.rhythm.usual(moment.slot)
            self._bar = (moment.hour, usual.bar(least=least, least_unknown=least_unknown), usual)
        return (total, self._bar[2]) if total >= self._bar[1] else None


@final
class Profile:
    """first_at: when the key was first seen, wall clock. run: refusals in a row. most_run: that it had.
    denied: refusals in the last hour. most_denied: that it had. today: day (monotonic), longest
    run, most refusals in an hour. network: the last; left: the one before,
    and when (monotonic). young: networks first seen in the last day, with the time."""

    __slots__ = (
        "calls",
        "changed",
        "denied",
        "first_at",
        "left",
        "most_denied",
        "most_run",
        "network",
        "networks",
        "outside",
        "outside_now",
        "run",
        "run_at",
        "spend",
        "tenant",
        "today",
        "tools",
        "young",
    )  # fmt: skip

    def __init__(self, tenant: str, first_at: float) -> None:
        self.tenant = tenant
        self.first_at = first_at
        self.calls = Counted()
        self.spend: dict[str, Counted] = {}
        self.tools = array("Q")
        self.networks = array("Q")
        self.young: dict[int, float] = {}
        self.network = ""
        self.left: tuple[str, float] = ("", 0.0)
        self.outside = array("B", bytes(SLOTS))
        self.outside_now: tuple[int, set[int]] = (0, set())
        self.run = 0
        self.run_at = 0.0
        self.most_run = 0.0
        self.denied: Window | None = None
        self.today = (0, 0.0, 0.0)
        self.most_denied = 0.0
        self.changed = True

    def use(self, tool: int) -> bool:
        """Remember a tool (its mark); return whether it is new. Who uses very many has no new ones."""
        return _insert(self.tools, tool, TOOLS_MAX)

    def come_from(self, network: int, now: float) -> bool:
        """Remember a network (its mark); return whether it is new."""
        is_new = _insert(self.networks, network, NETWORKS_MAX)
        if is_new:
            self.young = {one: at for one, at in self.young.items() if now - at < 86_400.0}  # noqa: PLR2004 - a day
            if len(self.young) < NETWORKS_MAX:
                self.young[network] = now
        return is_new

    def money(self, currency: str) -> Counted:
        return self.spend.setdefault(currency, Counted())

    def work_outside(self, moment: Moment) -> int:
        """Note a use outside business hours; return on how many days before there was one within hours of
        this time."""
        day, slots = self.outside_now
        if day != moment.hour // HOURS:
            for slot in slots:
                self.outside[slot] += 1
            if any(count > _DAYS_KEPT for count in self.outside):
                self.outside = array("B", (count // 2 for count in self.outside))
            self.outside_now = day, slots = moment.hour // HOURS, set()
            self.changed = True
        slots.add(moment.slot)
        sort, hour = divmod(moment.slot, HOURS)
        near = range(hour - _NEAR_HOURS, hour + _NEAR_HOURS + 1)
        return max(self.outside[sort * HOURS + other % HOURS] for other in near)

    def counted(self) -> list[Counted]:
        return [self.calls, *self.spend.values()]

    def refuse(self, now: float, refused: int, in_a_row: int) -> None:
        """Count refusals. in_a_row: of these, at the end; nothing was allowed since."""
        self._learn_of_yesterday(now)
        if now - self.run_at > _RUN_SECONDS_MAX:
            self.end_run()
        self.run += in_a_row
        self.run_at = now
        self.denied = self.denied or Window()
        self.denied.add(now, refused)
        _, run, hour = self.today
        self.today = (self.today[0], run, max(hour, self.denied.total(now)))

    def end_run(self) -> None:
        day, run, hour = self.today
        self.today = (day, max(run, float(self.run)), hour)
        self.run = 0

    def _learn_of_yesterday(self, now: float) -> None:
        """What happens today is not yet usual, or one could get used to an attack while it goes on. What is
        usual is forgotten slowly."""
        day = int(now // 86_400.0)
        was, run, hour = self.today
        if day != was:
            self.most_run = max(self.most_run * _FORGETTING, run)
            self.most_denied = max(self.most_denied * _FORGETTING, hour)
            self.today = (day, 0.0, 0.0)

    def packed(self) -> bytes:
        return msgspec.msgpack.encode(
            [
                _VERSION, self.tenant, self.first_at, self.most_run, self.most_denied, self.tools.tobytes(),
                self.networks.tobytes(), self.outside.tobytes(), self.calls.rhythm.packed(),
                {currency: counted.rhythm.packed() for currency, counted in self.spend.items()},
            ]
        )  # fmt: skip

    @classmethod
    def unpacked(cls, data: bytes) -> "Profile | None":
        """Return what was packed; None: another version wrote it, and what is usual is learned anew."""
        try:
            (
                version,
                tenant,
                first_at,
                most_run,
                most_denied,
                tools,
                networks,
                outside,
                calls,
                spend,
            ) = msgspec.convert(
                msgspec.msgpack.decode(data),
                tuple[
                    int,
                    str,
                    float,
                    float,
                    float,
                    bytes,
                    bytes,
                    bytes,
                    list[object],
                    dict[str, list[object]],
                ],
                strict=False,
            )
            if version != _VERSION:
                return None
            found = cls(tenant, first_at)
            found.most_run, found.most_denied = most_run, most_denied
            found.tools.frombytes(tools)
            found.networks.frombytes(networks)
            found.outside = array("B", outside.ljust(SLOTS, b"\0")[:SLOTS])
            found.calls = Counted(Rhythm.unpacked(calls))
            found.spend = {name: Counted(Rhythm.unpacked(one)) for name, one in spend.items()}
        except (ValueError, msgspec.ValidationError, msgspec.DecodeError):
            return None
        found.changed = False
        return found


@lru_cache(maxsize=16_384)
def mark(text: str) -> int:
    """Return a number for a name, the same in every process; two names with the same one are not met."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


def _insert(marks: "array[int]", new: int, most: int) -> bool:
    place = bisect_left(marks, new)
    if (place < len(marks) and marks[place] == new) or len(marks) >= most:
        return False
    marks.insert(place, new)
    return True
