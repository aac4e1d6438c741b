"""`yett key …`: the keys of callers, from the first to the last day."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from yett.cli.command import Place, command
from yett.core.clock import iso_time_or_none
from yett.core.errors import CommandError, ConfigurationError
from yett.storage import outbox

if TYPE_CHECKING:
    from yett.authentication.registry import IssuedKey, KeyRegistry
    from yett.configuration.model import Configuration
    from yett.core.identity import Environment

group: Final = click.Group("key", help="Create, list, rotate and revoke the keys of callers.")

_COLUMNS: Final = ["id", "name", "state", "roles", "tenant", "environment", "expires_at"]


@group.command("create")
@command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, help="A role; may be repeated. Needed.")
@click.option("--tenant", default="default", show_default=True, help="Whom the caller belongs to.")
@click.option(
    "--environment",
    type=click.Choice(["live", "test"]),
    default="live",
    show_default=True,
    help="Production takes live keys only.",
)
@click.option("--expires", help="Lifetime such as 90d. Default: authentication.key_lifetime.")
def create(
    place: Place,
    name: str,
    roles: Sequence[str],
    tenant: str,
    environment: "Environment",
    expires: str | None,
) -> None:
    """Make a key and show it, once."""
    configuration = place.configuration()
    _check_roles(roles, configuration.roles)
    issued = _registry(place).create(
        name,
        roles,
        lifetime_seconds=_seconds(expires or configuration.authentication.key_lifetime),
        tenant=tenant,
        environment=environment,
    )
    _show_once(place, issued, configuration)


@group.command("list")
@command()
@click.option("--all", "with_revoked", is_flag=True, help="Revoked keys, too.")
def list_keys(place: Place, *, with_revoked: bool) -> None:
    """List the keys."""
    registry = _registry(place)
    rows = [registry.describe(key) for key in registry.list()]
    place.print_rows(
        [row for row in rows if with_revoked or row["state"] != "revoked"],
        _COLUMNS,
        empty="none yet; make one with `yett key create NAME --role ROLE`",
    )


@group.command("show")
@command()
@click.argument("key")
def show(place: Place, key: str) -> None:
    """Show one key, by id or name. Its secret is kept nowhere and cannot be shown again."""
    registry = _registry(place)
    place.print_record(registry.describe(registry.show(key)))


@group.command("rotate")
@command()
@click.argument("key")
@click.option("--overlap", help="How long the old secret works on, such as 24h or 0s.")
@click.option("--expires", help="Lifetime from now. Default: authentication.key_lifetime.")
def rotate(place: Place, key: str, overlap: str | None, expires: str | None) -> None:
    """Give a key a new secret, and show it once."""
    configuration = place.configuration()
    settings = configuration.authentication
    issued = _registry(place).rotate(
        key,
        overlap_seconds=_seconds(overlap or settings.rotation_overlap),
        lifetime_seconds=_seconds(expires or settings.key_lifetime),
    )
    _show_once(place, issued, configuration)


@group.command("revoke")
@command()
@click.argument("key")
def revoke(place: Place, key: str) -> None:
    """End a key for good, within five seconds everywhere."""
    registry = _registry(place)
    place.print_record(registry.describe(registry.revoke(key)))


@group.command("unblock")
@command()
@click.argument("key")
def unblock(place: Place, key: str) -> None:
    """Let a key call again whose breaker is open, at once; what it failed before is forgotten.

    A gate that runs has done so when the command returns. Why it was closed, `yett audit search` tells.
    """
    from yett.limits.orders import post

    registry = _registry(place)
    stored = registry.show(key)
    event = {"event": "breaker.unblocked", "caller": stored.id, "key": stored.name}
    with place.database().transaction() as transaction:
        at = place.clock.wall()
        post(transaction, "unblock", stored.id, at)
        outbox.post(transaction, {**event, "actor": place.actor}, at)
    place.print_record(registry.describe(stored))


@group.command("clock")
@command()
@click.option("--accept", is_flag=True, required=True, help="The clock is right now.")
def clock(place: Place, *, accept: bool) -> None:
    """Accept this machine's clock after a time when it ran ahead, for keys and for budgets.

    What was spent while it did counts in the periods of today.
    """
    del accept
    _registry(place).accept_clock()
    from yett.limits.build import accept_clock

    try:
        rewound = accept_clock(place.data, place.clock)
    except ConfigurationError as error:
        raise CommandError(
            f"Keys follow the clock again, budgets not yet: {error.problems[0].message}."
            " Stop the gate and run this once more"
        ) from error
    if rewound:
        with place.database().transaction() as transaction:
            event = {"event": "clock.accepted", "actor": place.actor, "of": "ledger"}
            outbox.post(transaction, event, place.clock.wall())
    place.say("The clock of this machine is taken for right.")


def _registry(place: Place) -> "KeyRegistry":
    from yett.authentication.build import build_registry

    return build_registry(
        database=place.database(), data=place.data, clock=place.clock, actor=place.actor
    )


def _check_roles(roles: Sequence[str], defined: Mapping[str, object]) -> None:
    exist = ", ".join(sorted(defined)) or "none; add one under `roles:`"
    if not roles:
        raise click.UsageError(f"A key has a role: add --role ROLE. There are: {exist}")
    unknown = sorted(set(roles) - set(defined))
    if unknown:
        names = ", ".join(f"`{role}`" for role in unknown)
        raise CommandError(f"The configuration defines no role {names}. There are: {exist}")


def _seconds(text: str) -> float:
    from yett.core.quantities import duration_seconds

    try:
        return duration_seconds(text)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _show_once(place: Place, issued: "IssuedKey", configuration: "Configuration") -> None:
    from yett.cli.snippets import snippets
    from yett.configuration.addresses import gate_url

    stored = issued.stored
    key = issued.key.reveal_text()
    place.print_record(
        {
            "id": stored.id,
            "key": key,
            "name": stored.name,
            "roles": list(stored.roles),
            "tenant": stored.tenant,
            "environment": stored.environment,
            "expires_at": iso_time_or_none(stored.expires_at),
        }
    )
    if not place.as_json:
        place.say("\nThe key is shown this once. Keep it now, or put it where it is used:")
        for client, text in snippets(gate_url(configuration), key).items():
            place.say(f"\n{client}:\n{text}")
