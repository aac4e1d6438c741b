"""The counts, in the form that Prometheus reads."""

from collections.abc import Iterable
from typing import final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

import yett
from yett.telemetry.counts import Counts


def show(counts: Counts) -> bytes:
    """Return the Prometheus text format, for `metrics.CONTENT_TYPE`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Shown(counts))
    return generate_latest(registry)


@final
class _Shown(Collector):
    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        calls = CounterMetricFamily(
            "yett_calls",
            "Requests that were decided, by target and decision.",
            labels=("server", "tool", "decision", "reason"),
        )
        for key, count in self._counts.calls.copy().items():
            calls.add_metric([label or "" for label in key], count)
        yield calls
        seconds = HistogramMetricFamily(
            "yett_call_seconds", "From the arrival of a request to its recorded outcome."
        )
        seconds.add_metric([], self._counts.seconds.buckets(), self._counts.seconds.sum)
        yield seconds
        upstream = HistogramMetricFamily(
            "yett_upstream_seconds", "How long upstream servers took.", labels=("server",)
        )
        for server, histogram in self._counts.upstreams.copy().items():
            upstream.add_metric([server], histogram.buckets(), histogram.sum)
        yield upstream
        yield _counter(
            "yett_spend_micros", "Money spent, in millionths.", "currency", self._counts.spend
        )
        yield _counter(
            "yett_findings",
            "What was found in answers and flagged or removed.",
            "finding",
            self._counts.findings,
        )
        for name, (kind, text, read) in self._counts.watched.copy().items():
            family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            yield family(name, text, value=read())
        for name, (text, label, read_all) in self._counts.watched_by_label.copy().items():
            gauges = GaugeMetricFamily(name, text, labels=(label,))
            for value, number in read_all().items():
                gauges.add_metric([value], number)
            yield gauges
        yield InfoMetricFamily("yett_build", "What runs.", value={"version": yett.__version__})


def _counter(name: str, text: str, label: str, counts: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=(label,))
    for value, count in counts.copy().items():
        family.add_metric([value], count)
    return family
