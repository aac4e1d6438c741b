"""What every command has in common: where its files lie, how it prints, and how it says no.

    group = click.Group("key", help="…")

    @group.command("create")
    @command()
    @click.argument("name")
    def create(place: Place, name: str) -> None: ...

A command raises `CommandError` for what its user can mend (exit 1) and lets `ConfigurationError`
pass (exit 2, one line per problem). With --json both come out as one JSON object on standard error.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec

import click

from yett.cli.failure import failure_of
from yett.cli.place import Place
from yett.configuration.environment import variable
from yett.core.errors import CommandError, ConfigurationError, Refusal

__all__ = ["Place", "command"]

_Parameters = ParamSpec("_Parameters")
_INTERRUPTED: Final = 130


def command() -> Callable[
    [Callable[Concatenate[Place, _Parameters], None]], Callable[_Parameters, None]
]:
    """Add --config, --data and --json, and pass the `Place` they name as the first argument."""

    def decorate(
        function: Callable[Concatenate[Place, _Parameters], None],
    ) -> Callable[_Parameters, None]:
        @functools.wraps(function)
        def run(*arguments: Any, **options: Any) -> None:
            place = _place(
                options.pop("config_option"),
                options.pop("data_option"),
                as_json=options.pop("json_option"),
            )
            _run(place, lambda: function(place, *arguments, **options))

        # click reads the list from its end, and a command's own options are what its help is about.
        run.__click_params__ = [*_common(), *getattr(function, "__click_params__", [])]  # type: ignore[attr-defined]  # click's own way to pass them on
        return run

    return decorate


_OPTIONS: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option("--json", "json_option", is_flag=True, help="Print JSON, one object per line."),
    click.option(
        "--data",
        "data_option",
        type=click.Path(path_type=Path, file_okay=False),
        help="Where Yett keeps its data. Default: .yett beside the configuration. [env: YETT_DATA]",
    ),
    click.option(
        "--config",
        "config_option",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The configuration. Default: ./yett.yaml. [env: YETT_CONFIG]",
    ),
)


def _common() -> list[click.Parameter]:
    def holder() -> None: ...

    for option in _OPTIONS:
        option(holder)
    made: list[click.Parameter] = holder.__click_params__  # type: ignore[attr-defined]  # as above
    return made


def _place(config: Path | None, data: Path | None, *, as_json: bool) -> Place:
    config_path = config or Path(variable("YETT_CONFIG") or "yett.yaml")
    data_variable = variable("YETT_DATA")
    if data is None:
        data = Path(data_variable) if data_variable else config_path.parent / ".yett"
    return Place(config_path=config_path, data=data, as_json=as_json)


def _run(place: Place, work: Callable[[], None]) -> None:
    """The one place where a command's exceptions become words and an exit code."""
    try:
        work()
    except KeyboardInterrupt:
        raise click.exceptions.Exit(_INTERRUPTED) from None
    except BrokenPipeError:
        raise
    except (CommandError, ConfigurationError, Refusal, OSError) as error:
        if isinstance(error, ConfigurationError):
            from yett.configuration.load import located

            located(error, place.config_path)
        raise failure_of(error, as_json=place.as_json) from error
    finally:
        place.close()
