"""The stores that a configuration means: this machine's own, or those that several gates share."""

import secrets
import ssl
from pathlib import Path

import yett.limits.build
from yett.configuration.environment import variables
from yett.configuration.model import Configuration
from yett.core.address import Address, parse_counters, parse_storage
from yett.core.clock import Clock
from yett.core.errors import CommandError
from yett.core.secret import Secret
from yett.credentials.build import read_reference
from yett.limits import LimitsState
from yett.storage.build import open_database
from yett.storage.config import CountersConfig, StorageConfig, counters_of, storage_of
from yett.storage.place import CountersPlace, PostgresPlace
from yett.storage.port import Database


def open_storage(configuration: Configuration, data: Path) -> Database:
    """Open the database, and bring its tables up to date.

    Raises:
        CommandError: it cannot be used; or the driver for it is not installed.
        Fault: it cannot be reached.
    """
    return open_database(data, storage_place(configuration))


def storage_place(configuration: Configuration) -> PostgresPlace | None:
    """Return where the shared database is; None: there is none.

    Raises:
        CommandError: the file with its authorities cannot be read.
        Fault: its password cannot be read.
    """
    section = storage_of(configuration.storage)
    if section is None:
        return None
    address = parse_storage(section.url)
    return PostgresPlace(address, _password(section), _context(section, address))


def counters_place(configuration: Configuration) -> CountersPlace | None:
    """Return where several gates count together; None: this one counts alone.

    Raises:
        CommandError, Fault: as `storage_place`.
    """
    section = counters_of(configuration.counters)
    if section is None:
        return None
    address = parse_counters(section.url)
    return CountersPlace(address, _password(section), _context(section, address), section.replicas)


def open_limits(
    configuration: Configuration, data: Path, database: Database, clock: Clock, node: str
) -> LimitsState:
    """Open what limits remember: in this process and its data directory, or in the shared stores. Call it
    inside the event loop.

    Raises:
        ConfigurationError: the ledger is in use, damaged or cannot be written.
        CommandError, Fault: as `storage_place`.
    """
    counters, storage = counters_place(configuration), storage_place(configuration)
    if counters is None or storage is None:
        return yett.limits.build.open_state(data, clock)
    # Two gates of one name, or one gate before and after a restart, are not the same.
    gate = f"{node}.{secrets.token_hex(4)}"
    return yett.limits.build.open_shared_state(storage, counters, database, clock, gate)


def _password(section: StorageConfig | CountersConfig) -> Secret | None:
    return None if section.password is None else read_reference(section.password, variables())


def _context(section: StorageConfig | CountersConfig, address: Address) -> ssl.SSLContext | None:
    if not address.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=section.ca)
    except OSError as error:
        raise CommandError(f"The authorities in `{section.ca}` cannot be read: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
