"""What commands propose to say about the arguments of tools: YAML to be read, changed and pasted."""

from collections.abc import Iterable
from typing import Any

import click
import yaml

from yett.app.servers import argument_rules
from yett.cli.place import shown
from yett.configuration.model import Configuration
from yett.core.target import JSON
from yett.validation.config import ArgumentRules
from yett.validation.kinds.suggesting import Proposals, propose


def proposals(
    configuration: Configuration, server: str, definitions: Iterable[JSON]
) -> dict[str, Proposals]:
    """Return, by tool, what is not said yet, by the operator or by a ready-made entry."""
    section, rules = configuration.servers[server], argument_rules(configuration)
    found: dict[str, Proposals] = {}
    for definition in definitions if section.database is None else ():
        tool = definition.get("name") if isinstance(definition, dict) else None
        if not isinstance(tool, str):
            continue
        said = rules.get(f"{server}/{tool}", ArgumentRules()).arguments
        fresh = {
            name: kind
            for name, kind in propose(definition, section.command).items()
            if name not in said
        }
        if fresh:
            found[tool] = fresh
    return found


def print_proposals(config: str, server: str, by_tool: dict[str, Proposals]) -> None:
    """Print what could be pasted into the configuration; nothing if there is nothing."""
    if not by_tool:
        return
    tools: dict[str, Any] = {tool: {"arguments": kinds} for tool, kinds in by_tool.items()}
    click.echo(f"proposed for {config}, by names and schemas; the values are examples:\n")
    written = yaml.safe_dump(
        {"servers": {server: {"tools": tools}}}, sort_keys=False, allow_unicode=False, width=10_000
    )
    for line in written.splitlines():
        click.echo(f"  {shown(line)}")
    click.echo("\nWhat each kind lets through: docs/how-to/guard-arguments.md")
