"""What is counted: calls by target and decision, times in buckets, money, findings."""

from bisect import bisect_right
from collections.abc import Callable
from typing import Final, final

_BOUNDS: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
)
_NAMES: Final = (*map(str, _BOUNDS), "+Inf")
CallKey = tuple[str | None, str | None, str, str | None]


@final
class Histogram:
    """Counts per bucket, not yet cumulated, and the sum."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * len(_NAMES)
        self.sum = 0.0

    def add(self, values: list[float]) -> None:
        values.sort()
        below = 0
        for index, bound in enumerate(_BOUNDS):
            within = bisect_right(values, bound)
            self.counts[index] += within - below
            below = within
        self.counts[-1] += len(values) - below
        self.sum += sum(values)

    def buckets(self) -> list[tuple[str, float]]:
        total = 0
        cumulated = []
        for name, count in zip(_NAMES, tuple(self.counts), strict=True):
            total += count
            cumulated.append((name, float(total)))
        return cumulated


@final
class Counts:
    """Written by one thread, read by any: each entry is replaced whole, and a reader copies first."""

    def __init__(self) -> None:
        self.calls: dict[CallKey, int] = {}
        self.seconds = Histogram()
        self.upstreams: dict[str, Histogram] = {}
        self.spend: dict[str, int] = {}
        self.findings: dict[str, int] = {}
        self.watched: dict[str, tuple[str, str, Callable[[], float]]] = {}
        self.watched_by_label: dict[str, tuple[str, str, Callable[[], dict[str, float]]]] = {}
