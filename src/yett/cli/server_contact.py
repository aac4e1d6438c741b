"""What `yett server test` does: one real conversation, and the next step if it fails."""

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from yett.cli.argument_proposals import proposals
from yett.cli.command import Place
from yett.cli.server_rows import credential_names
from yett.configuration.model import Configuration, ServerSection
from yett.core.errors import CommandError, Refusal
from yett.core.reasons import Reason

if TYPE_CHECKING:
    from yett.app.discovery import Contact

_COUNTS: Final = ("tools", "prompts", "resources", "resource_templates")


def known(configuration: Configuration, names: Sequence[str]) -> list[str]:
    """Return the servers meant: all without a name.

    Raises:
        CommandError: there is none of that name, or none at all.
    """
    exist = list(configuration.servers)
    if not exist:
        raise CommandError(
            "The configuration has no servers yet. Add one with `yett server add` or `yett import`"
        )
    for name in names:
        if name not in exist:
            raise CommandError(
                f"The configuration has no server `{name}`. There are: {', '.join(exist)}"
            )
    return list(dict.fromkeys(names)) or exist


def contact(place: Place, name: str) -> dict[str, Any]:
    """Return what came of it, ready to be printed.

    Raises:
        ConfigurationError: the vault's key, or a file that the server's section names, cannot be used.
    """
    from yett.app.discovery import contact_once

    if sys.stderr.isatty():
        click.echo(f"asking {name} …", err=True)
    configuration = place.configuration()
    found = asyncio.run(
        contact_once(
            configuration,
            place.make_data(),
            name,
            folder=place.folder,
            database=place.database(),
            clock=place.clock,
        )
    )
    record = _record(name, configuration.servers[name], found)
    tools = () if found.definitions is None else found.definitions.tools
    return record | {"proposed_arguments": proposals(configuration, name, tools)}


def _record(name: str, section: ServerSection, found: "Contact") -> dict[str, Any]:
    record: dict[str, Any] = {
        "server": name,
        "ok": found.definitions is not None,
        "era": found.era.value if found.era else None,
        "protocol": found.version,
    }
    for what in _COUNTS:
        record[what] = None if found.definitions is None else len(getattr(found.definitions, what))
    record["seconds"] = round(found.seconds, 3)
    record["credentials"] = credential_names(section)
    refusal = found.refusal
    record["reason"] = refusal.reason.value if refusal else None
    record["why"] = refusal.private if refusal else None
    record["fix"] = _fix(name, section, refusal) if refusal else None
    record["last_words"] = list(found.last_words)
    return record


def _fix(name: str, section: ServerSection, refusal: Refusal) -> str:
    """Return the next step; what the refusal says decides where its reason is too broad."""
    why = refusal.private
    if refusal.reason is Reason.INTERNAL_ERROR:
        references = [found for found in credential_names(section) if found.startswith("secret:")]
        secrets = [found.removeprefix("secret:") for found in references]
        secret = next((found for found in secrets if f"`{found}`" in why), "NAME")
        return f"Run `yett secret set {secret} --server {name}`; `yett secret audit` shows them all"
    if section.command:
        return _fix_of_program(refusal)
    if section.database is not None and (said := _fix_of_database(name, section.database, refusal)):
        return said
    if "certificate" in why:
        return (
            "Name the authority that issued its certificate in `ca`. If `pins` refused its key,"
            " ask its operator whether it was replaced"
        )
    if "credential" in why:
        return (
            "Give it the right one: `credential: {bearer: secret:NAME}` in yett.yaml, and"
            f" `yett secret set NAME --server {name}`"
        )
    if refusal.reason is Reason.UPSTREAM_INVALID:
        return (
            "Check that `url` is the address of the MCP endpoint itself, such as https://host/mcp"
        )
    return "Check `url`, and that the server runs and can be reached from this machine"


def _fix_of_database(name: str, address: str, refusal: Refusal) -> str | None:
    """What is the same for every server behind a network is said elsewhere: None."""
    if refusal.reason is Reason.UPSTREAM_INVALID:
        return (
            "Give it a role that can only read, as said above; see docs/how-to/offer-a-database.md"
        )
    if "credential" in refusal.private:
        return (
            "Give it the password of the role: `credential: {password: secret:NAME}` in yett.yaml, and"
            f" `yett secret set NAME --server {name}`"
        )
    if "certificate" in refusal.private:
        return None
    if address.startswith("sqlite:"):
        return (
            "Check `database`: a file that the gate may read. sqlite:///data/x.db is /data/x.db;"
            " sqlite:data/x.db is meant from yett.yaml"
        )
    return "Check `database`: a server that lets that role in from here"


def _fix_of_program(refusal: Refusal) -> str:
    if "no such" in refusal.private or "does not exist" in refusal.private:
        return "Install it, or correct `command` and `cwd`; relative paths are meant from yett.yaml"
    if refusal.reason is Reason.UPSTREAM_TIMEOUT:
        return "Try again if it was being installed; it must answer on its standard output"
    return "Run the command by hand; from the gate it sees PATH, HOME and what `env` gives it, only"
