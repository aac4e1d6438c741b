"""docs/reference/metrics.md: what a gate shows when it is asked, by asking one."""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families
from scripts.reference.page import NOTE

from yett.app.gateway import open_gateway
from yett.core.clock import SystemClock
from yett.core.summary import Summary


def metric_families() -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Return name, kind, labels and text of each metric that a gate shows, by asking a gate."""
    text = asyncio.run(_rendered_metrics())
    found = []
    for family in text_string_to_metric_families(text):
        labels = dict.fromkeys(name for sample in family.samples for name in sample.labels)
        counter = family.type == "counter"
        name = f"{family.name}_total" if counter else family.name
        kept = tuple(name for name in labels if name not in {"le", "version"})
        found.append((name, family.type, family.documentation, kept))
    return found


async def _rendered_metrics() -> str:
    with tempfile.TemporaryDirectory() as folder:
        config_path = Path(folder) / "yett.yaml"
        config_path.write_text("mode: development\n", encoding="utf-8")
        gateway = open_gateway(config_path, data=Path(folder) / ".yett", clock=SystemClock())
        try:
            gateway.estate.metrics.count([_EVERYTHING])
            return gateway.estate.metrics.render().decode()
        finally:
            await gateway.close()


_EVERYTHING: Final = Summary(
    id="",
    method="tools/call",
    door="mcp",
    server="notes",
    tool="read_note",
    tenant="default",
    decision="allowed",
    reason=None,
    status="ok",
    ended_at=0.0,
    seconds=0.001,
    upstream_seconds=0.001,
    cost_micros=1,
    bytes=1,
    findings=("secret",),
)


def metrics_page() -> str:
    lines = [
        "# Metrics\n",
        NOTE,
        "`GET /metrics` on the admin listener, with the admin token, in the Prometheus text format. A tool appears as a label",
        "only if the catalogue knows it, so no caller can make labels; a key never appears.\n",
        "| metric | kind | labels | meaning |",
        "|---|---|---|---|",
    ]
    for name, kind, text, labels in metric_families():
        shown = ", ".join(f"`{label}`" for label in labels) or "none"
        lines.append(f"| `{name}` | {kind} | {shown} | {text} |")
    return "\n".join(lines) + "\n"
