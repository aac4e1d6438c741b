"""`yett approval`: calls that wait for a person, and the people who may answer.

An approver's secret is read from a file, a variable or a hidden prompt, never from the command line:
that is in the process list and in the shell's history (CWE-214).
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from yett.cli.command import Place, command
from yett.cli.place import printable
from yett.configuration.environment import variable
from yett.core.errors import CommandError

if TYPE_CHECKING:
    from yett.authorization.approval.approvers import Approvers
    from yett.authorization.approval.registry import ApprovalRegistry
    from yett.authorization.approval.request import Approver

group: Final = click.Group("approval", help="Decide calls that wait for a person.")
approver_group: Final = click.Group(
    "approver", help="Make and remove people who may agree, each with a secret."
)
group.add_command(approver_group)

_COLUMNS: Final = ["id", "state", "caller", "tool", "arguments", "agreed", "asked_at", "expires_at"]
_ARGUMENTS_CHARS_MAX: Final = 60
_SECRET_BYTES_MAX: Final = 1_024
_VARIABLE: Final = "YETT_APPROVER_SECRET"

_WHO: Final = (
    click.option("--as", "name", help="Answer as this approver; asks for the secret."),
    click.option(
        "--secret-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help=f"With --as: the file with the secret. [env: {_VARIABLE} holds the secret itself]",
    ),
)


def _who(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_WHO):
        function = option(function)
    return function


@group.command("list")
@command()
@click.option("--all", "with_closed", is_flag=True, help="Those that are closed, too.")
def list_approvals(place: Place, *, with_closed: bool) -> None:
    """List what waits for a person, and what was answered and not used yet."""
    found = _registry(place).list(with_closed=with_closed)
    rows = found if place.as_json else [_row(request) for request in found]
    place.print_rows(rows, _COLUMNS, empty="nothing waits for a person")


@group.command("show")
@command()
@click.argument("approval")
def show(place: Place, approval: str) -> None:
    """Show exactly what one call would do, without secrets."""
    _print(place, _registry(place).show(approval))


@group.command("approve")
@command()
@click.argument("approval")
@_who
@click.option(
    "--break-glass",
    is_flag=True,
    help="In an emergency: one person in place of all who are asked. Needs --reason, raises an alert.",
)
@click.option("--reason", default="", help="For the record.")
@click.option("--yes", is_flag=True, help="Do not show the call and ask.")
def approve(
    place: Place,
    /,
    approval: str,
    name: str | None,
    secret_file: Path | None,
    *,
    break_glass: bool,
    reason: str,
    yes: bool,
) -> None:
    """Agree to one call, once. The agent gets through when it makes exactly this call again."""
    registry = _registry(place)
    if not (yes or place.as_json) and sys.stdin.isatty():
        _print(place, registry.show(approval))
        click.confirm("Agree to this?", abort=True)
    by = _approver(place, name, secret_file)
    _print(place, registry.approve(approval, by, break_glass=break_glass, reason=reason))


@group.command("deny")
@command()
@click.argument("approval")
@_who
@click.option("--reason", default="", help="For the record.")
def deny(
    place: Place, approval: str, name: str | None, secret_file: Path | None, *, reason: str
) -> None:
    """Refuse a call, or take a yes back that was not used yet. One no is enough."""
    registry = _registry(place)
    by = _approver(place, name, secret_file)
    _print(place, registry.deny(approval, by, reason=reason))


@approver_group.command("add")
@command()
@click.argument("name")
@click.option("--tenant", help="Whose calls they may see and answer. Default: everybody's.")
def add(place: Place, name: str, tenant: str | None) -> None:
    """Make an approver and show the secret, once."""
    secret = _approvers(place).add(name, actor=place.actor, tenant=tenant).reveal_text()
    place.print_record({"name": name, "tenant": tenant, "secret": secret})
    if not place.as_json:
        place.say(
            f"\nThe secret is shown this once; give it to {name} and to nobody else. It answers with"
            " `yett approval approve ID --as NAME`, or in the admin API as the bearer token."
        )


@approver_group.command("list")
@command()
def list_approvers(place: Place) -> None:
    """List the approvers."""
    place.print_rows(
        _approvers(place).list(), empty="none yet; make one with `yett approval approver add NAME`"
    )


@approver_group.command("remove")
@command()
@click.argument("name")
def remove(place: Place, name: str) -> None:
    """End an approver. What it agreed to and was not used yet counts no more."""
    _approvers(place).remove(name, actor=place.actor)
    place.print_record({"name": name, "removed": True})


def _registry(place: Place) -> "ApprovalRegistry":
    from yett.authorization.approval.registry import ApprovalRegistry

    return ApprovalRegistry(place.database(), place.clock)


def _approvers(place: Place) -> "Approvers":
    from yett.authentication.build import keyed_hash
    from yett.authorization.approval.approvers import Approvers

    database = place.database()
    return Approvers(database, place.clock, keyed_hash(database=database, data=place.data).digest)


def _approver(place: Place, name: str | None, secret_file: Path | None) -> "Approver":
    """Who answers: a named approver with its secret, or whoever may use this data directory."""
    from yett.authorization.approval.request import OPERATOR, Approver

    if name is None:
        if secret_file is not None:
            raise click.UsageError("--secret-file goes with --as NAME")
        return Approver(OPERATOR, place.actor, place.actor)
    found = _approvers(place).recognise(_secret(secret_file))
    if found is None or found.name != name:
        raise CommandError(
            f"This is not the secret of an approver `{name}`. See `yett approval approver list`"
        )
    return found


def _secret(secret_file: Path | None) -> bytes:
    if secret_file is not None:
        with secret_file.open("rb") as file:
            return file.read(_SECRET_BYTES_MAX).strip()
    known = variable(_VARIABLE)
    if known is not None:
        return known.strip().encode()
    if sys.stdin.isatty():
        return str(click.prompt("Secret", hide_input=True, err=True)).strip().encode()
    return sys.stdin.buffer.read(_SECRET_BYTES_MAX).strip()


def _row(request: dict[str, Any]) -> dict[str, Any]:
    arguments = request["arguments"]
    if len(arguments) > _ARGUMENTS_CHARS_MAX:
        arguments = arguments[: _ARGUMENTS_CHARS_MAX - 1] + "…"
    agreed = sum(answer["answer"] != "no" for answer in request["answers"])
    return request | {
        "caller": request["caller"]["name"],
        "tool": f"{request['server']}/{request['tool']}",
        "arguments": arguments,
        "agreed": f"{agreed} of {request['people']}",
    }


def _print(place: Place, request: dict[str, Any]) -> None:
    if place.as_json:
        place.print_record(request)
        return
    answers = [
        f"{answer['name']}: {answer['answer']}"
        + (f" ({answer['reason']})" * bool(answer["reason"]))
        for answer in request["answers"]
    ]
    place.print_record(
        {
            name: value
            for name, value in _row(request).items()
            if name not in ("server", "answers", "arguments", "arguments_cut")
        }
        | {"answers": answers}
    )
    click.echo(f"\n{printable(request['arguments'])}")
    if request["arguments_cut"]:
        click.echo(
            f"… THIS IS ONLY THE BEGINNING of {request['arguments_bytes']} bytes. The whole has the SHA-256 "
            f"{request['arguments_digest']}"
        )
