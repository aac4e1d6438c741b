"""The data directory in, the stage and the registry out.

The configured lifetimes are for whoever makes a key; a key carries its own.
"""

from pathlib import Path

from yett.authentication.backends.database import DatabaseKeyStore
from yett.authentication.digest import KeyedHash
from yett.authentication.pepper import open_pepper
from yett.authentication.registry import KeyRegistry
from yett.authentication.stage import Authenticator
from yett.core.clock import Clock
from yett.storage.port import Database


def build(
    *,
    database: Database,
    data: Path,
    clock: Clock,
    environments: frozenset[str],
) -> Authenticator:
    """Return the stage with the keys read once. environments: production takes `live` only.

    Raises:
        CommandError: the pepper cannot be used.
        Fault: the database could not be used.
    """
    authenticator = Authenticator(
        DatabaseKeyStore(database),
        open_pepper(data, database),
        clock=clock,
        environments=environments,
    )
    authenticator.refresh()
    return authenticator


def build_registry(*, database: Database, data: Path, clock: Clock, actor: str) -> KeyRegistry:
    """Return what commands work with.

    Raises:
        CommandError: the pepper cannot be used.
        Fault: the database could not be used.
    """
    return KeyRegistry(database, open_pepper(data, database), clock, actor=actor)


def keyed_hash(*, database: Database, data: Path) -> KeyedHash:
    """Return the hash that depends on the pepper, for other secrets that are only ever recognised. Who
    uses it puts a purpose of its own in front.

    Raises:
        CommandError: the pepper cannot be used.
        Fault: the database could not be used.
    """
    return KeyedHash(open_pepper(data, database))
