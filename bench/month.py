"""What happens in a month of forty keys: who calls, when and how much, and the incidents planted among it.

Five weeks to learn from come before it. Everything random comes from one seed.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from yett.alerts.detection.intake import Batch, Row

ZONE: Final = ZoneInfo("Europe/Zurich")
BEGIN: Final = datetime(2026, 2, 2, tzinfo=ZONE).timestamp()
LEARN_DAYS: Final = 35
MONTH_DAYS: Final = 30  # 9 March to 7 April: the clocks change, and it is Easter
HOLIDAYS: Final = ("2026-04-03", "2026-04-06")
STEP: Final = 300.0
DAY: Final = 86_400.0
TENANT: Final = "default"
GRACE: Final = 3600.0
"""So long after its end an incident still explains what is told; two of one caller are further apart."""


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN
        self.running = 0.0
        self.off = 0.0

    def wall(self) -> float:
        return self.now + self.off

    def monotonic(self) -> float:
        return self.running

    def tick(self) -> None:
        self.now += STEP
        self.running += STEP


@dataclass
class Incident:
    kind: str
    subject: str
    start: float
    end: float
    found: bool = False


@dataclass
class Caller:
    """pace: calls in a busy hour. noise: sigma of the logarithm of how busy an hour is."""

    name: str
    sort: str
    pace: float
    noise: float
    tools: list[str]
    networks: list[str]
    price: int = 0
    born: float = BEGIN
    network: str = ""
    mood: float = 1.0
    day: tuple[float, float] = (8.0, 18.0)
    works: bool = True
    job: float = -1.0
    at_day: date = field(default_factory=lambda: date(1970, 1, 1))


class Month:
    """keys: how many there are. learn, days: before the month, and of it."""

    def __init__(
        self, seed: int, *, keys: int = 40, learn: int = LEARN_DAYS, days: int = MONTH_DAYS
    ) -> None:
        self.random = random.Random(seed)
        self.learn, self.days = learn, days
        self.begin = BEGIN + learn * DAY
        self.end = self.begin + days * DAY
        self.clock = Clock()
        self.tools = [f"s{number % 8}/t{number}" for number in range(60)]
        self.faulty = {f"s{number}": self.random.uniform(0.002, 0.05) for number in range(8)}
        self.callers = [self._caller(number) for number in range(keys)]
        self.incidents: list[Incident] = []
        self._plant()
        self.jumps = [self._any_time() for _ in range(2)]
        self.rollout = self._any_time()
        self.rolled: set[str] = set()

    # -- who there is

    def _caller(self, number: int) -> Caller:
        pick = self.random
        sort = (
            "person", "service", "person", "night", "person", "ci", "person", "service", "roamer", "person",
            "week", "service", "person", "ci", "quiet", "person", "night", "person", "service", "month",
        )[number % 20]  # fmt: skip
        pace = {
            "person": pick.uniform(5, 60), "roamer": pick.uniform(5, 40), "service": pick.uniform(20, 500),
            "night": pick.uniform(200, 2000), "week": pick.uniform(200, 2000), "month": pick.uniform(300, 2000),
            "ci": pick.uniform(20, 150), "quiet": pick.uniform(0.3, 2),
        }[sort]  # fmt: skip
        noise = {"person": 0.7, "roamer": 0.7, "ci": 0.9, "quiet": 0.8}.get(sort, 0.25)
        tools = pick.sample(self.tools, pick.randint(2, 12))
        networks = [self._network() for _ in range(2 if sort == "person" else 1)]
        price = pick.choice((0, 0, 2_000, 50_000))
        born = BEGIN
        if number % 20 == 5:
            born = self.begin + pick.uniform(0, 20) * DAY
        return Caller(f"k{number}", sort, pace, noise, tools, networks, price, born, networks[0])

    def _network(self) -> str:
        pick = self.random
        return f"{pick.randint(11, 220)}.{pick.randint(0, 255)}.{pick.randint(0, 255)}.7"

    def _any_time(self) -> float:
        return self.begin + self.random.uniform(0.5, self.days - 1) * DAY

    # -- what is planted

    def _plant(self) -> None:
        pick, old = self.random, [one for one in self.callers if one.born == BEGIN]
        people = [one for one in old if one.sort == "person"]
        steady = [one for one in old if one.sort in ("person", "service")]
        for kind, among, count in (
            ("volume", steady, 5), ("off-hours", people, 4), ("first-tool", old, 4), ("first-address", people, 4),
            ("two-places", people, 3), ("denials", old, 4), ("spend", [one for one in steady if one.price], 3),
        ):  # fmt: skip
            for caller in pick.sample(among, min(count, len(among))):
                start = self._free_time(caller, at_night=kind == "off-hours")
                length = {"volume": 3600.0, "spend": 3600.0, "two-places": 1800.0}.get(kind, 600.0)
                self.incidents.append(Incident(kind, f"key:{caller.name}", start, start + length))
        for server in pick.sample(self._busy_servers(old), 3):
            start = self._at_work()
            self.incidents.append(Incident("errors", f"server:{server}", start, start + 3600))
        for _ in range(2):
            start = self._any_time()
            self.incidents.append(
                Incident("credentials", f"address:{self._network()}", start, start + 900)
            )

    def _at_work(self) -> float:
        while True:
            at = self._any_time()
            local = datetime.fromtimestamp(at, ZONE)
            if local.weekday() < 5 and 9 <= local.hour < 16 and str(local.date()) not in HOLIDAYS:
                return at

    def _busy_servers(self, callers: list[Caller]) -> list[str]:
        """Those that are called often enough for a failure to show: a dozen times in ten minutes."""
        calls: Counter[str] = Counter()
        for caller in callers:
            if caller.sort == "service":
                for tool in caller.tools:
                    calls[tool.split("/")[0]] += int(caller.pace / len(caller.tools))
        return [server for server, _ in calls.most_common(4)]

    def _free_time(self, caller: Caller, *, at_night: bool) -> float:
        """Return a time at which nothing else is planted for this key."""
        while True:
            start = self._at_work()
            if at_night:
                night = datetime.fromtimestamp(start, ZONE).replace(hour=3, minute=10)
                start = night.timestamp()
            subject = f"key:{caller.name}"
            if all(
                abs(one.start - start) > 3 * GRACE
                for one in self.incidents
                if one.subject == subject
            ):
                return start

    # -- what happens

    def batches(self) -> Iterator[Batch]:
        """One for each five minutes; the clock moves between them."""
        while self.clock.now < self.end:
            self.clock.tick()
            now = self.clock.now
            self.clock.off = 6 * 3600.0 if any(0 <= now - at < 1800 for at in self.jumps) else 0.0
            rows: Counter[Row] = Counter()
            runs: dict[str, tuple[int, int, bool]] = {}
            spent: dict[tuple[str, str, str], int] = {}
            local = datetime.fromtimestamp(now, ZONE)
            for caller in self.callers:
                if now >= caller.born:
                    self._step(caller, local, rows, runs, spent)
            self._strangers(rows)
            yield Batch(rows, runs, spent)

    def _step(
        self,
        caller: Caller,
        local: datetime,
        rows: Counter[Row],
        runs: dict[str, tuple[int, int, bool]],
        spent: dict[tuple[str, str, str], int],
    ) -> None:
        pick, now = self.random, self.clock.now
        if caller.at_day != local.date():
            self._new_day(caller, local)
        if local.minute < 5:
            caller.mood = pick.lognormvariate(0, caller.noise) * (
                pick.random() < self._busy(caller)
            )
        count = self._poisson(caller.pace * caller.mood * self._share(caller, local) / 12)
        incident = self._incident_of(caller, now)
        count += self._extra(caller, incident)
        peers = self._peers(caller, incident)
        for _ in range(min(count, 3)):
            tool = pick.choice(caller.tools)
            self._calls(caller, tool, peers, -(-count // min(count, 3)), rows, spent)
        if incident == "first-tool":
            self._calls(caller, f"s0/planted-{caller.name}", peers, 2, rows, spent)
        if incident == "spend":
            self._calls(
                caller, caller.tools[0], peers, 1, rows, spent, times=14 * caller.pace / 12 + 40
            )
        self._denials(caller, incident, count, rows, runs)

    def _new_day(self, caller: Caller, local: datetime) -> None:
        pick = self.random
        caller.at_day = local.date()
        free = local.weekday() >= 5 or str(local.date()) in HOLIDAYS
        caller.works = pick.random() < (0.04 if free else 0.93)
        late = 2.0 if pick.random() < 0.08 else 0.0
        caller.day = (pick.gauss(8.6, 0.4), pick.gauss(17.2, 0.4) + late)
        caller.job = pick.gauss(2.5, 0.3)
        roams = {"roamer": 0.4, "person": 0.006}.get(caller.sort, 0.0)
        if pick.random() < roams:  # a train, or a new café
            caller.network = self._network()
        else:
            caller.network = pick.choice(caller.networks)
        if pick.random() < 0.25 / 30:  # begins with another tool
            caller.tools.append(pick.choice(self.tools))
        if self.clock.now > self.rollout and caller.name not in self.rolled and pick.random() < 0.3:
            self.rolled.add(caller.name)
            if int(caller.name[1:]) % 3 == 0:
                caller.tools.append("s3/rolled-out")

    def _busy(self, caller: Caller) -> float:
        return {"person": 0.7, "roamer": 0.6, "ci": 0.5, "quiet": 0.3}.get(caller.sort, 1.0)

    def _share(self, caller: Caller, local: datetime) -> float:
        hour = local.hour + local.minute / 60
        in_the_day = caller.works and caller.day[0] <= hour < caller.day[1]
        in_the_job = caller.job <= hour < caller.job + 1
        match caller.sort:
            case "person" | "roamer" | "ci":
                return float(in_the_day)
            case "service":
                rest = 0.4 if local.weekday() >= 5 else 1.0
                return rest * (0.3 if hour < 7 or hour > 20 else 1.0)
            case "night":
                return float(in_the_job)
            case "week":
                return float(in_the_job and local.weekday() == 6)
            case "month":
                return float(in_the_job and local.day == 1)
            case _:
                return float(in_the_day)

    def _extra(self, caller: Caller, incident: str) -> int:
        match incident:
            case "volume":
                return self._poisson(max(14 * caller.pace, 60) / 12 + 5)
            case "off-hours" | "two-places" | "first-address":
                return 3
            case _:
                return 0

    def _peers(self, caller: Caller, incident: str) -> list[str]:
        if incident == "two-places":
            there = f"9.{int(caller.name[1:])}.1.7"
            return [there] if int(self.clock.now // STEP) % 2 else [caller.network]
        if incident == "first-address":
            return [f"8.{int(caller.name[1:])}.1.7"]
        return [caller.network]

    def _calls(
        self, caller: Caller, tool: str, peers: list[str], count: int, rows: Counter[Row],
        spent: dict[tuple[str, str, str], int], *, times: float = 1.0,
    ) -> None:  # fmt: skip
        server, name = tool.split("/")
        share = self.faulty[server]
        if any(one.kind == "errors" and one.subject == f"server:{server}" and one.start <= self.clock.now < one.end for one in self.incidents):  # fmt: skip
            share = 0.75
        errors = min(count, self._poisson(share * count))
        for peer in peers:
            if errors:
                rows[caller.name, TENANT, server, name, peer, "allowed", None, "tool_error"] += (
                    errors
                )
            if count > errors:
                rows[caller.name, TENANT, server, name, peer, "allowed", None, "ok"] += (
                    count - errors
                )
        if caller.price:
            key = (caller.name, TENANT, "USD")
            spent[key] = spent.get(key, 0) + int(count * caller.price * times)

    def _denials(
        self, caller: Caller, incident: str, count: int, rows: Counter[Row],
        runs: dict[str, tuple[int, int, bool]],
    ) -> None:  # fmt: skip
        refused = self._poisson(0.01 * count)
        if caller.sort == "ci" and count and self.random.random() < 0.003:
            refused += self.random.randint(3, 8)
        planted = 25 if incident == "denials" else 0
        if refused + planted:
            row = (
                caller.name,
                TENANT,
                None,
                None,
                caller.network,
                "denied",
                "not_permitted",
                "refused",
            )
            rows[row] += refused + planted
            runs[caller.name] = (refused + planted, refused + planted, not count)
        elif count:
            runs[caller.name] = (0, 0, False)

    def _strangers(self, rows: Counter[Row]) -> None:
        for _ in range(self._poisson(0.3)):
            self._refused(rows, self._network(), self.random.choice((1, 1, 2, 9)))
        for one in self.incidents:
            if one.kind == "credentials" and one.start <= self.clock.now < one.end:
                self._refused(rows, one.subject.partition(":")[2], 60)

    def _refused(self, rows: Counter[Row], peer: str, count: int) -> None:
        rows[None, None, None, None, peer, "denied", "unauthenticated", "refused"] += count

    def _incident_of(self, caller: Caller, now: float) -> str:
        subject = f"key:{caller.name}"
        found = (
            one.kind
            for one in self.incidents
            if one.subject == subject and one.start <= now < one.end
        )
        return next(found, "")

    def _poisson(self, mean: float) -> int:
        if mean > 30:
            return max(0, round(self.random.gauss(mean, mean**0.5)))
        if mean <= 0:
            return 0
        count, product, bound = 0, self.random.random(), 2.718281828459045**-mean
        while product > bound:
            count += 1
            product *= self.random.random()
        return count
