"""`yett tool …`: what each server offers, and what of it is approved."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.cli.review import Review, approved_now
from yett.core.errors import CommandError

if TYPE_CHECKING:
    from yett.core.target import Access

group: Final = click.Group("tool", help="Review and approve the tools of the servers.")

_LIST_COLUMNS: Final = ["server", "kind", "name", "access", "access_from", "state", "approved_by"]
_RESULT_COLUMNS: Final = ["server", "kind", "name", "access", "access_from", "result"]


@group.command("list")
@command()
@click.argument("server", required=False)
@click.option("--live", is_flag=True, help="Ask the servers what they show now.")
def list_tools(place: Place, server: str | None, *, live: bool) -> None:
    """List what is approved; with --live also what is new, changed, missing or refused."""
    review = Review(place)
    servers = [review.known(server)] if server else review.servers()
    rows: list[dict[str, Any]] = []
    for name in servers:
        rows += review.live_rows(name) if live else review.pinned_rows(name)
    place.print_rows(
        rows,
        _LIST_COLUMNS,
        empty="none" if live else "none approved yet; `yett tool list --live` asks what there is",
    )


@group.command("show")
@command()
@click.argument("server")
@click.argument("tool")
def show(place: Place, server: str, tool: str) -> None:
    """Show one approved definition, whole."""
    review = Review(place)
    rows = [row for row in review.pinned_rows(review.known(server)) if row["name"] == tool]
    if not rows:
        raise CommandError(
            f"`{server}/{tool}` is not approved. See `yett tool list {server} --live`"
        )
    for row in rows:
        definition = review.definition(server, row["kind"], tool)
        place.print_record(row | {"definition": definition})


@group.command("diff")
@command()
@click.argument("server")
@click.argument("tools", nargs=-1)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
def diff(place: Place, server: str, tools: Sequence[str], *, exit_code: bool) -> None:
    """Ask SERVER what it shows now, and print what differs from what is approved."""
    review = Review(place)
    news = [item for item in review.decide(review.known(server), tools, None) if item.is_news]
    if place.as_json:
        place.print_rows([_change_row(server, item) for item in news])
    elif news:
        _print_news(server, news)
    else:
        place.say("Nothing differs from what is approved.")
    if exit_code and news:
        raise click.exceptions.Exit(1)


@group.command("approve")
@command()
@click.argument("server")
@click.argument("tools", nargs=-1)
@click.option("--access", type=click.Choice(["read", "write"]), help="Class of the tools named.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def approve(
    place: Place, server: str, tools: Sequence[str], access: "Access | None", *, yes: bool
) -> None:
    """Approve what SERVER shows now: the TOOLs named, or all. Doing it twice changes nothing."""
    if access is not None and not tools:
        raise CommandError("--access classifies the tools that you name; name them")
    review = Review(place)
    decisions = review.decide(review.known(server), tools, access)
    news = [item for item in decisions if item.is_news]
    if news and not place.as_json:
        _print_news(server, news)
        if not yes and sys.stdin.isatty():
            click.confirm(f"Approve {len(news)}?", abort=True)
    if news:
        approved_now(place, server, decisions)
    place.print_rows(
        [
            {
                "server": server,
                "kind": item.kind.value,
                "name": item.name,
                "access": item.after.access,
                "access_from": item.after.access_from,
                "digest": item.after.digest,
                "result": "approved" if item.is_news else "unchanged",
            }
            for item in decisions
        ],
        _RESULT_COLUMNS,
    )


@group.command("quarantine")
@command()
@click.argument("server")
@click.argument("tools", nargs=-1, required=True)
def quarantine(place: Place, server: str, tools: Sequence[str]) -> None:
    """Take tools out of use until they are approved again. Doing it twice changes nothing."""
    review = Review(place)
    taken = review.quarantine(review.known(server), tools)
    place.print_rows(
        [
            {
                "server": server,
                "name": name,
                "result": "quarantined" if name in taken else "unchanged",
            }
            for name in dict.fromkeys(tools)
        ]
    )


def _change_row(server: str, item: Any) -> dict[str, Any]:
    return {
        "server": server,
        "kind": item.kind.value,
        "name": item.name,
        "new": item.before is None,
        "quarantined": item.before is not None and item.before.quarantined,
        "access": item.after.access,
        "changes": [str(change) for change in item.changes],
    }


def _print_news(server: str, news: Sequence[Any]) -> None:
    for item in news:
        click.echo(
            f"{server}/{shown(item.name)} ({item.kind.value}, {item.after.access}): {_news_of(item)}"
        )
        if item.before is None and item.after.definition.get("description"):
            click.echo(f"  says: {shown(item.after.definition['description'])}")
        if item.claims_to_read:
            click.echo("  the server claims that it only reads; if you agree: --access read")
        for change in item.changes:
            click.echo(f"  {shown(str(change))}")


def _news_of(item: Any) -> str:
    if item.before is None:
        return "new"
    if item.changes:
        return "changed"
    if item.before.quarantined:
        return "out of use, but as approved"
    return f"its class was {item.before.access}"
