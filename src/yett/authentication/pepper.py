"""The pepper: 32 random bytes in `pepper` in the data directory, apart from the database.

A check value of it lies in the database, so that a lost or exchanged pepper is told at once and not
as a hundred keys that stopped working.
"""

import secrets
from hmac import compare_digest
from pathlib import Path
from typing import Final

from yett.authentication.digest import KeyedHash
from yett.core.errors import CommandError
from yett.core.secret import Secret
from yett.storage.files import create_private
from yett.storage.port import Database

PEPPER_NAME: Final = "pepper"
_BYTES: Final = 32
_CHECK: Final = "pepper_check"
_CHECKED_TEXT: Final = b"yett pepper 1"


def open_pepper(data: Path, database: Database) -> Secret:
    """Read the pepper, or make it if no key depends on one yet.

    Raises:
        CommandError: it is missing, unreadable, damaged, or not the one the keys were made with.
        Fault: the database could not be used.
    """
    path = data / PEPPER_NAME
    if not path.exists():
        _refuse_to_replace(path, database)
        create_private(path, secrets.token_bytes(_BYTES))
    pepper = _read(path)
    check = KeyedHash(pepper).digest(_CHECKED_TEXT)
    with database.transaction() as transaction:
        rows = transaction.fetch("select value from facts where name = ?", (_CHECK,))
        if not rows:
            transaction.execute("insert into facts (name, value) values (?, ?)", (_CHECK, check))
        elif not (isinstance(rows[0][0], bytes) and compare_digest(rows[0][0], check)):
            raise CommandError(
                f"`{path}` is not the pepper that the keys in this data directory were made with. "
                "Restore the right file from a backup, or copy it from a gate that uses the same database"
            )
    return pepper


def _refuse_to_replace(path: Path, database: Database) -> None:
    begun = database.fetch("select 1 from facts where name = ?", (_CHECK,))
    # Looked for again: another process may have made both since.
    if begun and not path.exists():
        count = len(database.fetch("select 1 from keys"))
        raise CommandError(
            f"The pepper `{path}` is missing, and {count} keys depend on it. Restore it from a backup, "
            "or copy it from a gate that uses the same database; without it no key works, and the data have to "
            "be begun anew"
        )


def _read(path: Path) -> Secret:
    try:
        if path.stat().st_mode & 0o077:
            raise CommandError(f"Others may read the pepper. Run `chmod 600 {path}`")
        content = path.read_bytes()
    except OSError as error:
        raise CommandError(
            f"The pepper `{path}` cannot be read: {error.strerror}. Run as the user who owns it"
        ) from error
    if len(content) != _BYTES:
        raise CommandError(f"The pepper `{path}` is damaged. Restore it from a backup")
    return Secret(content)
