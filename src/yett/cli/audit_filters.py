"""Which records a command is about: the options that a `Filter` is made of."""

from collections.abc import Callable
from typing import Any, Final

import click

from yett.audit.asking import filter_from
from yett.audit.reading import KINDS, Filter
from yett.cli.command import Place

SINCE: Final = click.option(
    "--since", metavar="WHEN", help="1h, 30d, or a time such as 2026-11-22T13:00Z."
)


def filters(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that a `Filter` is made of."""
    for option in (
        click.option(
            "--where",
            multiple=True,
            metavar="NAME=VALUE",
            help="Any other member of a record: peer, method, door, definition, findings, policies, actor …",
        ),
        click.option(
            "--text",
            metavar="WORDS",
            help="Words that stand in the record one after the other, in any case; `invoi*` may go on.",
        ),
        click.option(
            "--kind",
            type=click.Choice(["decision", *KINDS, "all"]),
            default="decision",
            show_default=True,
            help="`event`: what happened beside the calls.",
        ),
        click.option("--id", "id_", metavar="ID", help="The record's id (Yett-Request-Id)."),
        click.option(
            "--trace", metavar="ID", help="The trace that the caller's request belongs to."
        ),
        click.option("--reason", help="Why it was refused, e.g. not_permitted."),
        click.option(
            "--status",
            type=click.Choice(["ok", "tool_error", "input_required", "refused", "unknown"]),
            help="How the call, or this round of it, ended.",
        ),
        click.option(
            "--decision",
            type=click.Choice(["allowed", "denied", "error"]),
            help="What became of the call.",
        ),
        click.option("--tenant", help="Of the caller."),
        click.option("--server", help="Whom the call was meant for."),
        click.option("--tool", metavar="SERVER[/TOOL]", help="What the call was meant for."),
        click.option("--key", help="Id or name of the caller's key."),
        click.option("--until", metavar="WHEN", help="Like --since."),
        SINCE,
    ):
        function = option(function)
    return function


def filter_of(place: Place, options: dict[str, Any]) -> Filter:
    """Return what the options say.

    Raises:
        CommandError: one of them says nothing that can be looked for.
    """
    members = list(options.pop("where"))
    trace = options.pop("trace")
    if trace:
        members.append(f"trace={trace}")
    options["id"] = options.pop("id_")
    given = {name: value for name, value in options.items() if value is not None}
    return filter_from(given, members, place.clock.wall())
