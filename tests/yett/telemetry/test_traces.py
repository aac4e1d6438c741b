"""Spans, when somebody wants them."""

import sys

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.yett.telemetry.test_metrics import summary
from yett.core.errors import ConfigurationError
from yett.core.reasons import Reason
from yett.telemetry.config import TelemetryConfig
from yett.telemetry.traces import build, build_with


def test_without_endpoint_there_are_no_spans_and_nothing_is_imported() -> None:
    assert build(TelemetryConfig(), node="n") is None


def test_each_request_is_one_span_with_its_own_times() -> None:
    exporter = InMemorySpanExporter()
    traces = build_with(exporter, node="node-1", simple=True)
    traces.observe(summary(ended_at=100.0, seconds=0.25, cost_micros=5, findings=("secret",)))
    traces.close()

    [span] = exporter.get_finished_spans()
    assert span.name == "tools/call log"
    assert (span.start_time, span.end_time) == (99_750_000_000, 100_000_000_000)
    assert (span.attributes or {})["yett.request_id"] == "r-1"
    assert (span.attributes or {})["yett.findings"] == ("secret",)
    assert (span.attributes or {})["yett.currency"] == "USD"
    assert "yett.reason" not in (span.attributes or {})
    assert span.status.is_unset
    assert span.resource.attributes["service.instance.id"] == "node-1"


def test_a_refusal_is_a_span_that_failed() -> None:
    exporter = InMemorySpanExporter()
    traces = build_with(exporter, node="n", simple=True)
    traces.observe(summary(decision="denied", reason=Reason.UNKNOWN_TOOL, server=None, tool=None))
    traces.close()

    [span] = exporter.get_finished_spans()
    assert span.name == "tools/call"
    assert not span.status.is_ok
    assert (span.attributes or {})["yett.reason"] == "unknown_tool"
    assert "yett.tool" not in (span.attributes or {})


def test_an_endpoint_gives_an_exporter_that_sends_nothing_by_itself() -> None:
    traces = build(TelemetryConfig(otlp_endpoint="http://127.0.0.1:9/v1/traces"), node="n")

    assert traces is not None
    traces.close()


def test_an_endpoint_without_the_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    with pytest.raises(ConfigurationError, match=r"pip install '\.\[otel\]'"):
        build(TelemetryConfig(otlp_endpoint="http://127.0.0.1:9/v1/traces"), node="n")
