"""`yett policy`: check what the policies say, print them, and explain what they decide."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.core.errors import CommandError

if TYPE_CHECKING:
    from yett.authorization.policies import Policy
    from yett.authorization.stage import Authorizer, Explanation
    from yett.catalogue.lock import Pin
    from yett.configuration.model import Configuration
    from yett.core.call import Call
    from yett.core.identity import Principal
    from yett.core.target import JSON, Access, Target

group: Final = click.Group("policy", help="Check and explain what the policies decide.")

_INPUT_BYTES_MAX: Final = 4 * 1024 * 1024


@group.command("check")
@command()
def check(place: Place) -> None:
    """Check roles and policy files without starting; note what is probably not meant."""
    from yett.authorization.review import review

    configuration = place.configuration()
    files = _files(place, configuration)
    authorizer = _authorizer(place, configuration, files)
    notes = review(configuration.roles, authorizer.policies, configuration.servers.keys())
    place.print_record(
        {
            "ok": True,
            "roles": len(configuration.roles),
            "files": len(files),
            "policies": len(authorizer.policies),
            "version": authorizer.version,
        }
        | ({"notes": [str(note) for note in notes]} if place.as_json else {})
    )
    if not place.as_json:
        for note in notes:
            place.say(f"note: {shown(str(note))}")


@group.command("show")
@command()
@click.option("--schema", is_flag=True, help="What policies may speak of, instead.")
def show(place: Place, *, schema: bool) -> None:
    """Print the whole policy set as Cedar: what `roles` compiles to, then the files."""
    if schema:
        _show_schema(place)
        return
    configuration = place.configuration()
    authorizer = _authorizer(place, configuration, _files(place, configuration))
    if place.as_json:
        place.print_rows([_described(policy) for policy in authorizer.policies])
        return
    file = ""
    for policy in authorizer.policies:
        if policy.statement.file != file:
            file = policy.statement.file
            click.echo(f"// {shown(file)}")
        lines = policy.statement.text.splitlines()
        click.echo("\n".join(shown(line.replace("\t", "    ")) for line in lines) + "\n")


@group.command("explain")
@command()
@click.option("--key", help="Who asks: the name or id of a key.")
@click.option("--role", "roles", multiple=True, help="Who asks, without a key: a role. Repeatable.")
@click.option("--tenant", default="default", show_default=True, help="With --role.")
@click.option("--tool", "tool_name", required=True, metavar="SERVER/TOOL", help="What for.")
@click.option(
    "--access",
    type=click.Choice(["read", "write"]),
    help="The tool's class. Default: as configured or approved.",
)
@click.option(
    "--input",
    "input_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="The arguments: a file with a JSON object, or - for standard input. Default: none.",
)
@click.option("--peer", default="127.0.0.1", show_default=True, help="Where the call comes from.")
def explain(place: Place, /, **options: Any) -> None:
    """Say whether a call would be permitted, by which policies, and what would permit it."""
    configuration = place.configuration()
    files = _files(place, configuration)
    authorizer = _authorizer(place, configuration, files)
    call, principal, target = _question(place, configuration, options)
    explanation = authorizer.explain(call, principal, target)
    record = _answer(principal, target, explanation, authorizer)
    if explanation.refusal is not None:
        from yett.authorization.proposal import propose

        proposal = propose(
            configuration.roles,
            files,
            call=call,
            principal=principal,
            target=target,
            clock=place.clock,
        )
        record["grant"] = f"{proposal.role}: {proposal.grant}" if proposal else None
    place.print_record(record)


def _show_schema(place: Place) -> None:
    from yett.authorization.build import schema

    if place.as_json:
        place.print_record({"schema": schema()})
    else:
        click.echo(schema().rstrip())


def _answer(
    principal: "Principal", target: "Target", explanation: "Explanation", authorizer: "Authorizer"
) -> dict[str, Any]:
    refusal = explanation.refusal
    places = {policy.id: _place_of(policy) for policy in authorizer.policies}
    record: dict[str, Any] = {
        "decision": "permitted" if refusal is None else "denied",
        "key": principal.name,
        "roles": list(principal.roles),
        "unknown_roles": list(explanation.ignored_roles),
        "tool": target.key,
        "access": target.access,
        "policies": list(explanation.policies),
        "where": [places[policy] for policy in explanation.policies],
        "version": authorizer.version,
    }
    if refusal is not None:
        record |= {"reason": refusal.reason, "why": refusal.private, "shown": refusal.shown}
    return record


def _question(
    place: Place, configuration: "Configuration", options: Mapping[str, Any]
) -> "tuple[Call, Principal, Target]":
    """The call as it would stand behind the catalogue."""
    from yett.core.call import Call
    from yett.core.operations import OPERATIONS

    principal = _principal(place, options)
    target = _target(place, configuration, options["tool_name"], options["access"])
    call = Call(
        id="explain",
        operation=OPERATIONS["tools/call"],
        server=target.server,
        name=target.name,
        arguments=_read_input(options["input_path"]),
        credential=None,
        peer=options["peer"],
        door="mcp",
        protocol="2025-11-25",
        received_at=place.clock.wall(),
        started=place.clock.monotonic(),
    )
    return call, principal, target


def _principal(place: Place, options: Mapping[str, Any]) -> "Principal":
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
    return Principal(
        id=stored.id,
        name=stored.name,
        tenant=stored.tenant,
        roles=stored.roles,
        environment=stored.environment,
    )


def _target(
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


def _read_input(path: Path | None) -> "dict[str, JSON]":
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


def _files(place: Place, configuration: "Configuration") -> dict[str, str]:
    from yett.app.servers import policy_files

    return policy_files(configuration, place.folder)


def _authorizer(
    place: Place, configuration: "Configuration", files: Mapping[str, str]
) -> "Authorizer":
    from yett.authorization.build import build

    return build(configuration.roles, files, clock=place.clock)


def _described(policy: "Policy") -> dict[str, Any]:
    return {
        "id": policy.id,
        "effect": policy.effect,
        "file": policy.statement.file,
        "line": policy.statement.line,
        "text": policy.statement.text,
    }


def _place_of(policy: "Policy") -> str:
    return f"{policy.statement.file}:{policy.statement.line}".removesuffix(":0")
