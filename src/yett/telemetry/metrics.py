"""What Prometheus reads. Counting is two dictionary look-ups and a few additions; all else is done
when somebody asks.

Labels are bounded: a tool appears only if the catalogue knows it, a caller's key never does, and
past `SERIES_MAX` everything new is counted under the tool `other`.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
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


@final
class _Histogram:
    """Counts per bucket, not yet cumulated, and the sum."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * len(_NAMES)
        self.sum = 0.0

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
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self._counts)

    def observe(self, summary: Summary) -> None:
        """Count one finished request. Called by one thread only."""
        counts = self._counts
        key = (summary.server, summary.tool, summary.decision, summary.reason)
        try:
            counts.calls[key] += 1
        except KeyError:
            self._begin(key)
        took = summary.seconds
        histogram = counts.seconds
        histogram.counts[bisect_left(_BOUNDS, took)] += 1
        histogram.sum += took
        took_upstream = summary.upstream_seconds
        if took_upstream is not None:
            upstream = counts.upstreams.get(summary.server or "")
            if upstream is None:
                upstream = counts.upstreams[summary.server or ""] = _Histogram()
            upstream.counts[bisect_left(_BOUNDS, took_upstream)] += 1
            upstream.sum += took_upstream
        if summary.cost_micros:
            spend = counts.spend
            spend[summary.currency] = spend.get(summary.currency, 0) + summary.cost_micros
        for finding in summary.findings:
            counts.findings[finding] = counts.findings.get(finding, 0) + 1

    def watch_gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show what `read` returns at each scrape, e.g. whether the audit log is writable."""
        self._counts.watched[name] = ("gauge", text, read)

    def watch_counter(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a number that only grows; its name appears with `_total`."""
        self._counts.watched[name] = ("counter", text, read)

    def render(self) -> bytes:
        """Return the Prometheus text format, for `CONTENT_TYPE`. Any thread may call this."""
        return generate_latest(self._registry)

    def _begin(self, key: _CallKey) -> None:
        """Begin a series, or put it with the others once there are too many."""
        calls = self._counts.calls
        if len(calls) >= SERIES_MAX:
            key = ("", "other", key[2], key[3])
        calls[key] = calls.get(key, 0) + 1


def _counter(name: str, text: str, label: str, counts: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=(label,))
    for value, count in counts.copy().items():
        family.add_metric([value], count)
    return family
