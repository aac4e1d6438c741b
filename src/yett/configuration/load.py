"""Reads `yett.yaml`: the file, its YAML, its shape, and its sense; all problems at once."""

import os
import stat
from pathlib import Path
from typing import Any, Final, final

import msgspec

from yett.configuration.checks import check
from yett.configuration.environment import variable
from yett.configuration.model import Configuration
from yett.configuration.paths import path_problems, with_absolute_paths
from yett.configuration.shape import shape_problems
from yett.configuration.source import Source, read_source
from yett.core.errors import ConfigurationError, Problem

FILE_BYTES_MAX: Final = 1024 * 1024
_DATA_DIRECTORY: Final = ".yett"


@final
class Loaded(msgspec.Struct, frozen=True):
    """A configuration, and the fingerprint that its file had before it was read."""

    configuration: Configuration
    fingerprint: object


def load_fingerprinted(path: Path, *, data: Path | None = None) -> Loaded:
    """As `load`, for who watches the file: what changes while it is read is not missed.

    Raises:
        ConfigurationError: everything that is wrong with it.
    """
    before = fingerprint(path)
    return Loaded(load(path, data=data), before)


def load(path: Path, *, data: Path | None = None) -> Configuration:
    """Read the configuration. data: the data directory; default `.yett` beside the file.

    Raises:
        ConfigurationError: everything that is wrong with it.
    """
    text = read_text(path)
    return load_text(text, str(path), data=data or path.parent / _DATA_DIRECTORY)


def load_text(text: str, file: str, *, data: Path | None = None) -> Configuration:
    """Read the configuration from its text. file: its path; what is relative in it is meant from there.

    Whether YETT_VAULT_PASSPHRASE is set counts, too.

    Raises:
        ConfigurationError: everything that is wrong with it.
    """
    source = read_source(text)
    problems = list(source.problems)
    configuration: Configuration | None = None
    if source.complete:
        source.value = {} if source.value is None else source.value
        found = shape_problems(source.value)
        problems += found
        configuration = _convert(source.value, found)
    if configuration is not None:
        folder = Path(file).resolve().parent
        as_written, configuration = configuration, with_absolute_paths(configuration, folder)
        found = list(path_problems(as_written))
        found += check(
            configuration,
            data or folder / _DATA_DIRECTORY,
            passphrase=variable("YETT_VAULT_PASSPHRASE") is not None,
        )
        problems += _unless_known(found, problems)
    if problems or configuration is None:
        raise ConfigurationError(_placed(problems, source, file))
    return configuration


def located(error: ConfigurationError, path: Path) -> ConfigurationError:
    """Say where in the file the problems stand that were found after it was loaded."""
    problems = [problem for problem in error.problems if problem.path and not problem.file]
    try:
        source = read_source(read_text(path))
    except ConfigurationError:
        return error
    _placed(problems, source, str(path))
    return error


def fingerprint(path: Path) -> tuple[int, int, int] | None:
    """Return (inode, mtime in nanoseconds, size): differs when the file may have changed. None for one that
    is away, as it is for a moment while some editors save."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size


def read_text(path: Path) -> str:
    """Read a file that nobody but its owner could have changed (CWE-732).

    Raises:
        ConfigurationError: there is none, or it cannot be trusted or read.
    """
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            content = file.read(FILE_BYTES_MAX + 1) if stat.S_ISREG(state.st_mode) else b""
    except FileNotFoundError:
        raise _unreadable(
            path, "there is no such file", "Run `yett init`, or name it with --config."
        ) from None
    except OSError as error:
        raise _unreadable(
            path, f"it cannot be read: {error.strerror}", "Check who owns it."
        ) from error
    if not stat.S_ISREG(state.st_mode):
        raise _unreadable(path, "this is no regular file", "Name the file with --config.")
    if state.st_mode & stat.S_IWOTH:
        raise _unreadable(path, "everybody may write to it", f"Run `chmod o-w {path}`.")
    if len(content) > FILE_BYTES_MAX:
        raise _unreadable(path, "it is larger than 1 MB", "Check that it is the right file.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise _unreadable(path, "it is not UTF-8 text", "Save it as UTF-8.") from None


def _unreadable(path: Path, message: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem(f"`{path}`: {message}", fix=fix)])


def _convert(value: Any, problems: list[Problem]) -> Configuration | None:
    """Build the value from what is right, so that its sense is judged together with its shape."""
    if not isinstance(value, dict):
        return None
    for problem in problems:
        _remove(value, problem.path)
    try:
        return msgspec.convert(value, Configuration)
    except msgspec.ValidationError:
        if not problems:
            raise
        return None


def _remove(value: Any, path: tuple[str | int, ...]) -> None:
    """Take out what is wrong; of a list, all, since its places would move."""
    for position, key in enumerate(path):
        following = path[position + 1] if position + 1 < len(path) else None
        if following is None or isinstance(following, int):
            if isinstance(value, dict):
                value.pop(key, None)
            return
        if not isinstance(value, dict) or key not in value:
            return
        value = value[key]


def _unless_known(found: list[Problem], known: list[Problem]) -> list[Problem]:
    """Leave out what only follows from a problem that is already reported."""

    def related(a: tuple[str | int, ...], b: tuple[str | int, ...]) -> bool:
        shorter = min(len(a), len(b))
        return bool(shorter) and a[:shorter] == b[:shorter]

    return [p for p in found if not any(related(p.path, other.path) for other in known)]


def _placed(problems: list[Problem], source: Source, file: str) -> list[Problem]:
    fallback = source.lines.get(("mode",), 1)
    for problem in problems:
        problem.file = file
        if not problem.line:
            there = bool(problem.path) and problem.path[:1] in source.lines
            problem.line = source.line(problem.path) if there else fallback
    return sorted(problems, key=lambda problem: problem.line)
