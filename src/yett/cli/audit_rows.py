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
    "why",
]
_OF_EACH_CALL: Final = frozenset(COLUMNS) - {"findings", "why"}
_USES: Final = frozenset(("tools/call", "prompts/get", "resources/read"))


def print_entries(place: Place, entries: Iterable[Entry]) -> None:
    """Print them as JSON lines, or as a table without the columns that none of them needs."""
    if place.as_json:
        for entry in entries:
            click.echo(as_json(entry))
        return
    shown_entries = list(entries)
    rows = [row_of(entry) for entry in shown_entries]
    has_calls = any(entry["kind"] != "event" for entry in shown_entries)
    used = {name for row in rows for name, value in row.items() if value is not None}
    used |= _OF_EACH_CALL if has_calls else set()
    place.print_rows(rows, [name for name in COLUMNS if name in used])


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
        "why": _sentence_of(entry) if is_event else None,
    }


def _what_happened(entry: Entry) -> str:
    """Name the event, and what it is about: the tool of a server, a key, a secret."""
    details = entry.get("details") or {}
    named = (details.get(name) for name in ("name", "secret", "segment", "hold"))
    about = " for ".join(filter(None, (next(filter(None, named), None), _target(details))))
    return f"{entry.get('event')} {about}".rstrip()


def _sentence_of(entry: Entry) -> str | None:
    """What the gate itself says of an event: what went wrong, or what people were told."""
    details = entry.get("details") or {}
    found: str | None = details.get("problem") or details.get("why") or details.get("says")
    return found


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
