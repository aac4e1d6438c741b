"""How many of a server's or tool's calls fail, and whether that is far more than usual."""

from collections import OrderedDict
from typing import Final, final

from yett.alerts.alert import Sighting
from yett.alerts.detection.window import Window

TARGETS_MAX: Final = 5_000
_CALLS_LEAST: Final = 20
_ERRORS_LEAST: Final = 10
_SHARE_LEAST: Final = 0.2
_QUARTER: Final = 4
"""Buckets: the last quarter of an hour, and what has begun of the next five minutes."""
_LEARNING: Final = 0.05
_FORGETTING: Final = 0.98
_HOUR_SECONDS: Final = 3600.0
_LOOK_SECONDS: Final = 60.0


@final
class _Target:
    __slots__ = ("calls", "errors", "learned_at", "most", "usual")

    def __init__(self, now: float) -> None:
        self.calls = Window()
        self.errors = Window()
        self.usual = 0.0
        self.most = 0.0
        self.learned_at = now

    def learn(self, now: float) -> None:
        """Once an hour: which share of calls failed."""
        if now - self.learned_at < _HOUR_SECONDS:
            return
        self.learned_at = now
        calls = self.calls.total(now)
        if calls >= _CALLS_LEAST / 4:
            share = self.errors.total(now) / calls
            self.usual += _LEARNING * (share - self.usual)
            self.most = max(self.most * _FORGETTING, share)

    def excess(self, now: float) -> tuple[float, float] | None:
        """Return errors and calls of the last quarter of an hour, or the last hour, if they are too many."""
        for buckets in (_QUARTER, 12):
            calls, errors = self.calls.recent(now, buckets), self.errors.recent(now, buckets)
            if calls < _CALLS_LEAST or errors < _ERRORS_LEAST:
                continue
            bar = max(_SHARE_LEAST, 3 * self.usual + 0.1, min(1.2 * self.most, 0.95))
            if errors / calls >= bar:
                return errors, calls
        return None


@final
class Health:
    """Of servers and tools; what nobody has called for longest gives way."""

    def __init__(self) -> None:
        self._targets: OrderedDict[str, _Target] = OrderedDict()
        self._learned_at = 0.0

    def count(self, server: str, tool: str, calls: int, errors: int, now: float) -> None:
        for name in (f"server:{server}", f"tool:{server}/{tool}"):
            target = self._targets.get(name)
            if target is None:
                target = self._targets[name] = _Target(now)
                if len(self._targets) > TARGETS_MAX:
                    self._targets.popitem(last=False)
            self._targets.move_to_end(name)
            target.calls.add(now, calls)
            if errors:
                target.errors.add(now, errors)

    def judge(self, failing: set[tuple[str, str]], now: float) -> list[Sighting]:
        """failing: of which something failed just now. A server's tools are not told one by one if all of
        the server fails."""
        found: list[Sighting] = []
        down: set[str] = set()
        for server in {server for server, _ in failing}:
            seen = self._judge(f"server:{server}", now)
            if seen is not None:
                down.add(server)
                found.append(seen)
        for server, tool in failing:
            if server not in down:
                seen = self._judge(f"tool:{server}/{tool}", now)
                found += [seen] if seen is not None else []
        return found

    def learn(self, now: float) -> None:
        if now - self._learned_at >= _LOOK_SECONDS:
            self._learned_at = now
            for target in self._targets.values():
                target.learn(now)

    def _judge(self, name: str, now: float) -> Sighting | None:
        target = self._targets.get(name)
        excess = None if target is None else target.excess(now)
        if target is None or excess is None:
            return None
        errors, calls = excess
        usual, most = round(100 * target.usual), round(100 * target.most)
        return Sighting(
            "errors",
            name,
            f"{errors:.0f} of the last {calls:.0f} calls of {name.replace(':', ' ', 1)} failed"
            f" ({100 * errors / calls:.0f} %), usually {usual} % (most in an hour: {most} %)",
            "low",
            numbers={
                "calls": int(calls), "errors": int(errors), "usual_percent": usual, "most_percent": most,
            },
        )  # fmt: skip
