"""The command `yett` itself: a table of names, none of which is imported before it is used.

`yett --help` and the completion of names read the table only, so they stay as quick as Python.
A file of this package exposes what it adds as `group` (a click.Group, or one click.Command).
"""

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Final, NamedTuple, final

import click
from click.shell_completion import CompletionItem

import yett

_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells report it


class _Entry(NamedTuple):
    """module: in `yett.cli`. summary: one line for `yett --help`."""

    module: str
    summary: str


COMMANDS: Final[dict[str, _Entry]] = {
    "up": _Entry("up", "Serve, in the foreground, until SIGTERM or Ctrl-C."),
    "init": _Entry("init", "Write a first yett.yaml."),
    "import": _Entry("importing", "Take over the MCP servers of Claude, Cursor or VS Code."),
    "demo": _Entry("demo", "Show the gate at work against a real server, in under a minute."),
    "check": _Entry("check", "Validate the configuration without starting."),
    "schema": _Entry("schema", "Print the JSON Schema of yett.yaml for editors."),
    "key": _Entry("key", "Create, list, rotate and revoke the keys of callers."),
    "server": _Entry("server", "List, add, test and remove upstream servers."),
    "tool": _Entry("tool", "Review and approve the tools of the servers."),
    "lock": _Entry("lock", "Sign yett.lock, and see who has."),
    "policy": _Entry("policy", "Check and explain what the policies decide."),
    "secret": _Entry("secret", "Keep the secrets that servers need."),
    "usage": _Entry("usage", "Show what keys used and what they have left."),
    "audit": _Entry("audit", "Read and verify the record of every call."),
    "approval": _Entry("approval", "Decide calls that wait for a person."),
    "alert": _Entry("alert", "List and acknowledge alerts."),
    "catalogue": _Entry("catalogue", "Search ready-made entries for well-known servers."),
    "prove": _Entry("prove", "Attack this gate and show that each control holds."),
    "scan": _Entry("scan", "Search the source of an MCP server for weaknesses."),
    "probe": _Entry("probe", "Send hostile inputs to an MCP endpoint and report."),
    "checklist": _Entry("checklist", "Tick off a secure deployment, with evidence."),
    "completion": _Entry("completion", "Print the completion script of a shell."),
}


class LookedUp(click.Group):
    """A group whose commands are imported when they are asked for. It suggests those of a like name, too."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=self.list_commands(ctx), ctx=ctx
            ) from None


@final
class _LazyGroup(LookedUp):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [name for name, entry in COMMANDS.items() if find_spec(f"yett.cli.{entry.module}")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        found = importlib.import_module(f"yett.cli.{COMMANDS[cmd_name].module}").group
        assert isinstance(found, click.Command)  # noqa: S101 - the convention of this package
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in self.list_commands(ctx)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return [
            CompletionItem(name, help=COMMANDS[name].summary)
            for name in self.list_commands(ctx)
            if name.startswith(incomplete)
        ]


root: Final = _LazyGroup(
    "yett",
    help="The security gateway for the Model Context Protocol.",
    epilog="First steps: yett init, yett key create laptop --role reader, yett up.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            help="Show the version and exit.",
            callback=lambda ctx, _, wanted: _show_version(ctx, wanted=wanted),
        )
    ],
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 refused or failed, 2 wrong use or configuration, 130 Ctrl-C."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        result: Any = root.main(args=arguments, prog_name="yett", standalone_mode=False)
    except click.UsageError as error:
        _show_wrong_use(
            error, as_json="--json" in (sys.argv[1:] if arguments is None else arguments)
        )
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`yett … | head`); without this Python complains again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return result if isinstance(result, int) else 0


def _show_wrong_use(error: click.UsageError, *, as_json: bool) -> None:
    if not as_json:
        error.show()
        return
    import orjson

    text = orjson.dumps({"error": "usage", "message": error.format_message()}).decode()
    click.echo(text, err=True)


def _show_version(ctx: click.Context, *, wanted: bool) -> None:
    if wanted:
        click.echo(f"yett {yett.__version__}")
        ctx.exit()
