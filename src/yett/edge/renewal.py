"""Renews the development certificate while the gate runs, so that one that is never restarted goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from yett.core.clock import Clock
from yett.core.errors import ConfigurationError
from yett.edge.authority import ensure_development_certificate

_EVERY_SECONDS: Final = 3600.0


def hourly_renewal(
    data: Path, hosts: tuple[str, ...], *, clock: Clock, report: Callable[[str], None]
) -> Callable[[], None]:
    """Return what is called each second and looks at the certificate when another hour begins.

    By the wall clock, so that a machine that slept does it as soon as it is awake. What fails is
    reported and tried again in the next hour; nothing is raised.
    """
    seen = clock.wall() // _EVERY_SECONDS

    def renew() -> None:
        nonlocal seen
        hour = clock.wall() // _EVERY_SECONDS
        if hour == seen:
            return
        seen = hour
        try:
            ensure_development_certificate(data, hosts, clock=clock)
        except (OSError, ConfigurationError) as error:
            report(f"the development certificate cannot be renewed: {error}")

    return renew
