"""Looks at what was decided, some seconds' worth at a time, beside the calls, and says what is unusual.

Used by one thread. What cannot be known yet is not guessed: a key without a history is judged by clear
minimums only, and after a clock was set nothing is judged by the time of the day for an hour.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, final

from yett.alerts.alert import Sighting
from yett.alerts.config import Hours
from yett.alerts.detection import checks
from yett.alerts.detection.calendar import Calendars, Moment
from yett.alerts.detection.health import Health
from yett.alerts.detection.intake import Batch, Row
from yett.alerts.detection.places import are_far, network_of
from yett.alerts.detection.profile import Profile, mark
from yett.alerts.detection.profiles import Profiles
from yett.alerts.detection.strangers import Failures
from yett.core.clock import Clock
from yett.core.reasons import Reason

JUMP_SECONDS: Final = 60.0
"""By so much may the two clocks differ between two looks."""
QUIET_AFTER_JUMP_SECONDS: Final = 3600.0
SETTLED_DAYS: Final = 7.0
"""So long a key is in use before something can be new for it."""
ROAMS: Final = 8
"""Who has come from so many networks comes from new ones: that is usual for it."""
_ROLLOUT_KEYS: Final = 2
_ROLLOUT_TOOLS_MAX: Final = 4_096
_IN_TURN_SECONDS: Final = 600.0
_DAY_SECONDS: Final = 86_400.0
_CLOCK_BLIND: Final = frozenset({"volume", "spend", "off-hours"})


@final
class Watch:
    """name_of: what people call a key, by its id. hours: by tenant, as configured."""

    def __init__(
        self,
        profiles: Profiles,
        clock: Clock,
        hours: dict[str, Hours],
        name_of: Callable[[str], str],
    ) -> None:
        self._profiles = profiles
        self._clock = clock
        self._name_of = name_of
        self._calendars = Calendars(hours)
        self._hours = hours
        self._health = Health()
        self._failures = Failures()
        self._skew = clock.wall() - clock.monotonic()
        self._blind_until = 0.0
        self._rollout: OrderedDict[int, list[tuple[str, float]]] = OrderedDict()

    def take_over(self, hours: dict[str, Hours]) -> None:
        if hours != self._hours:
            self._hours, self._calendars = hours, Calendars(hours)

    def look(self, batch: Batch) -> list[Sighting]:
        """Return what is unusual; the same thing is returned at each look for as long as it goes on.

        Raises:
            Fault: profiles could not be read.
        """
        wall, now = self._clock.wall(), self._clock.monotonic()
        self._mind_the_clock(wall, now)
        found = _lost() if batch.lost else []
        callers: dict[str, _Seen] = {}
        targets: dict[tuple[str, str], list[int]] = {}
        for row, count in batch.rows.items():
            if row[0] is None:
                found += self._stranger(row, count, now)
            else:
                _take(row, count, callers, targets)
        for (caller, tenant, currency), micros in batch.spent.items():
            callers.setdefault(caller, _Seen(tenant)).spend(currency, micros)
        for (server, tool), (calls, errors) in targets.items():
            self._health.count(server, tool, calls, errors, now)
        for caller, seen in callers.items():
            found += self._judge(caller, seen, batch.runs.get(caller), wall, now)
        failing = {target for target, (_, errors) in targets.items() if errors}
        found += self._health.judge(failing, now)
        self._health.learn(now)
        self._failures.learn(now)
        if now < self._blind_until:
            return [one for one in found if one.kind not in _CLOCK_BLIND]
        return found

    def save(self, *, everything: bool = False) -> None:
        """Write down what was learned.

        Raises:
            Fault: that cannot be done now.
        """
        self._profiles.save(self._clock.wall(), everything=everything)

    def _mind_the_clock(self, wall: float, now: float) -> None:
        skew = wall - now
        if abs(skew - self._skew) > JUMP_SECONDS:
            self._blind_until = now + QUIET_AFTER_JUMP_SECONDS
            for profile in self._profiles.present():
                for counted in profile.counted():
                    counted.forget_hour()
        self._skew = skew

    def _stranger(self, row: Row, count: int, now: float) -> list[Sighting]:
        peer, reason = row[4], row[6]
        return self._failures.count(peer, count, now) if reason == Reason.UNAUTHENTICATED else []

    def _judge(
        self, caller: str, seen: "_Seen", run: tuple[int, int, bool] | None, wall: float, now: float
    ) -> list[Sighting]:
        profile = self._profiles.get(caller, lambda: Profile(seen.tenant, wall))
        moment = self._calendars.moment(seen.tenant, wall)
        found = self._places(caller, profile, seen, wall, now)
        if run is not None:
            found += self._denials(caller, profile, run, now)
        if seen.calls:
            found += self._first_tools(caller, profile, seen, wall)
            if seen.tools:
                found += self._off_hours(caller, profile, seen, moment, wall)
            found += self._volume(caller, profile, seen, moment, now)
        return found

    def _off_hours(
        self, caller: str, profile: Profile, seen: "_Seen", moment: Moment, wall: float
    ) -> list[Sighting]:
        is_settled = wall - profile.first_at >= SETTLED_DAYS * _DAY_SECONDS
        if not moment.outside or (moment.edge and is_settled):
            return []
        unusual = checks.off_hours(caller, self._name_of(caller), profile, moment, list(seen.tools))
        return [unusual] if unusual else []

    def _volume(
        self, caller: str, profile: Profile, seen: "_Seen", moment: Moment, now: float
    ) -> list[Sighting]:
        found = []
        before = profile.calls.rhythm.hour
        profile.calls.add(moment, now, seen.calls)
        excess = profile.calls.excess(
            moment, now, least=checks.CALLS_LEAST, least_unknown=checks.CALLS_LEAST_UNKNOWN
        )
        too_many = excess is not None
        if excess is not None:
            found.append(checks.volume(caller, self._name_of(caller), profile, excess))
        for currency, micros in seen.spent.items():
            counted = profile.money(currency)
            counted.add(moment, now, micros)
            excess = counted.excess(
                moment, now, least=checks.MICROS_LEAST, least_unknown=checks.MICROS_LEAST_UNKNOWN
            )
            if excess is not None and not too_many:  # or it would be the same story twice
                name = self._name_of(caller)
                found.append(checks.spend(caller, name, profile, currency, excess))
        if profile.calls.rhythm.hour != before:
            profile.changed = True
        return found

    def _denials(
        self, caller: str, profile: Profile, run: tuple[int, int, bool], now: float
    ) -> list[Sighting]:
        refused, in_a_row, goes_on = run
        if not in_a_row or not goes_on:
            profile.end_run()
        if not refused:
            return []
        profile.refuse(now, refused, in_a_row)
        profile.changed = True
        seen = checks.denials(caller, self._name_of(caller), profile, now)
        return [seen] if seen else []

    def _first_tools(
        self, caller: str, profile: Profile, seen: "_Seen", wall: float
    ) -> list[Sighting]:
        found = []
        days = (wall - profile.first_at) / _DAY_SECONDS
        for tool in seen.tools:
            number = mark(tool)
            if not profile.use(number):
                continue
            profile.changed = True
            others = self._began(mark(f"{seen.tenant} {tool}"), caller, wall)
            if days >= SETTLED_DAYS and others < _ROLLOUT_KEYS:
                found.append(checks.first_tool(caller, self._name_of(caller), profile, tool, days))
        return found

    def _began(self, tool: int, caller: str, wall: float) -> int:
        """Note that a key begins with a tool of its tenant; return how many others there have done so in the
        last week: what many begin with was brought to them."""
        known = self._rollout.setdefault(tool, [])
        self._rollout.move_to_end(tool)
        known[:] = [one for one in known if wall - one[1] < SETTLED_DAYS * _DAY_SECONDS][-8:]
        others = len({name for name, _ in known if name != caller})
        known.append((caller, wall))
        if len(self._rollout) > _ROLLOUT_TOOLS_MAX:
            self._rollout.popitem(last=False)
        return others

    def _places(
        self, caller: str, profile: Profile, seen: "_Seen", wall: float, now: float
    ) -> list[Sighting]:
        found = []
        days = (wall - profile.first_at) / _DAY_SECONDS
        for network in {network_of(peer): None for peer in seen.peers}:
            if not network or network == profile.network:
                continue
            is_new = profile.come_from(mark(network), wall)
            profile.changed |= is_new
            if is_new and days >= SETTLED_DAYS and len(profile.networks) <= ROAMS:
                found.append(
                    checks.first_address(caller, self._name_of(caller), profile, network, days)
                )
            there, when = profile.left
            if (
                network == there
                and now - when <= _IN_TURN_SECONDS
                and days >= 1.0
                and are_far(network, profile.network)
                and self._one_is_new(profile, network, wall)
            ):
                name = self._name_of(caller)
                found.append(checks.two_places(caller, name, profile, network, profile.network))
            profile.left = (profile.network, now)
            profile.network = network
        return found

    def _one_is_new(self, profile: Profile, network: str, wall: float) -> bool:
        young = [
            wall - profile.young.get(mark(one), float("-inf")) < _DAY_SECONDS
            for one in (network, profile.network)
        ]
        return any(young) and not all(young)


@final
class _Seen:
    """What one caller did since the last look. The dictionaries are sets that keep the order."""

    __slots__ = ("calls", "peers", "spent", "tenant", "tools")

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.calls = 0
        self.peers: dict[str, None] = {}
        self.tools: dict[str, None] = {}
        self.spent: dict[str, int] = {}

    def spend(self, currency: str, micros: int) -> None:
        self.spent[currency] = micros


def _take(
    row: Row, count: int, callers: dict[str, _Seen], targets: dict[tuple[str, str], list[int]]
) -> None:
    caller, tenant, server, tool, peer, decision, _, status = row
    if caller is None:
        return
    seen = callers.get(caller)
    if seen is None:
        seen = callers[caller] = _Seen(tenant or "")
    seen.peers[peer] = None
    if server is None or tool is None:
        return
    seen.calls += count
    if decision == "allowed":
        seen.tools[f"{server}/{tool}"] = None
    if decision != "denied":
        target = targets.setdefault((server, tool), [0, 0])
        target[0] += count
        if decision == "error" or status in _FAILED:
            target[1] += count


_FAILED: Final = frozenset({"tool_error", "unknown"})


def _lost() -> list[Sighting]:
    says = "more was decided than could be looked at; the oldest of it was not"
    return [Sighting("unseen", "gate", says, "high")]
