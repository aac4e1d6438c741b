"""OpenTelemetry spans, one per request, made after the fact. Only if an endpoint is configured: a span
costs more than the decision it tells of.
"""

from typing import TYPE_CHECKING, Final, final

import yett
from yett.core.errors import ConfigurationError, Problem
from yett.core.summary import Summary
from yett.telemetry.config import TelemetryConfig

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_NANOSECONDS: Final = 1_000_000_000
_FLUSH_MILLISECONDS: Final = 5_000


@final
class Traces:
    """`observe` is an observer of the audit domain; `close` sends what is left."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace import (  # noqa: PLC0415 - an extra, and slow to import
            SpanKind,
            Status,
            StatusCode,
        )

        self._provider = provider
        self._tracer = provider.get_tracer("yett", yett.__version__)
        self._kind = SpanKind.SERVER
        self._failed = Status(StatusCode.ERROR)

    def observe(self, summary: Summary) -> None:
        """Make one span. Names and counts only: no arguments, no answers, no key."""
        end = int(summary.ended_at * _NANOSECONDS)
        span = self._tracer.start_span(
            f"{summary.method} {summary.tool}" if summary.tool else summary.method,
            kind=self._kind,
            attributes=_attributes(summary),
            start_time=end - int(summary.seconds * _NANOSECONDS),
        )
        if summary.decision != "allowed":
            span.set_status(self._failed)
        span.end(end)

    def close(self) -> None:
        self._provider.force_flush(_FLUSH_MILLISECONDS)
        self._provider.shutdown()


def build(config: TelemetryConfig, *, node: str) -> Traces | None:
    """Return what makes spans; None if no endpoint is configured.

    Raises:
        ConfigurationError: an endpoint is configured and the extra `otel` is not installed.
    """
    if config.otlp_endpoint is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra, and slow to import
            OTLPSpanExporter,
        )
    except ImportError as error:
        raise missing_extra() from error
    return build_with(OTLPSpanExporter(endpoint=config.otlp_endpoint), node=node)


def build_with(exporter: "SpanExporter", *, node: str, simple: bool = False) -> Traces:
    """Return what makes spans for `exporter`. simple: hand over each span at once, not in batches."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra, and slow to import
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra, and slow to import
    from opentelemetry.sdk.trace.export import (  # noqa: PLC0415 - an extra, and slow to import
        BatchSpanProcessor,
        SimpleSpanProcessor,
    )

    resource = Resource.create(
        {"service.name": "yett", "service.version": yett.__version__, "service.instance.id": node}
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    processor = SimpleSpanProcessor if simple else BatchSpanProcessor
    provider.add_span_processor(processor(exporter))
    return Traces(provider)


def missing_extra() -> ConfigurationError:
    return ConfigurationError(
        [
            Problem(
                "spans need the extra `otel`, which is not installed",
                fix="Install it with `pip install '.[otel]'` in the checkout, or remove the line",
                path=("telemetry", "otlp_endpoint"),
            )
        ]
    )


def _attributes(summary: Summary) -> dict[str, str | int | float | tuple[str, ...]]:
    attributes: dict[str, str | int | float | tuple[str, ...] | None] = {
        "yett.request_id": summary.id,
        "rpc.system": "mcp",
        "rpc.method": summary.method,
        "yett.door": summary.door,
        "yett.server": summary.server,
        "yett.tool": summary.tool,
        "yett.tenant": summary.tenant,
        "yett.decision": summary.decision,
        "yett.reason": summary.reason,
        "yett.status": summary.status,
        "yett.upstream_seconds": summary.upstream_seconds,
        "yett.cost_micros": summary.cost_micros,
        "yett.currency": summary.currency if summary.cost_micros else None,
        "yett.bytes": summary.bytes,
        "yett.findings": summary.findings or None,
    }
    return {name: value for name, value in attributes.items() if value is not None}
