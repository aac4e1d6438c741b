"""What `yett server add` and `yett server remove` change: `yett.yaml`, whole or not at all."""

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from yett.catalogue.build import open_lock
from yett.cli.command import Place
from yett.cli.server_rows import credential_names
from yett.configuration.load import read_text
from yett.configuration.model import ServerSection
from yett.configuration.server_edits import refuse_literal_secrets, with_servers, without_server
from yett.core.errors import CommandError
from yett.credentials.config import REFERENCE_PATTERN
from yett.credentials.references import vault_name
from yett.storage import outbox
from yett.storage.files import write_whole
from yett.upstreams.databases import absolute_database

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


def entry_of(
    place: Place,
    name: str,
    *,
    url: str | None,
    program: str | None,
    words: Sequence[str],
    credentials: Sequence[str],
    variables: Sequence[str],
    cwd: Path | None,
) -> dict[str, Any]:
    """Return the entry of `yett.yaml` that the options mean.

    Raises:
        CommandError: they mean none, or hold a secret where a reference belongs.
    """
    command = _command(program, words)
    if (url is None) == (not command):
        raise CommandError(
            "Say where the server is: either --url URL or --command PROGRAM, or a database with --sql ADDRESS"
        )
    command = [_from_folder(place, word) if not n else word for n, word in enumerate(command)]
    if command and credentials:
        raise CommandError(
            "--credential is sent to a URL. Give a program its secret with --env NAME=secret:SECRET"
        )
    if not command and (variables or cwd):
        raise CommandError("--env and --cwd are for a program that is started with --command")
    entry: dict[str, Any] = {"url": url} if url else {"command": command}
    if credentials:
        entry["credential"] = _credential(name, credentials)
    if variables:
        entry["env"] = _environment(variables)
    if cwd is not None:
        entry["cwd"] = _from_folder(place, f"{cwd}/").rstrip("/")
    section = ServerSection(url=url, command=tuple(command), env=entry.get("env", {}))
    refuse_literal_secrets(name, section)
    return entry


def database_entry(
    place: Place,
    database: str,
    tables: Sequence[str],
    credentials: Sequence[str],
    others: Iterable[object],
) -> dict[str, Any]:
    """Return the entry of a database. others: what the options that are not for one were given.

    Raises:
        CommandError: one of those was given, or there is a secret where a reference belongs.
    """
    if any(others):
        raise CommandError("Only --table and --credential password=secret:NAME go with --sql")
    if place.folder != Path.cwd():
        database = absolute_database(database, Path.cwd())
    entry: dict[str, Any] = {"kind": "sql", "database": database}
    if tables:
        entry["tables"] = list(tables)
    if credentials:
        entry["credential"] = _credential("NAME", credentials)
    return entry


def add_server(place: Place, name: str, entry: dict[str, Any]) -> list[str]:
    """Add it, and return what is to be done next.

    Raises:
        CommandError, ConfigurationError: see `with_servers`. Nothing was changed.
    """
    _change(
        place,
        lambda text: with_servers(text, str(place.config_path), {name: entry}, data=place.data),
        {"event": "server.added", "server": name, "kind": _kind(entry)},
    )
    section = msgspec.convert(entry, ServerSection)
    steps = [
        f"yett secret set {secret} --server {name}"
        for reference in credential_names(section)
        if (secret := vault_name(reference)) is not None
    ]
    steps += [
        f"yett server test {name}",
        f"yett tool approve {name}   # review what it offers",
        f'grant it in {place.config_path}, e.g. roles: {{reader: ["{name}.*:read"]}}',
    ]
    return ["next:", *(f"  {step}" for step in steps)]


def remove_server(place: Place, name: str, *, with_grants: bool) -> list[str]:
    """Remove it, and return what is left of it elsewhere.

    Raises:
        CommandError, ConfigurationError: see `without_server`. Nothing was changed.
    """
    sections = place.configuration().servers
    _change(
        place,
        lambda text: without_server(
            text, str(place.config_path), name, grants=with_grants, data=place.data
        ),
        {"event": "server.removed", "server": name},
    )
    others = {
        reference
        for other, section in sections.items()
        if other != name
        for reference in credential_names(section)
    }
    notes = [
        f"note: the secret `{secret}` is used by no other server; forget it with `yett secret remove {secret}`"
        for reference in credential_names(sections[name])
        if reference not in others and (secret := vault_name(reference)) is not None
    ]
    if name in open_lock(place.folder).read().servers:
        notes.append(f"note: what was approved of `{name}` stays in yett.lock, unused")
    return notes


def _change(place: Place, edit: Callable[[str], str], event: dict[str, Any]) -> None:
    """Edit the file and post the event, both or neither; two commands at once take turns."""
    place.configuration()
    with place.database().transaction() as transaction:
        path = place.config_path
        after = edit(read_text(path))
        outbox.post(transaction, {"actor": place.actor, **event}, place.clock.wall())
        # Last, since it cannot be rolled back.
        write_whole(path, after.encode(), mode=path.stat().st_mode & 0o777)
    place.configuration_changed()


def _command(program: str | None, words: Sequence[str]) -> list[str]:
    """`--command 'uvx server'`, `--command uvx -- server --flag` and `-- uvx server` mean the same."""
    if program is None:
        return list(words)
    if words or not any(character.isspace() for character in program):
        return [program, *words]
    try:
        return shlex.split(program)
    except ValueError:
        raise CommandError(
            "The command has a quote that is not closed. Write --command PROGRAM -- ARGUMENT…"
        ) from None


def _from_folder(place: Place, path: str) -> str:
    """What is relative here is meant from the current directory; in yett.yaml, from its folder."""
    if "/" not in path or Path(path).is_absolute() or place.folder == Path.cwd():
        return path
    return str(Path.cwd() / path)


def _kind(entry: dict[str, Any]) -> str:
    return "sql" if "database" in entry else "http" if "url" in entry else "stdio"


def _credential(server: str, texts: Sequence[str]) -> dict[str, Any]:
    credential: dict[str, Any] = {}
    for text in texts:
        form, equals, value = text.partition("=")
        user, reference = "", value
        if form == "basic":
            user, _, reference = value.partition(":")
        if not equals or not _HEADER.fullmatch(form) or not re.fullmatch(REFERENCE_PATTERN, reference):  # fmt: skip
            # Not repeated: it may be the secret itself.
            raise CommandError(
                "A credential is a form and a reference to a secret: bearer=secret:NAME,"
                " basic=USER:secret:NAME, password=secret:NAME or HEADER-NAME=secret:NAME, never the secret itself."
                f" Store that with `yett secret set NAME --server {server}`, which asks for it"
            )
        if form in ("bearer", "password"):
            credential[form] = reference
        elif form == "basic":
            credential["basic"] = {"username": user, "password": reference}
        else:
            credential.setdefault("headers", {})[form] = reference
    return credential


def _environment(texts: Sequence[str]) -> dict[str, str]:
    environment: dict[str, str] = {}
    for text in texts:
        variable, equals, value = text.partition("=")
        if not equals or not _VARIABLE.fullmatch(variable):
            raise CommandError(
                "--env wants NAME=VALUE with a name of letters, digits and `_`, or NAME=secret:SECRET"
            )
        if variable in environment:
            raise CommandError(f"--env gives `{variable}` twice. Keep one of them")
        environment[variable] = value
    return environment
