"""The `telemetry` section of the configuration."""

from typing import Literal, final

import msgspec


@final
class TelemetryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """log_level: of the structured log on standard error. otlp_endpoint: where spans go
    (OTLP over HTTP; needs the extra `otel`); none are made without it."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str | None = None
