"""`yett demo`: the gate at work, against a real server, in under a minute."""

import tempfile
from pathlib import Path

import click

from yett.assurance.tour import Step, Tour
from yett.cli.command import Place, command
from yett.cli.place import shown
from yett.core.errors import CommandError

_EXPLAINED = {
    "allowed": "the role `reader` has the grant notes.*:read, and read_note only reads",
    "refused": "delete_note writes; the caller cannot tell it from a tool that does not exist",
    "invalid": "the title is empty, and the approved schema wants a character",
    "limited": "the configuration allows three searches a minute",
    "cleaned": "the note hid an instruction, a terminal escape and a token",
}


@click.command("demo")
@command()
def group(place: Place) -> None:
    """Show the gate at work against a real server, in under a minute."""
    with tempfile.TemporaryDirectory(prefix="yett-demo-") as folder:
        tour = Tour(Path(folder))
        place.say("Starting a gate with a small real MCP server behind it …")
        with tour.running():
            steps = []
            for step in tour.steps():
                steps.append(step)
                _show(place, step)
        verdict = tour.verify()
        if place.as_json:
            place.print_record({"audit_verify": verdict, "records": len(tour.records())})
        else:
            click.echo(f"\nEach of them left a record. yett audit verify: {verdict}")
    wrong = [step.title for step in steps if not step.as_expected]
    if wrong:
        raise CommandError(
            f"The gate did not do as promised: {', '.join(wrong)}. Please report this"
        )


def _show(place: Place, step: Step) -> None:
    if place.as_json:
        place.print_record(
            {
                "step": step.title,
                "call": step.call,
                "status": step.status,
                "told": step.told,
                "as_expected": step.as_expected,
            }
        )
        return
    mark = "ok" if step.as_expected else "WRONG"
    click.echo(f"\n{step.title:<8} {step.call:<20} HTTP {step.status}  [{mark}]")
    click.echo(f"         {shown(step.told)}")
    click.echo(f"         because {_EXPLAINED[step.title]}")
