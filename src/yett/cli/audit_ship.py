"""`yett audit ship`: how far each destination of the record got."""

from datetime import UTC, datetime
from typing import Any, Final

import click

from yett.audit.port import AuditSource, LogLine
from yett.audit.shipping.backends.syslog import when
from yett.audit.shipping.build import note_of
from yett.audit.shipping.config import ShipConfig
from yett.audit.shipping.feed import next_portion, read_place
from yett.cli.audit_source import source_of
from yett.cli.command import Place, command

_COLUMNS: Final = ["destination", "kind", "format", "taken", "behind", "oldest"]


@click.command("ship")
@command()
def show_destinations(place: Place) -> None:
    """Show how far each destination of the record got.

    `taken` is the sequence of the last line that it has, `behind` how many it lacks, `oldest` when the first of these
    was written.
    """
    source = source_of(place)
    ship = place.configuration().audit.ship
    rows = [_row(place, name, one, source) for name, one in ship.items()]
    place.print_rows(rows, _COLUMNS, empty="no destination; name one in `audit.ship`")


def _row(place: Place, name: str, config: ShipConfig, source: AuditSource) -> dict[str, Any]:
    taken = read_place(note_of(place.data, name))
    waiting, head = next_portion(source, taken).lines, source.head()
    return {
        "destination": name,
        "kind": "syslog" if config.syslog else "https" if config.https else "kafka",
        "format": config.format,
        "taken": taken.sequence,
        "behind": max(0, head.sequence - taken.sequence) if head is not None else len(waiting),
        "oldest": _time(waiting[0]) if waiting else None,
    }


def _time(line: LogLine) -> str:
    return datetime.fromtimestamp(when(line.data), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
