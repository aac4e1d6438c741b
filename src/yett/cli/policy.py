"""`yett policy`: check what the policies say, print them, and explain what they decide."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.cli.policy_question import authorizer_of, files_of, question_of
from yett.cli.policy_trials import replay, shadow, suggest, test

if TYPE_CHECKING:
    from yett.authorization.explanation import Explanation
    from yett.authorization.policies import Policy
    from yett.authorization.stage import Authorizer
    from yett.core.identity import Principal
    from yett.core.target import Target

group: Final = click.Group("policy", help="Check and explain what the policies decide.")


@group.command("check")
@command()
def check(place: Place) -> None:
    """Check roles and policy files without starting; note what is probably not meant."""
    from yett.app.servers import tool_marks
    from yett.authorization.review import review, review_rows
    from yett.authorization.rows import tools_with_rows

    configuration = place.configuration()
    files = files_of(place, configuration)
    authorizer = authorizer_of(place, configuration, files)
    notes = review(configuration.roles, authorizer.policies, configuration.servers.keys())
    notes += review_rows(authorizer.policies, tools_with_rows(tool_marks(configuration)))
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
