"""How a command says no: one clear line, or one JSON object, on standard error."""

import os
from collections.abc import Mapping, Sequence
from typing import IO, Any, final

import click
import orjson

from yett.cli.place import printable
from yett.core.errors import CommandError, ConfigurationError, Problem, Refusal


class Failure(click.ClickException):
    """content: `error` (the kind), `message`, and for a configuration the list of `problems`."""

    exit_code = 1

    def __init__(
        self, content: Mapping[str, Any], *, as_json: bool, problems: Sequence[Problem] = ()
    ) -> None:
        super().__init__(str(content["message"]))
        self.content = content
        self.problems = problems
        self.as_json = as_json

    def show(self, file: IO[Any] | None = None) -> None:
        if self.as_json:
            click.echo(orjson.dumps(self.content).decode(), file=file, err=file is None)
            return
        lines = [f"yett: {self.message}", *map(str, self.problems)]
        click.echo(printable("\n".join(lines)), file=file, err=file is None)


@final
class ConfigurationFailure(Failure):
    exit_code = 2


def failure_of(
    error: CommandError | ConfigurationError | Refusal | OSError, *, as_json: bool
) -> Failure:
    """Turn what a command raised into what its user reads, and the exit code."""
    if isinstance(error, ConfigurationError):
        return ConfigurationFailure(_content(error), as_json=as_json, problems=error.problems)
    return Failure(_content(error), as_json=as_json)


def _content(error: CommandError | ConfigurationError | Refusal | OSError) -> dict[str, Any]:
    if isinstance(error, ConfigurationError):
        return {
            "error": "configuration",
            "message": "the configuration cannot be used",
            "problems": [_row(problem) for problem in error.problems],
        }
    if isinstance(error, Refusal):
        return {"error": error.reason.value, "message": error.private}
    if isinstance(error, OSError):
        return {"error": "system", "message": _system_sentence(error)}
    return {"error": "command", "message": str(error)}


def _row(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "path": list(problem.path),
        "message": problem.message,
        "fix": problem.fix,
    }


def _system_sentence(error: OSError) -> str:
    what = os.strerror(error.errno) if error.errno else str(error)
    if error.filename is None:
        return f"the system refused: {what}"
    hint = ""
    if isinstance(error, PermissionError):
        hint = ". Run the command as the user who owns it, or pass --data/--config of your own"
    return f"cannot use `{os.fsdecode(error.filename)}`: {what}{hint}"
