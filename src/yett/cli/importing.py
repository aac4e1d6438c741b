"""`yett import`: take over the servers of an agent's client, and leave no secret behind."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import click
import msgspec

from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.configuration.addresses import gate_url
from yett.configuration.environment import variables
from yett.configuration.server_edits import with_servers
from yett.configuration.takeover.client_file import Client, ClientFile, read_client_file
from yett.configuration.takeover.client_rewriting import how_to_give_the_key, rewritten
from yett.configuration.takeover.plan import (
    Plan,
    Step,
    check_no_secret_remains,
    make_plan,
)
from yett.configuration.takeover.variables import Surroundings
from yett.core.errors import CommandError
from yett.storage.files import write_whole

if TYPE_CHECKING:  # cryptography is slow to load, and a dry run needs none
    from yett.credentials.vault import Vault

_FILE_BYTES_MAX: Final = 8 * 1024 * 1024
_NEW_MODE: Final = 0o644
_PRIVATE: Final = 0o600


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rewrite", is_flag=True, help="Point the client at Yett; a backup is kept.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@click.option(
    "--client",
    type=click.Choice(get_args(Client)),
    help="Whose file it is. Default: told from its name and content.",
)
@command()
def group(place: Place, file: Path, *, rewrite: bool, dry_run: bool, client: Client | None) -> None:
    """Take over the MCP servers of FILE: of Claude Desktop, Claude Code, Cursor, VS Code, or mcp.json.

    Secrets in arguments, addresses, environment and headers move into the vault; yett.yaml refers to
    them by name. Either everything is done or nothing.
    """
    text = _read(file)
    client_file = read_client_file(file, text, client=client)
    plan = _plan(place, client_file, dry_run=dry_run)
    refused = [step for step in plan.steps if step.status == "refused"]
    if rewrite and refused:
        names = ", ".join(f"`{step.original}` ({step.notes[0]})" for step in refused)
        raise CommandError(
            f"The file cannot be rewritten, since not all servers can be taken over: {names}."
            " Remove them there, or leave out --rewrite. Nothing was changed"
        )
    before = place.config_path.read_text(encoding="utf-8") if place.config_path.exists() else ""
    after = with_servers(before, str(place.config_path), plan.entries(), data=place.data)
    check_no_secret_remains(plan, after, str(place.config_path))
    new_client: str | None = None
    if rewrite:
        new_client = rewritten(client_file, url=_url(place))
        check_no_secret_remains(plan, new_client, str(file))
    backup = _backup_path(place, file) if rewrite else None
    if not dry_run:
        _apply(
            place, plan, file=file, before=before, after=after, new_client=new_client, backup=backup
        )
    _report(place, plan, client_file, file=file, backup=backup, dry_run=dry_run)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(_FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise CommandError(f"There is no file `{file}`") from None
    except OSError as error:
        raise CommandError(f"`{file}` cannot be read: {error.strerror}") from None
    if len(content) > _FILE_BYTES_MAX:
        raise CommandError(f"`{file}` is larger than 8 MB; this is no client's file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError(f"`{file}` is not UTF-8 text. Nothing was changed") from None


def _plan(place: Place, file: ClientFile, *, dry_run: bool) -> Plan:
    configuration = place.configuration_or_default()
    names: frozenset[str] = frozenset()
    if not dry_run:
        place.make_data()  # taking over may be how somebody begins
    if place.data.exists():
        names = frozenset(info.name for info in place.vault().names())
    surroundings = Surroundings(
        environment=variables(),
        root=file.root,
        home=Path.home(),
        expands=file.client != "claude-desktop",
    )
    return make_plan(
        file,
        configured=msgspec.to_builtins(configuration.servers),
        secret_names=names,
        surroundings=surroundings,
        own_url=_url(place),
        mode=configuration.mode,
    )


def _apply(
    place: Place,
    plan: Plan,
    *,
    file: Path,
    before: str,
    after: str,
    new_client: str | None,
    backup: Path | None,
) -> None:
    """Do it; whatever fails, everything done so far is undone."""
    config = place.config_path
    with contextlib.ExitStack() as undo:
        if backup is not None:
            write_whole(backup, file.read_bytes(), mode=_PRIVATE)
            undo.callback(backup.unlink, missing_ok=True)
        if plan.secrets():
            _store(place.vault(), plan, place.actor, undo)
        if after != before:
            existed = config.exists()
            mode = config.stat().st_mode & 0o777 if existed else _NEW_MODE
            write_whole(config, after.encode(), mode=mode)
            if existed:
                undo.callback(write_whole, config, before.encode(), mode=mode)
            else:
                undo.callback(config.unlink, missing_ok=True)
        if new_client is not None:
            write_whole(file, new_client.encode(), mode=file.stat().st_mode & 0o777)
        undo.pop_all()


def _store(vault: "Vault", plan: Plan, actor: str, undo: contextlib.ExitStack) -> None:
    for name, (server, value) in plan.secrets().items():
        try:
            vault.put(name, value, servers=(server,), actor=actor)
        except ValueError as error:
            raise CommandError(
                f"The secret `{name}` of `{server}` cannot be stored: {error}. Nothing was changed"
            ) from None
        undo.callback(vault.remove, name, actor=actor)


def _backup_path(place: Place, file: Path) -> Path:
    moment = datetime.fromtimestamp(place.clock.wall(), UTC)
    path = file.with_name(f"{file.name}.backup-{moment:%Y%m%dT%H%M%SZ}")
    if path.exists():
        raise CommandError(f"`{path}` is there already. Wait a second. Nothing was changed")
    return path


def _url(place: Place) -> str:
    return f"{gate_url(place.configuration_or_default())}/mcp"


def _report(
    place: Place, plan: Plan, client: ClientFile, *, file: Path, backup: Path | None, dry_run: bool
) -> None:
    missing = {name: taken.name for taken in plan.taken() for name in taken.missing}
    if place.as_json:
        place.print_record(
            {
                "client": client.client,
                "dry_run": dry_run,
                "servers": [_row(step) for step in plan.steps],
                "secrets": sorted(plan.secrets()),
                "missing": sorted(missing),
                "config": str(place.config_path),
                "rewritten": str(file) if backup else None,
                "backup": str(backup) if backup else None,
            }
        )
        return
    place.print_rows(
        [_row(step) for step in plan.steps], ["server", "status", "secrets", "missing"]
    )
    for step in plan.steps:
        for note in step.notes:
            click.echo(f"{step.name}: {shown(note)}")
    if dry_run:
        click.echo("nothing was changed (--dry-run)")
        return
    _say_next(place, plan, missing, rewritten=backup is not None)
    if backup is not None:
        click.echo(f"rewrote {file}; {how_to_give_the_key(client.client)}")
        click.echo(
            f"warning: {backup} still holds the old secrets. Delete it once everything works, and"
            " rotate secrets that others may have seen"
        )
    elif plan.secrets():
        click.echo(
            f"note: {file} still holds the secrets; --rewrite points it at Yett without them"
        )


def _say_next(place: Place, plan: Plan, missing: dict[str, str], *, rewritten: bool) -> None:
    count, stored = len(plan.entries()), len(plan.secrets())
    click.echo(
        f"{place.config_path}: added {_count(count, 'server')}; moved {_count(stored, 'secret')} into the vault"
    )
    steps = [f"yett secret set {name} --server {server}" for name, server in missing.items()]
    if count:
        grants = ", ".join(f'"{name}.*:read"' for name in plan.entries())
        steps.append(f"grant them in {place.config_path}, e.g. roles: {{reader: [{grants}]}}")
    if rewritten:
        steps.append("yett key create NAME --role reader   # the key that the client sends")
    if steps:
        click.echo("next:")
    for step in steps:
        click.echo(f"  {step}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _row(step: Step) -> dict[str, Any]:
    taken = step.taken
    return {
        "server": step.name,
        "status": step.status,
        "secrets": sorted(taken.secrets) if taken else [],
        "missing": list(taken.missing) if taken else [],
        "notes": list(step.notes),
    }
