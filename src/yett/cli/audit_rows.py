"""Records on a terminal: one per row, and none that a terminal obeys."""

from collections.abc import Iterable
from typing import Any, Final

import click

from yett.audit.chain import escape_hidden
from yett.audit.reading import Entry
from yett.cli.command import Place
from yett.cli.place import shown
from yett.core.document import encode

COLUMNS: Final = [
    "at",
    "id",
    "caller",
    "what",
    "decision",
    "reason",
    "status",
    "findings",
    "latency_ms",
]
_USES: Final = frozenset(("tools/call", "prompts/get", "resources/read"))


def print_entries(place: Place, entries: Iterable[Entry]) -> None:
    if place.as_json:
        for entry in entries:
            click.echo(as_json(entry))
        return
    place.print_rows([row_of(entry) for entry in entries], COLUMNS)


def as_json(value: Entry) -> str:
    """One line that no terminal obeys."""
    return escape_hidden(encode(value).decode())


def as_line(entry: Entry) -> str:
    row = row_of(entry)
    return "  ".join(shown(row[name]) for name in COLUMNS if row[name] is not None)


def row_of(entry: Entry) -> dict[str, Any]:
    is_event = entry["kind"] == "event"
    caller = entry.get("caller")
    return {
        "at": entry["at"],
        "id": entry.get("id"),
        "caller": entry.get("actor") if is_event else caller and caller.get("name"),
        "what": _what_happened(entry) if is_event else _what_was_asked(entry),
        "decision": entry.get("decision"),
        "reason": entry.get("reason"),
        "status": entry.get("status"),
        "findings": entry.get("findings") or None,
        "latency_ms": entry.get("latency_ms"),
    }


def _what_happened(entry: Entry) -> str:
    """Name the event, and what it is about: the tool of a server, a key, a secret."""
    details = entry.get("details") or {}
    named = (details.get(name) for name in ("name", "secret", "segment", "hold"))
    about = _target(details) or next(filter(None, named), None)
    return f"{entry.get('event')} {about}" if about else str(entry.get("event"))


def _what_was_asked(entry: Entry) -> str:
    """Name the target; and the method, unless it is the one by which such a target is used."""
    method = entry.get("method") or entry["kind"]
    if entry.get("tool") and method in _USES:
        return _target(entry)
    return f"{_target(entry)} {method}".strip()


def _target(entry: Entry) -> str:
    return "/".join(filter(None, (entry.get("server"), entry.get("tool"))))


def cell(value: object) -> object:
    return encode(value).decode() if isinstance(value, (dict, list)) else value
