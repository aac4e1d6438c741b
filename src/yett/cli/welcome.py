"""What `yett up --first-key ROLE` adds: a key for whoever has none yet, and where to put it."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from yett.cli.command import Place
from yett.core.errors import CommandError

if TYPE_CHECKING:
    from yett.configuration.model import Configuration


def check_first_role(configuration: "Configuration", role: str) -> None:
    """Raises:
    CommandError: not in this mode, or there is no such role.
    """
    if configuration.mode != "development":
        raise CommandError(
            "--first-key is for development only. Run `yett key create NAME --role ROLE` instead"
        )
    if role not in configuration.roles:
        exist = ", ".join(configuration.roles) or "none; add one under `roles:`"
        raise CommandError(f"The configuration defines no role `{role}`. There are: {exist}")


def show_first_key(place: Place, configuration: "Configuration", role: str, url: str) -> None:
    """Make a key unless there is one, and show it this once. url: of the gate."""
    from yett.authentication.build import build_registry
    from yett.cli.snippets import snippets
    from yett.core.quantities import duration_seconds

    registry = build_registry(
        database=place.database(), data=place.data, clock=place.clock, actor=place.actor
    )
    program = program_name()
    if registry.list():
        place.say(
            f"There is a key already, which is not shown again: {program} key list. "
            f"Another one: {program} key create NAME --role {role}"
        )
        return
    created = registry.create(
        "first",
        (role,),
        lifetime_seconds=duration_seconds(configuration.authentication.key_lifetime),
    )
    key = created.key.reveal_text()
    if place.as_json:
        place.print_record({"id": created.stored.id, "key": key, "name": "first", "roles": [role]})
        return
    click.echo(f"\nYour first key, shown this once: {key}\n\nPaste one of these:")
    for client, text in snippets(url, key).items():
        click.echo(f"\n# {client}\n{text}")
    tries = ", ".join(f"{program} {words}" for words in ("demo", "audit tail", "audit verify"))
    click.echo(f"\nTry, in a second terminal: {tries}. Stop with Ctrl-C.")


def program_name() -> str:
    """Return what to write for this command: from a checkout it is not in PATH."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "yett" and shutil.which("yett") is None else "yett"
