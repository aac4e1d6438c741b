"""The policy file that is tried on live traffic: where it lies, and the set that it makes with the others."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import yett.authorization.build
from yett.app.servers import tool_marks
from yett.authorization.labels import Labels
from yett.authorization.shadowing import Shadow
from yett.configuration.model import Configuration
from yett.core.clock import Clock
from yett.core.errors import ConfigurationError
from yett.core.target import JSON
from yett.storage.files import write_whole

log: Final = logging.getLogger("yett")

_FOLDER: Final = "shadow"
_WHY_CHARS_MAX: Final = 500


def shadow_file(data: Path) -> Path | None:
    """Return the file that is tried, if there is one."""
    return next(iter(sorted((data / _FOLDER).glob("*.cedar"))), None)


def put_shadow(data: Path, name: str, text: str) -> None:
    """Begin to try a file, in place of another."""
    folder = data / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    take_shadow(data)
    write_whole(folder / name, text.encode(), mode=0o600)


def take_shadow(data: Path) -> bool:
    """Stop trying; return whether there was anything to stop."""
    path = shadow_file(data)
    if path is not None:
        path.unlink(missing_ok=True)
    return path is not None


def with_file(files: Mapping[str, str], folder: str, name: str, text: str) -> dict[str, str]:
    """Return the policy files with one more, or one replaced if it has the name of one of them."""
    return {**files, f"{folder}/{name}": text}


def open_shadow(
    configuration: Configuration,
    files: Mapping[str, str],
    *,
    data: Path,
    clock: Clock,
    labels: Labels,
    record_event: Callable[[dict[str, JSON]], None],
) -> Shadow | None:
    """Build the set that is tried. One that does not fit any more is left out, and that is recorded:
    nothing depends on it. files: the policy files in force.

    Raises:
        Fault: it cannot be recorded.
    """
    path = shadow_file(data)
    if path is None:
        return None
    try:
        text = path.read_text("utf-8")
        other = yett.authorization.build.build(
            configuration.roles,
            with_file(files, Path(configuration.policies).name, path.name, text),
            clock=clock,
            labels=labels,
            marks=tool_marks(configuration),
        )
    except (ConfigurationError, OSError, ValueError) as error:
        why = str(error)[:_WHY_CHARS_MAX]
        log.warning("the policy in the shadow is not tried: %s", why)
        record_event(
            {"event": "policy.shadow_refused", "actor": "gate", "file": path.name, "why": why}
        )
        return None
    return Shadow(other, clock.monotonic)
