"""`yett audit …`: read the record of every call, and prove that it is what was written."""

import importlib
import os
import time
from typing import Any, Final, final

import click

from yett.audit.finding import newest, search, whole
from yett.audit.index.stretches import stretches
from yett.audit.reading import Follower
from yett.cli.audit_filters import filter_of, filters
from yett.cli.audit_rows import as_json, as_line, cell, print_entries
from yett.cli.audit_source import shelf_of, source_of
from yett.cli.command import Place, command
from yett.cli.root import LookedUp
from yett.core.errors import CommandError

_ELSEWHERE: Final = {
    "archive": ("audit_keeping", "archive"),
    "checkpoint": ("audit_proof", "checkpoint"),
    "digest": ("audit_proof", "digest"),
    "export": ("audit_export", "export"),
    "hold": ("audit_keeping", "hold"),
    "key": ("audit_proof", "key"),
    "prove": ("audit_proof", "prove"),
    "restore": ("audit_keeping", "restore_log"),
    "ship": ("audit_ship", "show_destinations"),
    "verify": ("audit_proof", "verify_log"),
}
"""Command → file and name of what it is; looked up when it is asked for, since some take long to import."""


@final
class _Group(LookedUp):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, name = _ELSEWHERE[cmd_name]
        found = getattr(importlib.import_module(f"yett.cli.{module}"), name)
        assert isinstance(found, click.Command)  # noqa: S101 - what the table says
        return found


group: Final = _Group("audit", help="Read and verify the record of every call.")

_POLL_SECONDS: Final = 0.2
_ROWS_MAX: Final = 1_000
_POLITENESS: Final = 10


@group.command("tail")
@command()
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="How many.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@filters
def tail(place: Place, *, count: int, follow: bool, **options: Any) -> None:
    """Show the newest records, newest last."""
    source, wanted = source_of(place), filter_of(place, options)
    follower = Follower(source, wanted) if follow else None
    print_entries(place, newest(source, wanted, count, shelf_of(place)))
    while follower is not None:
        for entry in follower.poll():
            click.echo(as_json(entry) if place.as_json else as_line(entry))
        time.sleep(_POLL_SECONDS)


@group.command("search")
@command()
@filters
@click.option(
    "--limit",
    type=click.IntRange(1),
    help=f"Only the newest so many. Default: {_ROWS_MAX:,} in a table, all with --json.",
)
@click.option("--scan", is_flag=True, help="Read the whole log and use no index.")
def search_records(place: Place, *, limit: int | None, scan: bool, **options: Any) -> None:
    """Show the records that fit every option, newest last."""
    source, wanted = source_of(place), filter_of(place, options)
    shelf = None if scan else shelf_of(place)
    if limit is None and place.as_json:
        print_entries(place, search(source, wanted, shelf))
        return
    shown = limit or _ROWS_MAX
    found = newest(source, wanted, shown + 1, shelf)
    print_entries(place, found[-shown:])
    if len(found) > shown:
        click.echo(f"there are more than these newest {shown:,}; --limit shows more", err=True)


@group.command("show")
@command()
@click.argument("id_", metavar="ID")
def show(place: Place, id_: str) -> None:
    """Show one record whole, with the events and the later rounds that belong to it."""
    entry = whole(source_of(place), id_, shelf_of(place))
    if entry is None:
        raise CommandError(f"no record has the id `{id_}`. `yett audit search` lists them")
    if place.as_json:
        click.echo(as_json(entry))
        return
    events = entry.pop("events")
    place.print_record({name: cell(value) for name, value in entry.items()})
    for event in events:
        click.echo(as_line(event))


@group.command("index")
@command()
@click.option(
    "--check", is_flag=True, help="Compare the index with the log; exit 1 if it is not of it."
)
def index(place: Place, *, check: bool) -> None:
    """Make what makes searching quick. Nothing is lost with it: delete it whenever you like."""
    os.nice(_POLITENESS)
    source, shelf = source_of(place), shelf_of(place)
    fixed, _ = stretches(source)
    shelf.forget_gone()
    wrong = made = 0
    for stretch in reversed(fixed):
        if not shelf.has(stretch):
            shelf.make(stretch)
            made += 1
        elif check and not shelf.check(stretch):
            shelf.make(stretch)
            wrong += 1
    place.print_record({"stretches": len(fixed), "made": made, "wrong": wrong})
    if wrong:
        raise click.exceptions.Exit(1)
