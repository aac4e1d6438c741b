"""What Prometheus reads. A finished request is put with others and counted with them: at once they
cost a tenth of what they cost one by one. Nobody sees the difference, because who reads counts first.

Labels are bounded: a tool appears only if the catalogue knows it, a caller's key never does, and
past `SERIES_MAX` everything new is counted under the tool `other`.
"""

import threading
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Final, final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

import yett
from yett.core.summary import Summary

SERIES_MAX: Final = 10_000
TOGETHER: Final = 64
"""So many requests are counted at once, unless somebody asks before."""
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
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
_CallKey = tuple[str | None, str | None, str, str | None]
_call_key: Final[Callable[[Summary], _CallKey]] = attrgetter("server", "tool", "decision", "reason")


@final
class _Histogram:
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
class _Counts(Collector):
    """Written by one thread, read by any: each entry is replaced whole, and a reader copies first."""

    def __init__(self) -> None:
        self.calls: dict[_CallKey, int] = {}
        self.seconds = _Histogram()
        self.upstreams: dict[str, _Histogram] = {}
        self.spend: dict[str, int] = {}
        self.findings: dict[str, int] = {}
        self.watched: dict[str, tuple[str, str, Callable[[], float]]] = {}

    def collect(self) -> Iterable[Metric]:
        calls = CounterMetricFamily(
            "yett_calls",
            "Requests that were decided, by target and decision.",
            labels=("server", "tool", "decision", "reason"),
        )
        for key, count in self.calls.copy().items():
            calls.add_metric([label or "" for label in key], count)
        yield calls
        seconds = HistogramMetricFamily(
            "yett_call_seconds", "From the arrival of a request to its recorded outcome."
        )
        seconds.add_metric([], self.seconds.buckets(), self.seconds.sum)
        yield seconds
        upstream = HistogramMetricFamily(
            "yett_upstream_seconds", "How long upstream servers took.", labels=("server",)
        )
        for server, histogram in self.upstreams.copy().items():
            upstream.add_metric([server], histogram.buckets(), histogram.sum)
        yield upstream
        yield _counter("yett_spend_micros", "Money spent, in millionths.", "currency", self.spend)
        yield _counter(
            "yett_findings",
            "What was found in answers and flagged or removed.",
            "finding",
            self.findings,
        )
        for name, (kind, text, read) in self.watched.copy().items():
            family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            yield family(name, text, value=read())
        yield InfoMetricFamily("yett_build", "What runs.", value={"version": yett.__version__})


@final
class Metrics:
    """One per process. `observe` is an observer of the audit domain."""

    def __init__(self) -> None:
        self._counts = _Counts()
        self._waiting: deque[Summary] = deque()
        self._counting = threading.Lock()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self._counts)

    def observe(self, summary: Summary) -> None:
        """Count one finished request. Called by one thread only."""
        waiting = self._waiting
        waiting.append(summary)
        if len(waiting) >= TOGETHER:
            self._count()

    def _count(self) -> None:
        """Count what waits. Any thread may call this."""
        waiting, counts = self._waiting, self._counts
        with self._counting:
            batch = [waiting.popleft() for _ in range(len(waiting))]
            for key, number in Counter(map(_call_key, batch)).items():
                self._add_calls(key, number)
            counts.seconds.add([summary.seconds for summary in batch])
            upstreams: dict[str, list[float]] = {}
            for summary in batch:
                took = summary.upstream_seconds
                if took is not None:
                    upstreams.setdefault(summary.server or "", []).append(took)
                if summary.cost_micros:
                    spent = counts.spend.get(summary.currency, 0)
                    counts.spend[summary.currency] = spent + summary.cost_micros
                for finding in summary.findings:
                    counts.findings[finding] = counts.findings.get(finding, 0) + 1
            for server, seconds in upstreams.items():
                counts.upstreams.setdefault(server, _Histogram()).add(seconds)

    def watch_gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show what `read` returns at each scrape, e.g. whether the audit log is writable."""
        self._counts.watched[name] = ("gauge", text, read)

    def watch_counter(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a number that only grows; its name appears with `_total`."""
        self._counts.watched[name] = ("counter", text, read)

    def render(self) -> bytes:
        """Return the Prometheus text format, for `CONTENT_TYPE`. Any thread may call this."""
        self._count()
        return generate_latest(self._registry)

    def _add_calls(self, key: _CallKey, number: int) -> None:
        """Begin a series where there is none, or put it with the others once there are too many."""
        calls = self._counts.calls
        if key not in calls and len(calls) >= SERIES_MAX:
            key = ("", "other", key[2], key[3])
        calls[key] = calls.get(key, 0) + number


def _counter(name: str, text: str, label: str, counts: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=(label,))
    for value, count in counts.copy().items():
        family.add_metric([value], count)
    return family
