"""A month of forty keys with everything that a month has, and what the gate would have told: `make alerts-month`.

Five weeks to learn, then a month with planted incidents of every kind. Counted are the incidents that were
told, and the alerts that nobody planted. The seeds of the published figures (from 600 on) were not looked
at while the bounds in src/yett/alerts/detection were chosen (those below were).
"""

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from bench.month import DAY, GRACE, HOLIDAYS, ZONE, Incident, Month

from yett.alerts.alert import Sighting
from yett.alerts.config import Hours
from yett.alerts.detection import Watch
from yett.alerts.detection.profiles import Profiles
from yett.alerts.expiry import ending
from yett.alerts.kinds import KINDS


@dataclass
class Result:
    month: Month
    false: list[tuple[float, Sighting]]
    told: int
    seconds: float

    @property
    def missed(self) -> list[Incident]:
        return [one for one in self.month.incidents if not one.found]

    @property
    def false_per_key(self) -> float:
        return len(self.false) / len(self.month.callers) / (self.month.days / 30)


def run(month: Month) -> Result:
    """Live through the month; alerts are counted as the book counts them."""
    began = time.process_time()
    watch = Watch(
        Profiles(None), month.clock, {"*": Hours(zone="Europe/Zurich", holidays=HOLIDAYS)}, str
    )
    open_until: dict[tuple[str, str], float] = {}
    false, told = [], 0
    for batch in month.batches():
        now = month.clock.now
        for seen in watch.look(batch):
            key = (seen.kind, seen.subject)
            is_new = open_until.get(key, 0.0) < now
            open_until[key] = now + KINDS[seen.kind].quiet_seconds
            if now < month.begin:
                continue
            meant = [one for one in month.incidents if _explains(one, seen, now)]
            for one in meant:
                one.found |= one.kind == seen.kind
            told += is_new
            if is_new and not meant:
                false.append((now, seen))
    return Result(month, false, told, time.process_time() - began)


def _explains(incident: Incident, seen: Sighting, now: float) -> bool:
    """An incident explains what is seen of its subject while it goes on and an hour after."""
    near = incident.start <= now <= incident.end + GRACE
    same = seen.subject == incident.subject or (
        incident.kind in ("errors", "credentials") and seen.kind == incident.kind
    )
    return near and same


def expiries() -> list[str]:
    """What is told of a certificate of ninety days, day by day."""
    found = (
        ending(
            "certificate-expiry",
            "certificate:tls",
            "tls",
            begins_at=0,
            ends_at=90 * DAY,
            now=day * DAY,
        )
        for day in range(90)
    )
    return list(dict.fromkeys(str(one.numbers["threshold"]) for one in found if one))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=[600, 601, 602])
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    good = expiries() == ["14d", "7d", "1d"]
    for seed in arguments.seeds:
        result = run(Month(seed))
        planted = Counter(one.kind for one in result.month.incidents)
        missed = Counter(one.kind for one in result.missed)
        print(f"seed {seed}: {sum(planted.values()) - sum(missed.values())} of {sum(planted.values())} incidents told,"
              f" {len(result.false)} alerts that nobody planted: {result.false_per_key:.2f} per key and month"
              f" ({result.seconds:.0f} s of CPU)")  # fmt: skip
        print(
            "   ",
            ", ".join(f"{kind} {planted[kind] - missed[kind]}/{planted[kind]}" for kind in planted),
        )
        print("    false:", dict(Counter(seen.kind for _, seen in result.false)))
        if arguments.verbose:
            for at, seen in result.false:
                print("     ", datetime.fromtimestamp(at, ZONE), seen.says)
            for one in result.missed:
                print(
                    "      MISSED", one.kind, one.subject, datetime.fromtimestamp(one.start, ZONE)
                )
        good &= not result.missed and result.false_per_key < 1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
