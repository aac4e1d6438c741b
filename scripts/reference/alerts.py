"""docs/reference/alerts.md: every kind of alert, from its table."""

from scripts.reference.page import NOTE

from yett.alerts.kinds import EVENTS, KINDS, Kind


def alerts_page() -> str:
    lines = [
        "# Alerts\n",
        NOTE,
        "What people should hear of; [be told](../how-to/be-told.md) says how they do. An alert is one for the same kind and",
        "subject: it counts how often it was seen, and is over by itself when it has not been seen for the time below.",
        "Each is in the audit log: `alert.raised`, `alert.acknowledged`, `alert.silenced`, `alert.unsilenced`, `alert.resolved`, `alert.undelivered`, `alert.tested`.\n",
        "## Found out from what was decided\n",
        *_table(KINDS),
        "",
        "## Said by other parts of the gate\n",
        *_table(EVENTS),
        "",
        "Any other event with an `alert` member is an alert by its own name.",
    ]
    return "\n".join(lines) + "\n"


def _table(kinds: dict[str, Kind]) -> list[str]:
    rows = [
        f"| `{name}` | {kind.severity} | {kind.means} | {kind.do} | {_hours(kind.quiet_seconds)} |"
        for name, kind in kinds.items()
    ]
    return [
        "| kind | severity | what it means | what to do | over after |",
        "|---|---|---|---|---|",
        *rows,
    ]


def _hours(seconds: float) -> str:
    hours = int(seconds // 3600)
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"
