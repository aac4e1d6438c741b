"""What the commands about policies ask: who, what for, with which arguments, by which policies."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from yett.cli.command import Place
from yett.core.errors import CommandError

if TYPE_CHECKING:
    from yett.authorization.labels import Labels
    from yett.authorization.offers import Offer
    from yett.authorization.review import House
    from yett.authorization.stage import Authorizer
    from yett.catalogue.lock import Pin
    from yett.configuration.model import Configuration
    from yett.core.call import Call, Door
    from yett.core.clock import Clock
    from yett.core.identity import Principal
    from yett.core.target import JSON, Access, Target

_INPUT_BYTES_MAX: Final = 4 * 1024 * 1024


def question_of(
    place: Place, configuration: "Configuration", options: Mapping[str, Any]
) -> "tuple[Call, Principal, Target]":
    """The call as it would stand behind the catalogue."""
    principal = principal_of(place, options)
    target = target_of(place, configuration, options["tool_name"], options["access"])
    call = call_of(
        target, read_input(options["input_path"]), peer=options["peer"], at=place.clock.wall()
    )
    return call, principal, target


def call_of(
    target: "Target",
    arguments: "dict[str, JSON]",
    *,
    peer: str,
    at: float,
    door: "Door" = "mcp",
    protocol: str = "2025-11-25",
    session: str = "",
) -> "Call":
    """at: seconds since 1970."""
    from yett.core.call import Call
    from yett.core.operations import OPERATIONS

    return Call(
        id="explain",
        operation=OPERATIONS["tools/call"],
        server=target.server,
        name=target.name,
        session=session,
        arguments=arguments,
        credential=None,
        peer=peer,
        door=door,
        protocol=protocol,
        received_at=at,
        started=at,
    )


def principal_of(place: Place, options: Mapping[str, Any]) -> "Principal":
    from yett.core.identity import Principal

    if bool(options["key"]) == bool(options["roles"]):
        raise CommandError("Say who asks: either --key NAME or --role ROLE")
    if not options["key"]:
        roles = tuple(sorted(set(options["roles"])))
        name = f"a key with {', '.join(roles)}"
        return Principal(id="explain", name=name, tenant=options["tenant"], roles=roles)
    from yett.authentication.build import build_registry

    stored = build_registry(
        database=place.database(), data=place.data, clock=place.clock, actor=place.actor
    ).show(options["key"])
    if stored.revoked_at is not None:
        place.say(f"note: the key `{stored.name}` is revoked, so it is not let in at all")
    return stored.principal


def target_of(
    place: Place, configuration: "Configuration", tool: str, access: "Access | None"
) -> "Target":
    """What the lock and the configuration say of a tool; --access prevails."""
    from yett.core.operations import Kind
    from yett.core.target import SEPARATOR, Target

    server, slash, name = tool.partition("/")
    if not (server and slash and name):
        raise CommandError(f"`{tool}` is no tool. Write --tool SERVER/TOOL")
    if server not in configuration.servers:
        raise CommandError(f"The configuration has no server `{server}`. See `yett server list`")
    pin = _pin(place, server, name)
    section = configuration.servers[server].tools.get(name)
    access = access or (section and section.access) or (pin and pin.access) or None
    if access is None:
        raise CommandError(
            f"`{tool}` is not approved, so nobody may call it. Approve it with `yett tool approve "
            f"{server} {name}`, or give its class with --access read or --access write"
        )
    return Target(
        kind=Kind.TOOL,
        server=server,
        name=name,
        public_name=f"{server}{SEPARATOR}{name}",
        access=access,
        digest=pin.digest if pin else "",
        quarantined=pin.quarantined if pin else False,
    )


def _pin(place: Place, server: str, tool: str) -> "Pin | None":
    from yett.catalogue.build import open_lock

    pins = open_lock(place.folder).read().servers.get(server)
    return pins.tools.get(tool) if pins else None


def read_input(path: Path | None) -> "dict[str, JSON]":
    from yett.core.document import DocumentError, parse

    if path is None:
        return {}
    with click.open_file(str(path), "rb") as file:
        content = file.read(_INPUT_BYTES_MAX + 1)
    try:
        value = parse(content.strip())
    except DocumentError as error:
        raise CommandError(f"`{path}` cannot be the arguments: {error}") from None
    if not isinstance(value, dict) or len(content) > _INPUT_BYTES_MAX:
        raise CommandError(
            f"`{path}` cannot be the arguments: it is no JSON object of at most 4 MB"
        )
    return value


def files_of(place: Place, configuration: "Configuration") -> dict[str, str]:
    from yett.app.servers import policy_files

    return policy_files(configuration, place.folder)


def authorizer_of(
    place: Place,
    configuration: "Configuration",
    files: Mapping[str, str],
    *,
    clock: "Clock | None" = None,
    labels: "Labels | None" = None,
) -> "Authorizer":
    """Build a policy set. clock: default, the place's. labels: default, nobody has seen anything."""
    from yett.app.servers import tool_marks
    from yett.authorization.build import build

    return build(
        configuration.roles,
        files,
        clock=clock or place.clock,
        labels=labels,
        marks=tool_marks(configuration),
    )


def offers_of(place: Place, configuration: "Configuration") -> "list[Offer]":
    """What was approved, of the servers that are configured."""
    from yett.app.offers import approved
    from yett.catalogue.build import open_lock

    return approved(configuration, open_lock(place.folder).read())


def house_of(place: Place, configuration: "Configuration", authorizer: "Authorizer") -> "House":
    """What there is besides policies. Keys are looked up only if a policy names one."""
    from yett.authentication.build import build_registry
    from yett.authorization.build import hold_against
    from yett.authorization.policies import mentioned
    from yett.authorization.review import House

    offers = offers_of(place, configuration)
    keys: frozenset[str] | None = None
    if mentioned(authorizer.policies, "Key"):
        registry = build_registry(
            database=place.database(), data=place.data, clock=place.clock, actor=place.actor
        )
        keys = frozenset(key.id for key in registry.list())
    return House(
        servers=configuration.servers.keys(),
        offers=offers,
        fitting=hold_against(authorizer.policies, offers),
        keys=keys,
    )
