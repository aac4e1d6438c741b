"""`yett audit export`: records for other programs."""

import os
import time
from pathlib import Path
from typing import Any

import click

from yett.audit.export import FORMATS, lines_of
from yett.audit.finding import search
from yett.cli.audit_filters import filter_of, filters
from yett.cli.audit_source import shelf_of, source_of
from yett.cli.command import Place, command
from yett.core.errors import CommandError


@click.command("export")
@command()
@filters
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="jsonl",
    show_default=True,
    help="JSON lines, CSV, or events of the Open Cybersecurity Schema Framework.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A new file; made readable by you only.",
)
def export(place: Place, *, output: Path, form: str, **options: Any) -> None:
    """Write the records that fit to a file, one per line, oldest first."""
    source, wanted = source_of(place), filter_of(place, options)
    begun = time.perf_counter()
    try:
        fd = os.open(output, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise CommandError(f"`{output}` exists already. Choose another --output") from error
    count = -(form == "csv")  # its first line names the columns
    size = 0
    with open(fd, "w", encoding="utf-8") as file:  # noqa: PTH123 - opened so that nobody else can read
        for line in lines_of(search(source, wanted, shelf_of(place)), form):
            file.write(line)
            size += len(line)
            count += 1
    if not place.as_json:
        place.say(f"{count} records written to {output}")
        return
    seconds = round(time.perf_counter() - begun, 3)
    place.print_record(
        {
            "records": count,
            "characters": size,
            "seconds": seconds,
            "format": form,
            "file": str(output),
        }
    )
