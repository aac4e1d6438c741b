"""What the record says of the gate itself: by which configuration it decides, from when to when."""

from hashlib import sha256
from pathlib import Path
from typing import Final

import yett
from yett.configuration.model import Configuration
from yett.core.target import JSON

_FILES_MAX: Final = 100


def started(configuration: Configuration, config_path: Path) -> dict[str, JSON]:
    """Tell that calls are decided from here on, and by what."""
    return {
        "event": "gate.started",
        "actor": "gate",
        "version": yett.__version__,
        "mode": configuration.mode,
        **_files(configuration, config_path),
    }


def reloaded(configuration: Configuration, config_path: Path) -> dict[str, JSON]:
    """Tell by what calls are decided from here on."""
    return {
        "event": "configuration.reloaded",
        "actor": "gate",
        **_files(configuration, config_path),
    }


def stopped() -> dict[str, JSON]:
    return {"event": "gate.stopped", "actor": "gate"}


def _files(configuration: Configuration, config_path: Path) -> dict[str, JSON]:
    """Name what decides by its SHA-256, so that it can be found in Git."""
    policies = sorted(Path(configuration.policies).glob("*.cedar"))[:_FILES_MAX]
    return {
        "configuration": _digest(config_path),
        "policies": {path.name: _digest(path) for path in policies},
    }


def _digest(path: Path) -> str | None:
    """None: it is away, as it is for a moment while some editors save."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
