"""`yett tool …`: what each server offers, and what of it is approved."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.cli.review import Review, approved_now
from yett.cli.tool_picture import as_rows, print_news, print_tool
from yett.core.errors import CommandError

if TYPE_CHECKING:
    from yett.catalogue.approval import Decision
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
    """Show one approved definition: what it is, who approved it, how strict its schema is, and which
    bounds Yett adds."""
    review = Review(place)
    rows = [row for row in review.pinned_rows(review.known(server)) if row["name"] == tool]
    if not rows:
        raise CommandError(
            f"`{server}/{tool}` is not approved. See `yett tool list {server} --live`"
        )
    for row in rows:
        whole = row | review.details(server, row["kind"], tool)
        if place.as_json:
            place.print_record(whole)
        else:
            print_tool(place, whole)


@group.command("diff")
@command()
@click.argument("server")
@click.argument("tools", nargs=-1)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
def diff(place: Place, server: str, tools: Sequence[str], *, exit_code: bool) -> None:
    """Ask SERVER what it shows now, and print what differs from what is approved, and what that means."""
    review = Review(place)
    news = [item for item in review.decide(review.known(server), tools, None) if item.is_news]
    if place.as_json:
        place.print_rows([as_rows(server, item) for item in news])
    elif news:
        print_news(server, news)
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
@click.option(
    "--despite-findings", "despite", is_flag=True, help="Approve what is suspicious, too; it is recorded."
)  # fmt: skip
def approve(
    place: Place,
    server: str,
    tools: Sequence[str],
    access: "Access | None",
    *,
    yes: bool,
    despite: bool,
) -> None:
    """Approve what SERVER shows now: the TOOLs named, or all. Doing it twice changes nothing. What is
    suspicious is refused, unless --despite-findings says that you have seen it."""
    if access is not None and not tools:
        raise CommandError("--access classifies the tools that you name; name them")
    review = Review(place)
    decisions = review.decide(review.known(server), tools, access)
    news = [item for item in decisions if item.is_news]
    refused = [item for item in news if item.is_suspicious and not despite]
    wanted = [item for item in decisions if item not in refused]
    if news and not place.as_json:
        print_news(server, news)
        count = len(news) - len(refused)
        if count and not yes and sys.stdin.isatty():
            click.confirm(f"Approve {count}?", abort=True)
    if len(news) > len(refused):
        approved_now(place, server, wanted)
    place.print_rows(
        [_result_row(server, item, refused=item in refused) for item in decisions],
        _RESULT_COLUMNS,
    )
    if refused:
        place.say(
            f"Not approved, because of what was found: {', '.join(shown(item.name) for item in refused)}. "
            "If you have read it and agree, name it and add --despite-findings"
        )
        raise click.exceptions.Exit(1)


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


def _result_row(server: str, item: "Decision", *, refused: bool) -> dict[str, Any]:
    return {
        "server": server,
        "kind": item.kind.value,
        "name": item.name,
        "access": item.after.access,
        "access_from": item.after.access_from,
        "digest": item.after.digest,
        "findings": [str(finding) for finding in item.findings if finding.severity == "high"],
        "result": "refused" if refused else "approved" if item.is_news else "unchanged",
    }
