"""`yett schema`: the JSON Schema of yett.yaml, for editors that complete and check while one types."""

import click
import orjson

from yett.cli.command import Place, command
from yett.configuration.schema import json_schema


@click.command("schema")
@command()
def group(place: Place) -> None:
    """Print the JSON Schema of yett.yaml.

    For VS Code and others with the YAML language server, put this into the first line of yett.yaml:
    # yaml-language-server: $schema=yett.schema.json
    """
    option = 0 if place.as_json else orjson.OPT_INDENT_2
    click.echo(orjson.dumps(json_schema(), option=option).decode())
