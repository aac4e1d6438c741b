"""docs/reference/commands.md: every command with its help, from the click tree."""

from collections.abc import Iterator

import click
from scripts.reference.page import NOTE

from yett.cli.root import COMMANDS, root


def commands() -> list[tuple[str, click.Command]]:
    """Return every command there is, with its words: `key create`."""
    return list(_walk_commands("", root))


def _walk_commands(prefix: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{prefix}{name}", command
        if isinstance(command, click.Group):
            yield from _walk_commands(f"{prefix}{name} ", command)


def commands_page() -> str:
    lines = [
        "# Commands\n",
        NOTE,
        "Every command works whether the gate runs or not. It exits 0 when it did what it was asked, 1 when it was",
        "refused or failed, 2 when the command line or the configuration cannot be used, 130 after Ctrl-C. With `--json`",
        "results are JSON on standard output, one object per line, and a failure is one JSON object on standard error.\n",
        "| variable | stands for |",
        "|---|---|",
        "| `YETT_CONFIG` | `--config` |",
        "| `YETT_DATA` | `--data` |",
        "| `YETT_VAULT_PASSPHRASE` | opens the vault in place of a key file |\n",
    ]
    for words, command in commands():
        help_ = _help(words, command)
        level = "###" if " " in words else "##"
        lines.append(f"{level} yett {words}\n\n```text\n{help_}\n```\n")
    absent = [f"`{name}`" for name in COMMANDS if name not in dict(commands())]
    if absent:
        lines.append(f"Names that are reserved and not there yet: {', '.join(absent)}.\n")
    return "\n".join(lines)


def _help(words: str, command: click.Command) -> str:
    context = click.Context(
        command,
        info_name=f"yett {words}",
        terminal_width=100,
        help_option_names=["-h", "--help"],
    )
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
