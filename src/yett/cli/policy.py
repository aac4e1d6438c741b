"""`yett policy`: check what the policies say, print them, and explain what they decide."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.cli.policy_question import (
    authorizer_of,
    files_of,
    house_of,
    offers_of,
    question_of,
)
from yett.cli.policy_trials import replay, shadow, suggest, test
from yett.core.errors import CommandError

if TYPE_CHECKING:
    from yett.authorization.explanation import Explanation
    from yett.authorization.policies import Policy
    from yett.authorization.stage import Authorizer
    from yett.core.identity import Principal
    from yett.core.target import Target

group: Final = click.Group("policy", help="Check and explain what the policies decide.")


@group.command("check")
@command()
@click.option("--strict", is_flag=True, help="Exit with 1 if there is a warning.")
def check(place: Place, *, strict: bool) -> None:
    """Check roles and policy files without starting; tell of policies that do not do what they look like.

    What the gate would refuse is an error. A warning is about a policy that reads what a tool does not have, never
    applies, or makes no difference; a note is about what is probably not meant.
    """
    from yett.app.servers import tool_marks
    from yett.app.statements import statement_warnings
    from yett.authorization.review import review, review_rows
    from yett.authorization.rows import tools_with_rows

    configuration = place.configuration()
    files = files_of(place, configuration)
    authorizer = authorizer_of(place, configuration, files)
    house = house_of(place, configuration, authorizer)
    notes = review(configuration.roles, authorizer.policies, house)
    notes += review_rows(authorizer.policies, tools_with_rows(tool_marks(configuration)))
    notes += statement_warnings(configuration, house.offers)
    warnings = [shown(str(note)) for note in notes if note.serious]
    doubts = [shown(str(note)) for note in notes if not note.serious]
    place.print_record(
        {
            "ok": not warnings,
            "roles": len(configuration.roles),
            "files": len(files),
            "policies": len(authorizer.policies),
            "version": authorizer.version,
        }
        | ({"warnings": warnings, "notes": doubts} if place.as_json else {})
    )
    if not place.as_json:
        for text in [
            *(f"warning: {each}" for each in warnings),
            *(f"note: {each}" for each in doubts),
        ]:
            place.say(text)
    if strict and warnings:
        raise CommandError(f"{len(warnings)} of the policies do not do what they look like")


@group.command("show")
@command()
@click.option("--schema", is_flag=True, help="What policies may speak of, instead.")
@click.option("--tool", metavar="SERVER/TOOL", help="With --schema: for calls of this tool alone.")
@click.option("--server", help="With --schema: of the tools of this server alone.")
def show(place: Place, *, schema: bool, tool: str | None, server: str | None) -> None:
    """Print the whole policy set as Cedar: what `roles` compiles to, then the files.

    --schema: what policies may speak of, and the arguments of each tool and prompt that was approved.
    """
    if schema:
        _show_schema(place, tool, server)
        return
    configuration = place.configuration()
    authorizer = authorizer_of(place, configuration, files_of(place, configuration))
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
    files = files_of(place, configuration)
    authorizer = authorizer_of(place, configuration, files)
    call, principal, target = question_of(place, configuration, options)
    explanation = authorizer.explain(call, principal, target)
    record = _answer(principal, target, explanation, authorizer)
    if explanation.refusal is not None:
        from yett.app.servers import tool_marks
        from yett.authorization.proposal import propose

        proposal = propose(
            configuration.roles,
            files,
            call=call,
            principal=principal,
            target=target,
            clock=place.clock,
            marks=tool_marks(configuration),
        )
        record["grant"] = f"{proposal.role}: {proposal.grant}" if proposal else None
    place.print_record(record)


def _show_schema(place: Place, tool: str | None, server: str | None) -> None:
    from yett.authorization.build import schema
    from yett.authorization.offers import write_shapes

    offers = offers_of(place, place.configuration())
    if tool is not None:
        found = [offer for offer in offers if offer.key == tool]
        if not found:
            raise CommandError(f"`{tool}` is not approved. See `yett tool list`")
        text = schema(found[0])
    else:
        chosen = [offer for offer in offers if server in {None, offer.server}]
        text = schema().rstrip() + "\n\n" + write_shapes(chosen)
    if place.as_json:
        place.print_record({"schema": text})
    else:
        click.echo(text.rstrip())


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
    if explanation.rows is not None:
        from yett.authorization.rows_words import rows_in_words

        record["rows"] = rows_in_words(explanation.rows)
        record["row_policies"] = list(explanation.rows.policies)
    return record


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


for trial in (test, replay, suggest, shadow):
    group.add_command(trial)
