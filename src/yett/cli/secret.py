"""`yett secret`: put secrets into the vault, and see which are there; a value never comes out again.

A value is read from standard input, a file or a hidden prompt, never from the command line: that is
in the process list and in the shell's history (CWE-214).
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from yett.cli.command import Place, command
from yett.core.bounds import SECRET_BYTES_MAX
from yett.core.clock import iso_time
from yett.core.errors import CommandError
from yett.core.quantities import duration_seconds
from yett.core.secret import Secret
from yett.credentials.config import NAME_PATTERN

if TYPE_CHECKING:  # both take their time to load
    from yett.configuration.model import Configuration
    from yett.credentials.vault import SecretInfo

_DAY_SECONDS: Final = 86400.0

group = click.Group("secret", help="Keep the credentials that servers need, encrypted.")

_VALUE_OPTIONS: Final = (
    click.option(
        "--from-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Read the value from this file instead of standard input.",
    ),
    # Taken only to be refused in our own words: click's would repeat the value.
    click.argument("surplus", nargs=-1, metavar=""),
)


def _takes_value(function: Any) -> Any:
    for option in _VALUE_OPTIONS:
        function = option(function)
    return function


@group.command("set")
@command()
@click.argument("name")
@_takes_value
@click.option("--server", "servers", multiple=True, help="Who may be given it. Repeat for several.")
@click.option(
    "--honeytoken", is_flag=True, help="Nobody may use it: whoever sends it raises an alert."
)
@click.option(
    "--cut-key", is_flag=True, help="With --honeytoken: the key that sends it is revoked."
)
def set_(
    place: Place,
    name: str,
    surplus: tuple[str, ...],
    from_file: Path | None,
    servers: tuple[str, ...],
    *,
    honeytoken: bool,
    cut_key: bool,
) -> None:
    """Store a secret for the servers named, in place of what it was before.

    The value is read from standard input, from --from-file, or asked for.
    """
    _refuse_surplus(surplus)
    if not re.fullmatch(NAME_PATTERN, name):
        raise CommandError(
            "A secret's name is made of a-z, 0-9, `-` and `_`, at most 63 of them, and is no secret itself"
        )
    from yett.alerts.config import ALERTS
    from yett.authorization.config import APPROVALS

    configuration = place.configuration_or_default()
    if honeytoken or cut_key:
        _set_honeytoken(
            place, name, from_file, is_used=bool(servers) or not honeytoken, cuts=cut_key
        )
        return
    if not servers:
        users = sorted(_users(configuration).get(name, ()))
        options = " ".join(f"--server {server}" for server in users or ["SERVER"])
        raise CommandError(
            f"A secret belongs to the servers that may use it. Run `yett secret set {name} {options}`"
        )
    vault = place.vault()
    value = _read_value(from_file)
    try:
        version = vault.put(name, value, servers=servers, actor=place.actor)
    except ValueError as error:
        raise CommandError(_sentence(error)) from None
    unknown = sorted(set(servers) - {*configuration.servers, APPROVALS, ALERTS})
    if unknown:
        place.say(f"note: not in the configuration (yet): {', '.join(unknown)}")
    place.print_record({"name": name, "version": version, "servers": sorted(set(servers))})


def _set_honeytoken(
    place: Place, name: str, from_file: Path | None, *, is_used: bool, cuts: bool
) -> None:
    if is_used:
        raise CommandError("A honeytoken is for no server. Run `yett secret set NAME --honeytoken`")
    vault = place.vault()
    try:
        version = vault.put_honeytoken(name, _read_value(from_file), cuts=cuts, actor=place.actor)
    except ValueError as error:
        raise CommandError(_sentence(error)) from None
    place.print_record({"name": name, "version": version, "honeytoken": True, "cuts_key": cuts})


@group.command("rotate")
@command()
@click.argument("name")
@_takes_value
def rotate(place: Place, name: str, surplus: tuple[str, ...], from_file: Path | None) -> None:
    """Store a new value of a secret, for the same servers. A running gate takes it up within 5 s."""
    from yett.credentials.vault import UnknownSecretError

    _refuse_surplus(surplus)
    vault = place.vault()
    if name not in {info.name for info in vault.names()}:
        raise _unknown(name)
    value = _read_value(from_file)
    try:
        version = vault.rotate(name, value, actor=place.actor)
    except UnknownSecretError:
        raise _unknown(name) from None
    except ValueError as error:
        raise CommandError(_sentence(error)) from None
    place.print_record({"name": name, "version": version})


@group.command("remove")
@command()
@click.argument("name")
def remove(place: Place, name: str) -> None:
    """Forget a secret. Calls that need it fail from then on."""
    from yett.credentials.vault import UnknownSecretError

    configuration = place.configuration_or_default()
    try:
        place.vault().remove(name, actor=place.actor)
    except UnknownSecretError:
        raise _unknown(name) from None
    users = sorted(_users(configuration).get(name, ()))
    if users:
        place.say(f"note: the configuration still refers to it for: {', '.join(users)}")
    place.print_record({"name": name, "removed": True})


@group.command("list")
@command()
def list_(place: Place) -> None:
    """Show which secrets there are and for whom; never a value."""
    place.print_rows(
        [_row(info) for info in place.vault().names()],
        empty="none yet; store one with `yett secret set NAME --server SERVER`",
    )


@group.command("audit")
@command()
@click.option("--max-age", default="90d", show_default=True, help="Older than this is overdue.")
def audit(place: Place, max_age: str) -> None:
    """Show what is overdue, unused, missing, or used by a server that may not; exit 1 if anything is.

    Unused alone is not a failure.
    """
    try:
        seconds = duration_seconds(max_age)
    except ValueError as error:
        raise CommandError(f"{_sentence(error)}. Write --max-age 90d") from None
    configuration = place.configuration_or_default()
    users = _users(configuration)
    infos = {info.name: info for info in place.vault().names()}
    rows = [
        _audit_row(name, infos.get(name), users.get(name, ()), seconds)
        for name in sorted(infos.keys() | users.keys())
    ]
    place.print_rows(rows)
    if any(set(row["findings"]) - {"unused"} for row in rows):
        raise click.exceptions.Exit(1)


def _audit_row(
    name: str, info: "SecretInfo | None", users: Iterable[str], seconds_max: float
) -> dict[str, Any]:
    used_by = sorted(users)
    if info is None:
        none: dict[str, Any] = {"version": None, "age_days": None, "servers": []}
        return {"name": name, **none, "used_by": used_by, "findings": ["missing"]}
    findings = [f"not for {server}" for server in used_by if server not in info.servers]
    if info.age_seconds > seconds_max and not info.is_honeytoken:
        findings.append("overdue")
    if not used_by and not info.is_honeytoken:
        findings.append("unused")
    return {
        "name": name,
        "version": info.version,
        "age_days": int(info.age_seconds // _DAY_SECONDS),
        "servers": _servers_of(info),
        "used_by": used_by,
        "findings": findings,
    }


def _row(info: "SecretInfo") -> dict[str, Any]:
    return {
        "name": info.name,
        "version": info.version,
        "servers": _servers_of(info),
        "created_at": iso_time(info.created_at),
        "age_days": int(info.age_seconds // _DAY_SECONDS),
    }


def _servers_of(info: "SecretInfo") -> list[str]:
    return ["none: a honeytoken"] if info.is_honeytoken else list(info.servers)


def _users(configuration: "Configuration") -> dict[str, set[str]]:
    """Which servers refer to which secret of the vault."""
    from yett.alerts.config import ALERTS, references_of_alerts
    from yett.authorization.config import APPROVALS
    from yett.credentials.references import references_of, vault_name

    users: dict[str, set[str]] = {}
    webhook = vault_name(configuration.approvals.secret or "")
    if webhook is not None:
        users[webhook] = {APPROVALS}
    for reference in references_of_alerts(configuration.alerts):
        users.setdefault(vault_name(reference) or "", set()).add(ALERTS)
    for server, section in configuration.servers.items():
        for reference in references_of(section.credential, section.env, section.command):
            name = vault_name(reference)
            if name is not None:
                users.setdefault(name, set()).add(server)
    return users


def _read_value(from_file: Path | None) -> Secret:
    """Read a value; one line end at its end was put there by `echo` or an editor."""
    from yett.credentials.weakness import is_placeholder

    if from_file is not None:
        with from_file.open("rb") as file:
            content = file.read(SECRET_BYTES_MAX + 3)
    elif sys.stdin.isatty():
        content = click.prompt("Value", hide_input=True, err=True).encode()
    else:
        content = sys.stdin.buffer.read(SECRET_BYTES_MAX + 3)
    value = Secret(content.removesuffix(b"\n").removesuffix(b"\r"))
    if not value:
        raise CommandError(
            "The value is empty. Pipe it in (`… | yett secret set …`), name a file with --from-file,"
            " or run this at a terminal to be asked for it"
        )
    if is_placeholder(value):
        raise CommandError("This is a placeholder, not a secret. Put in the real value")
    return value


def _refuse_surplus(surplus: tuple[str, ...]) -> None:
    if surplus:
        raise CommandError(
            "A value is never taken from the command line, where other users and the shell's history"
            " see it. Pipe it in or wait to be asked; and change this one, it has been seen"
        )


def _unknown(name: str) -> CommandError:
    return CommandError(f"There is no secret `{name}`. See `yett secret list`")


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
