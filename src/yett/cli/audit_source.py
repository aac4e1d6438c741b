"""Where a command finds the audit log."""

import sys
from typing import TYPE_CHECKING, Final

import click

from yett.audit.build import directory_of, open_for_reading, open_shelf
from yett.audit.config import AuditConfig
from yett.audit.index.shelf import Shelf
from yett.audit.index.stretches import stretches
from yett.cli.command import Place
from yett.core.errors import CommandError, ConfigurationError

if TYPE_CHECKING:
    from yett.audit.port import AuditSource

_LONG_STRETCHES: Final = 4


def config_of(place: Place) -> AuditConfig:
    """Return the section of the configuration, or what holds without one if it cannot be used: the record is
    wanted most when something is wrong."""
    try:
        return place.configuration_or_default().audit
    except ConfigurationError:
        click.echo(
            f"yett: `{place.config_path}` cannot be used (`yett check` says why); "
            "the log is looked for in its usual place",
            err=True,
        )
        return AuditConfig()


def source_of(place: Place) -> "AuditSource":
    """Find the log.

    Raises:
        CommandError: there is none.
    """
    config = config_of(place)
    source = open_for_reading(config, place.data)
    if not source.segments():
        raise CommandError(
            f"there is no audit log in `{directory_of(config, place.data)}`. "
            "`yett up` begins one; --data says where else to look"
        )
    return source


def shelf_of(place: Place) -> Shelf:
    """Open the index; who has to wait while it is made sees how far it is."""
    config = config_of(place)
    shelf = open_shelf(config, place.data)
    fixed, _ = stretches(source_of(place))
    missing = sum(not shelf.has(stretch) for stretch in fixed)
    if missing <= _LONG_STRETCHES or place.as_json or not sys.stderr.isatty():
        return shelf
    bar = click.progressbar(length=missing, label="indexing", file=sys.stderr)
    return open_shelf(config, place.data, on_build=lambda _: bar.update(1))
