"""`yett completion SHELL`: the script that makes a shell complete `yett …`."""

import click
from click.shell_completion import get_completion_class

from yett.cli.root import root


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def group(shell: str) -> None:
    """Print the completion script of SHELL; load it with: eval "$(yett completion bash)"."""
    completion = get_completion_class(shell)
    if completion is not None:
        click.echo(completion(root, {}, "yett", "_YETT_COMPLETE").source())
