"""Records in the forms that other programs read: JSON lines, CSV, OCSF. Pure, and one record at a time."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from yett.audit.chain import escape_hidden
from yett.audit.ocsf import event_of
from yett.audit.reading import Entry
from yett.core.document import encode
from yett.core.target import JSON

COLUMNS: Final = (
    "at", "kind", "id", "caller_id", "caller", "tenant", "method", "server", "tool", "access", "decision",
    "reason", "private", "status", "latency_ms", "upstream_ms", "bytes", "cost_micros", "currency", "policies",
    "policy_version", "findings", "secrets", "peer", "door", "protocol", "node", "definition", "input",
    "input_digest", "output_digest", "event", "actor", "details", "sequence", "outcome_sequence",
)  # fmt: skip
_FORMULA: Final = "=+-@\t\r\n＝＋－＠"
"""What a spreadsheet takes for the beginning of a formula (CWE-1236); full-width forms count in some."""
_NO_CONTROLS: Final = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")
"""What ends a line somewhere, and what a terminal obeys (CWE-150)."""


def as_json_line(entry: Entry) -> str:
    """Return the record on one line that no terminal obeys."""
    return escape_hidden(encode(entry).decode()) + "\n"


def as_ocsf_line(entry: Entry) -> str:
    return as_json_line(event_of(entry))


def as_csv_line(entry: Entry) -> str:
    return _row(_cells(entry))


FORMATS: Final[dict[str, Callable[[Entry], str]]] = {
    "jsonl": as_json_line,
    "csv": as_csv_line,
    "ocsf": as_ocsf_line,
}


def lines_of(entries: Iterable[Entry], form: str) -> Iterator[str]:
    """Yield the lines of a file in one of FORMATS; of CSV first the names of the columns."""
    if form == "csv":
        yield _row(COLUMNS)
    yield from map(FORMATS[form], entries)


def _cells(entry: Entry) -> Iterator[str]:
    caller = entry.get("caller")
    known = caller if isinstance(caller, dict) else {}
    values = entry | {"caller_id": known.get("id"), "caller": known.get("name")}
    return (_cell(values.get(name)) for name in COLUMNS)


def _cell(value: JSON) -> str:
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = " ".join(value)
    elif not isinstance(value, str):
        value = escape_hidden(encode(value).decode())
    text = escape_hidden(value.translate(_NO_CONTROLS))
    return (
        f"'{text}" if text.lstrip()[:1] in tuple(_FORMULA) or value[:1] in tuple(_FORMULA) else text
    )


def _row(cells: Iterable[str]) -> str:
    row = io.StringIO()
    csv.writer(row, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    return row.getvalue()
