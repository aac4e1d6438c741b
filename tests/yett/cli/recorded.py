"""What commands left in the audit log: every change is recorded, whether a gate runs or not."""

from pathlib import Path
from typing import Any

from yett.audit.build import open_for_reading
from yett.audit.config import AuditConfig
from yett.audit.finding import search
from yett.audit.reading import Filter


def recorded(data: Path) -> list[dict[str, Any]]:
    """Return the events of commands, oldest first, each with the members it was posted with."""
    source = open_for_reading(AuditConfig(), data)
    if not (data / "audit").exists():
        return []
    entries = search(source, Filter(kind="event"))
    return [
        entry | entry["details"] for entry in entries if not entry["event"].startswith("audit.")
    ]
