"""`yett server …`: the MCP servers behind the gate, as `yett.yaml` names them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.core.errors import CommandError

group: Final = click.Group("server", help="List, add, test and remove upstream servers.")

_COLUMNS: Final = [
    "name", "kind", "address", "approved", "quarantined", "missing", "credentials", "may_ask",
]  # fmt: skip


@group.command("list")
@command()
def list_servers(place: Place) -> None:
    """List the servers of yett.yaml, without asking them.

    `approved` and `quarantined` count what yett.lock has of each; `missing` names the tools that
    yett.yaml sets something for and that are not approved.
    """
    from yett.cli.server_rows import server_rows

    place.print_rows(
        server_rows(place),
        _COLUMNS,
        empty="none yet; add one with `yett server add` or `yett import`",
    )


@group.command("test")
@command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
def test(place: Place, names: Sequence[str]) -> None:
    """Connect to each NAME, or to all servers, and say how it went; exit 1 if one failed.

    The server is started or reached as the gate would, with its own credential, and asked what it
    offers; nothing is called.
    """
    from yett.cli.server_contact import contact, known

    configuration = place.configuration()
    failed = []
    for name in known(configuration, names):
        record = contact(place, name)
        _print_result(place, record)
        if not record["ok"]:
            failed.append(name)
    if failed:
        raise click.exceptions.Exit(1)


@group.command("add")
@command()
@click.argument("name")
@click.argument("words", metavar="[-- ARGUMENT...]", nargs=-1)
@click.option("--url", help="Where the server speaks Streamable HTTP.")
@click.option("--sql", "database", metavar="ADDRESS", help="A database that Yett's own server reads: postgresql://USER@HOST/DATABASE, sqlite:///absolute/path or sqlite:relative/path.")  # fmt: skip
@click.option("--table", "tables", multiple=True, help="With --sql: the only tables that may be read. Repeatable.")  # fmt: skip
@click.option("--command", "program", help="The program that is the server; quote one with arguments.")  # fmt: skip
@click.option(
    "--credential",
    "credentials",
    multiple=True,
    metavar="FORM=REFERENCE",
    help="With --url: bearer=secret:NAME, basic=USER:secret:NAME or HEADER-NAME=secret:NAME. With --sql:"
    " password=secret:NAME.",
)
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="With --command: a variable; a secret as NAME=secret:SECRET. Repeatable.",
)
@click.option("--cwd", type=click.Path(path_type=Path), help="With --command: where it starts.")
@click.option("--ask/--no-ask", default=None, help="Ask it for its tools, and propose what their arguments are; at a terminal, unless said otherwise.")  # fmt: skip
def add(place: Place, /, **options: Any) -> None:
    """Add a server to yett.yaml; comments and layout stay.

    \b
    yett server add github --url https://api.example/mcp/ --credential bearer=secret:token
    yett server add time --command uvx -- mcp-server-time --local-timezone UTC
    yett server add sales --sql postgresql://reader@db.example/sales --credential password=secret:db
    """  # noqa: D301 - click wants the character itself
    from yett.cli.server_changes import add_server, database_entry, entry_of

    name, database, tables, ask = (options.pop(it) for it in ("name", "database", "tables", "ask"))
    if database is None:
        if tables:
            raise CommandError("--table goes with --sql")
        entry = entry_of(place, name, **options)
    else:
        credentials = options.pop("credentials")
        entry = database_entry(place, database, tables, credentials, options.values())
    notes = add_server(place, name, entry)
    record: dict[str, Any] = {"name": name, "added": True}
    if ask or (ask is None and sys.stdin.isatty() and not place.as_json):
        record["proposed_arguments"] = _ask(place, name)
    _print_change(place, record, notes)


def _ask(place: Place, name: str) -> dict[str, Any]:
    """Return what could be said about the arguments of a new server; nothing if it does not answer yet."""
    from yett.cli.server_contact import contact

    found: dict[str, Any] = contact(place, name)["proposed_arguments"]
    return found


@group.command("remove")
@command()
@click.argument("name")
@click.option("--with-grants", is_flag=True, help="Take the grants that name it out of the roles.")
def remove(place: Place, name: str, *, with_grants: bool) -> None:
    """Take a server out of yett.yaml; comments and layout stay."""
    from yett.cli.server_changes import remove_server

    notes = remove_server(place, name, with_grants=with_grants)
    _print_change(place, {"name": name, "removed": True}, notes)


def _print_result(place: Place, record: dict[str, Any]) -> None:
    if place.as_json:
        place.print_record(record)
        return
    words, proposed = record.pop("last_words"), record.pop("proposed_arguments")
    place.print_record({key: value for key, value in record.items() if value is not None})
    if words:
        click.echo("it wrote last:")
        for word in words:
            click.echo(f"  {shown(word)}")
    _print_proposals(place, record["server"], proposed)
    click.echo("")


def _print_proposals(place: Place, server: str, proposed: dict[str, Any]) -> None:
    from yett.cli.argument_proposals import print_proposals

    print_proposals(str(place.config_path), server, proposed)


def _print_change(place: Place, record: dict[str, Any], notes: Sequence[str]) -> None:
    config = str(place.config_path)
    if place.as_json:
        place.print_record(record | {"config": config, "notes": list(notes)})
        return
    proposed = record.pop("proposed_arguments", {})
    click.echo(f"{config}: {'added' if 'added' in record else 'removed'} `{record['name']}`")
    for note in notes:
        click.echo(note)
    if proposed:
        click.echo("")
        _print_proposals(place, record["name"], proposed)
