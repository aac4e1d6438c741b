"""One rule for every path in `yett.yaml`: what is not absolute is meant from the folder of the file.

So the gate and the commands mean the same wherever they are started.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from yett.alerts.config import AlertsConfig
from yett.configuration.audit_checks import with_absolute_places
from yett.configuration.model import Configuration, ServerSection, TlsSection
from yett.core.errors import Problem
from yett.storage.config import CountersConfig, StorageConfig
from yett.upstreams.databases import absolute_database

_SERVER_PATHS = ("cwd", "ca", "client_certificate", "client_key")
_TLS_PATHS = ("certificate", "key")

_Section = TypeVar("_Section", bound=msgspec.Struct)
_Store = TypeVar("_Store", StorageConfig | str | None, CountersConfig | str | None)


def with_absolute_paths(configuration: Configuration, folder: Path) -> Configuration:
    """Write every path out in full. folder: absolute, where the configuration file lies."""
    servers = {
        name: _with_database(_absolute(section, _SERVER_PATHS, folder), folder)
        for name, section in configuration.servers.items()
    }
    tls = configuration.tls
    return msgspec.structs.replace(
        configuration,
        servers=servers,
        tls=None if tls is None else _absolute(tls, _TLS_PATHS, folder),
        policies=str(folder / configuration.policies),
        storage=_store(configuration.storage, folder),
        counters=_store(configuration.counters, folder),
        vault=_absolute(configuration.vault, ("key_file",), folder),
        alerts=_with_authorities(configuration.alerts, folder),
        audit=with_absolute_places(_absolute(configuration.audit, ("directory",), folder), folder),
    )


def path_problems(configuration: Configuration) -> Iterator[Problem]:
    """Find paths that mean something else than their writer thought."""
    for where, path in _all(configuration):
        if path.startswith("~"):
            yield Problem(
                "`~` is a word of the shell and means nothing here",
                fix="Write the path from `/` on, or from the folder of this file.",
                path=where,
            )
        elif not path or "\0" in path:
            yield Problem("this is no path", fix="Name a file, or remove the line.", path=where)


def _all(configuration: Configuration) -> Iterator[tuple[tuple[str, ...], str]]:
    sections: list[tuple[tuple[str, ...], ServerSection | TlsSection | None, tuple[str, ...]]] = [
        (("servers", name), section, _SERVER_PATHS)
        for name, section in configuration.servers.items()
    ]
    sections.append((("tls",), configuration.tls, _TLS_PATHS))
    for where, section, names in sections:
        for name in names:
            path = getattr(section, name, None)
            if path is not None:
                yield (*where, name), path
    for name, destination in configuration.alerts.to.items():
        if destination.ca is not None:
            yield ("alerts", "to", name, "ca"), destination.ca
    yield ("policies",), configuration.policies
    if configuration.vault.key_file is not None:
        yield ("vault", "key_file"), configuration.vault.key_file
    if configuration.audit.directory is not None:
        yield ("audit", "directory"), configuration.audit.directory
    for place in configuration.audit.checkpoints.to:
        if place.directory is not None:
            yield ("audit", "checkpoints", "to"), place.directory


def _with_authorities(alerts: AlertsConfig, folder: Path) -> AlertsConfig:
    to = {name: _absolute(one, ("ca",), folder) for name, one in alerts.to.items()}
    return msgspec.structs.replace(alerts, to=to) if to else alerts


def _absolute(section: _Section, names: tuple[str, ...], folder: Path) -> _Section:
    changes = {
        name: str(folder / path) for name in names if (path := getattr(section, name)) is not None
    }
    return msgspec.structs.replace(section, **changes) if changes else section


def _store(section: _Store, folder: Path) -> _Store:
    return (
        section
        if section is None or isinstance(section, str)
        else _absolute(section, ("ca",), folder)
    )


def _with_database(section: ServerSection, folder: Path) -> ServerSection:
    if section.database is None:
        return section
    database = absolute_database(section.database, folder)
    return msgspec.structs.replace(section, database=database)
