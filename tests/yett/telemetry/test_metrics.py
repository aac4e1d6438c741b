"""What Prometheus reads, and how much of it there can be."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from yett.core.reasons import Reason
from yett.core.summary import Summary
from yett.telemetry import metrics as module
from yett.telemetry.metrics import Metrics


def summary(**changes: Any) -> Summary:
    members: dict[str, Any] = {
        "id": "r-1",
        "method": "tools/call",
        "door": "mcp",
        "server": "git",
        "tool": "log",
        "tenant": "acme",
        "decision": "allowed",
        "reason": None,
        "status": "ok",
        "ended_at": 1.0,
        "seconds": 0.003,
        "upstream_seconds": 0.002,
    }
    return Summary(**(members | changes))


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def calls(metrics: Metrics, **labels: str) -> float:
    full = {"server": "git", "tool": "log", "decision": "allowed", "reason": ""} | labels
    return samples(metrics)["yett_calls_total", tuple(sorted(full.items()))]


def test_calls_are_counted_by_target_and_decision() -> None:
    metrics = Metrics()
    for _ in range(3):
        metrics.count([summary()])
    metrics.count([summary(decision="denied", reason=Reason.RATE_LIMITED, upstream_seconds=None)])

    assert calls(metrics) == 3
    assert calls(metrics, decision="denied", reason="rate_limited") == 1


def test_times_are_cumulated_in_buckets() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.001, 0.02, 100.0):
        metrics.count([summary(seconds=seconds, upstream_seconds=seconds)])

    found = samples(metrics)
    assert found["yett_call_seconds_bucket", (("le", "0.001"),)] == 2
    assert found["yett_call_seconds_bucket", (("le", "+Inf"),)] == 4
    assert found["yett_call_seconds_count", ()] == 4
    assert found["yett_call_seconds_sum", ()] == 100.0215
    assert found["yett_upstream_seconds_count", (("server", "git"),)] == 4


def test_money_and_findings_are_added_up() -> None:
    metrics = Metrics()
    for _ in range(2):
        metrics.count([summary(cost_micros=200, findings=("secret", "hidden_text"))])

    found = samples(metrics)
    assert found["yett_spend_micros_total", (("currency", "USD"),)] == 400
    assert found["yett_findings_total", (("finding", "secret"),)] == 2


def test_a_target_that_nobody_knows_has_no_label() -> None:
    metrics = Metrics()
    metrics.count([summary(server=None, tool=None, decision="denied")])

    assert calls(metrics, server="", tool="", decision="denied") == 1


def test_there_is_an_end_to_the_number_of_series(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "SERIES_MAX", 10)
    metrics = Metrics()
    for number in range(50):
        metrics.count([summary(tool=f"tool-{number}")])

    assert calls(metrics, server="", tool="other") == 40
    assert len([key for key in samples(metrics) if key[0] == "yett_calls_total"]) == 11


def test_other_parts_can_be_watched() -> None:
    metrics = Metrics()
    metrics.watch_gauge("yett_audit_writable", "1 if records can be written.", lambda: 1.0)
    metrics.watch_counter("yett_audit_lines", "Lines written.", lambda: 7.0)

    found = samples(metrics)
    assert found["yett_audit_writable", ()] == 1
    assert found["yett_audit_lines_total", ()] == 7


def test_what_runs_is_named() -> None:
    assert b'yett_build_info{version="' in Metrics().render()
