"""`yett audit …`: read the record of every call, and prove that it is what was written."""

import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import orjson

from yett.audit.chain import escape_hidden
from yett.audit.finding import newest, search
from yett.audit.reading import KINDS, Entry, Filter, Follower
from yett.cli.audit_proof import PROVING
from yett.cli.audit_source import source_of
from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.core.errors import CommandError
from yett.core.quantities import duration_seconds

group: Final = click.Group("audit", help="Read and verify the record of every call.")
for _command in PROVING:
    group.add_command(_command)

_COLUMNS: Final = ["at", "id", "caller", "what", "decision", "reason", "status", "latency_ms"]
_USES: Final = frozenset(("tools/call", "prompts/get", "resources/read"))
_POLL_SECONDS: Final = 0.2


SINCE: Final = click.option(
    "--since", metavar="WHEN", help="1h, 30d, or a time such as 2026-11-22T13:00Z."
)


def _filters(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that a `Filter` is made of."""
    for option in (
        click.option("--text", help="Found anywhere in the record."),
        click.option(
            "--kind",
            type=click.Choice(["decision", *KINDS, "all"]),
            default="decision",
            show_default=True,
            help="`event`: what happened beside the calls.",
        ),
        click.option("--id", "id_", metavar="ID", help="The record's id (Yett-Request-Id)."),
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


def _filter(place: Place, options: dict[str, Any]) -> Filter:
    options["id"] = options.pop("id_")
    for bound in ("since", "until"):
        options[bound] = moment(options[bound], place.clock.wall())
    return Filter(**options)


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
@_filters
def tail(place: Place, *, count: int, follow: bool, **options: Any) -> None:
    """Show the newest records, newest last."""
    source, wanted = source_of(place), _filter(place, options)
    follower = Follower(source, wanted) if follow else None
    _print(place, newest(source, wanted, count))
    while follower is not None:
        for entry in follower.poll():
            click.echo(_as_json(entry) if place.as_json else _as_line(entry))
        time.sleep(_POLL_SECONDS)


@group.command("search")
@command()
@_filters
@click.option("--limit", type=click.IntRange(1), help="Only the newest so many.")
def search_records(place: Place, *, limit: int | None, **options: Any) -> None:
    """Show the records that fit every option, newest last."""
    source, wanted = source_of(place), _filter(place, options)
    _print(place, newest(source, wanted, limit) if limit else search(source, wanted))


@group.command("show")
@command()
@click.argument("id_", metavar="ID")
def show(place: Place, id_: str) -> None:
    """Show one record whole, with the events that belong to it."""
    source = source_of(place)
    entry: Entry | None = None
    events: list[Entry] = []
    for found in search(source, Filter(kind="all", text=id_)):
        if found.get("id") == id_:
            entry = found
        elif found["kind"] == "event" and id_ in found["details"].values():
            events.append(found)
    if entry is None:
        raise CommandError(f"no record has the id `{id_}`. `yett audit search` lists them")
    if place.as_json:
        click.echo(_as_json(entry | {"events": events}))
        return
    place.print_record({name: _cell(value) for name, value in entry.items()})
    for event in events:
        click.echo(_as_line(event))


@group.command("export")
@command()
@_filters
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A new file; made readable by you only.",
)
def export(place: Place, *, output: Path, **options: Any) -> None:
    """Write the records that fit to a file, one JSON object per line."""
    source, wanted = source_of(place), _filter(place, options)
    try:
        fd = os.open(output, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise CommandError(f"`{output}` exists already. Choose another --output") from error
    count = 0
    with open(fd, "w", encoding="utf-8") as file:  # noqa: PTH123 - opened so that nobody else can read
        for entry in search(source, wanted):
            file.write(_as_json(entry) + "\n")
            count += 1
    place.say(f"{count} records written to {output}")


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


def _print(place: Place, entries: Iterable[Entry]) -> None:
    if place.as_json:
        for entry in entries:
            click.echo(_as_json(entry))
        return
    place.print_rows([_row(entry) for entry in entries], _COLUMNS)


def _as_json(value: Entry) -> str:
    """One line that no terminal obeys."""
    return escape_hidden(orjson.dumps(value).decode())


def _as_line(entry: Entry) -> str:
    row = _row(entry)
    return "  ".join(shown(row[name]) for name in _COLUMNS if row[name] is not None)


def _row(entry: Entry) -> dict[str, Any]:
    is_event = entry["kind"] == "event"
    caller = entry.get("caller")
    return {
        "at": entry["at"],
        "id": entry.get("id"),
        "caller": entry.get("actor") if is_event else caller and caller["name"],
        "what": _what_happened(entry) if is_event else _what_was_asked(entry),
        "decision": entry.get("decision"),
        "reason": entry.get("reason"),
        "status": entry.get("status"),
        "latency_ms": entry.get("latency_ms"),
    }


def _what_happened(entry: Entry) -> str:
    """Name the event, and what it is about: the tool of a server, a key, a secret."""
    details = entry["details"]
    about = _target(details) or details.get("name") or details.get("secret")
    return f"{entry['event']} {about}" if about else str(entry["event"])


def _what_was_asked(entry: Entry) -> str:
    """Name the target; and the method, unless it is the one by which such a target is used."""
    method = entry.get("method") or entry["kind"]
    if entry.get("tool") and method in _USES:
        return _target(entry)
    return f"{_target(entry)} {method}".strip()


def _target(entry: Entry) -> str:
    return "/".join(filter(None, (entry.get("server"), entry.get("tool"))))


def _cell(value: object) -> object:
    return orjson.dumps(value).decode() if isinstance(value, (dict, list)) else value
