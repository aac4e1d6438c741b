"""The data directory in, a ready database out."""

from pathlib import Path
from typing import Final

from yett.core.errors import CommandError
from yett.storage.migrate import migrate
from yett.storage.port import Database
from yett.storage.sqlite import SQLiteDatabase

DATABASE_NAME: Final = "yett.db"
_WRITABLE_BY_ALL: Final = 0o002


def open_database(data: Path) -> Database:
    """Make the directory (0700) and the file (0600) if needed, and bring the schema up to date.

    Raises:
        CommandError: the directory cannot be used, or a newer version wrote the data.
        Fault: the file is no database, or is busy for too long.
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
    database = SQLiteDatabase(data / DATABASE_NAME)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return database
