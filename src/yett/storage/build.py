"""Where the data are in, a ready database out."""

from pathlib import Path
from typing import Final

from yett.core.errors import CommandError
from yett.storage.migrate import migrate
from yett.storage.place import PostgresPlace
from yett.storage.port import Database
from yett.storage.sqlite import SQLiteDatabase

DATABASE_NAME: Final = "yett.db"
_WRITABLE_BY_ALL: Final = 0o002


def open_database(data: Path, place: PostgresPlace | None = None) -> Database:
    """Make the data directory (0700) if needed, open the database, and bring the schema up to date.
    place: of the shared database; None: a file (0600) in the directory.

    Raises:
        CommandError: the directory cannot be used, or a newer version wrote the data.
        Fault: the database cannot be reached, is none, or is busy for too long.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = data.stat().st_mode
    except OSError as error:
        raise CommandError(
            f"The data directory `{data}` cannot be used: {error.strerror}. Name another with --data"
        ) from error
    if mode & _WRITABLE_BY_ALL:
        raise CommandError(
            f"Everybody may write to the data directory `{data}`. Run `chmod 700 {data}` first"
        )
    database = SQLiteDatabase(data / DATABASE_NAME) if place is None else _shared(place)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def _shared(place: PostgresPlace) -> Database:
    try:
        from yett.storage.postgres import PostgresDatabase  # noqa: PLC0415 - its driver is an extra
    except ImportError as error:
        raise CommandError(
            "`storage: postgresql://…` needs a driver. Run `pip install 'yett[cluster]'`"
        ) from error

    return PostgresDatabase(place)
