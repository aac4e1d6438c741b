"""Which records a command is about: the options that a `Filter` is made of."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import click

from yett.audit.reading import KINDS, Filter
from yett.audit.words import NUMBERS, words
from yett.cli.command import Place
from yett.core.errors import CommandError
from yett.core.quantities import duration_seconds

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
    options["id"] = options.pop("id_")
    for bound in ("since", "until"):
        options[bound] = moment(options[bound], place.clock.wall())
    members = [("trace", options["trace"])] if options.pop("trace", None) else []
    members += [member_of(text) for text in options.pop("where")]
    if options["text"] is not None and not words(options["text"]):
        raise CommandError(f"`{options['text']}` has no letter and no digit to look for")
    return Filter(members=tuple(members), **options)


def member_of(text: str) -> tuple[str, str]:
    """Return name and value of `NAME=VALUE`.

    Raises:
        CommandError: it is no such thing, or nobody can search for it.
    """
    name, separator, value = text.partition("=")
    if not separator or not name or not value:
        raise CommandError(f"--where takes NAME=VALUE, and not `{text}`")
    if name in NUMBERS:
        raise CommandError(f"`{name}` is a number or a time; --where compares texts")
    return name, value


def moment(text: str | None, now: float) -> str | None:
    """Return `1h` (ago) or an ISO time as the log writes times."""
    if text is None:
        return None
    try:
        found = datetime.fromtimestamp(now - duration_seconds(text), UTC)
    except ValueError:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise CommandError(
                f"`{text}` is no time. Write how long ago (1h, 30d) or 2026-11-22T13:00Z"
            ) from None
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return found.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
