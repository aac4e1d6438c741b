"""The embedded database: one SQLite file, safe for several threads and several processes.

`synchronous=FULL`, since what lies here (keys, secrets, approvals) is off the way of a call and must
survive power loss. Whoever is refused the file for `_BUSY_SECONDS_MAX` gets a Fault.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.storage.port import Dialect, Row, Transaction, Value

_BUSY_SECONDS_MAX: Final = 5.0
_OWN_BITS: Final = 32


@final
class SQLiteDatabase:
    """One connection behind one lock. The file is made with mode 0600.

    Raises:
        Fault: the file cannot be opened or is no database.
    """

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._own_commits = 0
        try:
            _make_private(path)
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS_MAX, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise _fault(path, error) from error
        try:
            for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on"):
                self._connection.execute(f"pragma {pragma}").fetchall()
        except sqlite3.Error as error:
            self._connection.close()
            raise _fault(path, error) from error

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._lock:
            # Immediate: a transaction that reads before it writes must not lose its write to another.
            self._run("begin immediate")
            try:
                yield _Statements(self._connection, self._path)
                self._run("commit")
            except BaseException:
                with suppress(sqlite3.Error):  # the error that led here is the one to tell
                    self._connection.execute("rollback")
                raise
            self._own_commits += 1

    def fetch(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        with self._lock:
            return _Statements(self._connection, self._path).fetch(statement, values)

    def version(self) -> int:
        # data_version counts the commits of all other connections, but not one's own.
        with self._lock:
            (row,) = self.fetch("pragma data_version")
            return int(row[0] or 0) << _OWN_BITS | self._own_commits

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _run(self, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except sqlite3.Error as error:
            raise _fault(self._path, error) from error


@final
class _Statements:
    __slots__ = ("_connection", "_path")

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def execute(self, statement: str, values: Sequence[Value] = ()) -> int:
        try:
            return self._connection.execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise _fault(self._path, error) from error

    def fetch(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _fault(self._path, error) from error


def _make_private(path: Path) -> None:
    """Create the file with mode 0600, or take rights of others away from an existing one.

    An existing file is never opened here: closing it again would drop the POSIX locks of every other
    connection of this process to it (sqlite.org, "How to corrupt", 2.2).
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def _fault(path: Path, error: Exception) -> Fault:
    return Fault(Reason.INTERNAL_ERROR, f"database `{path}`: {error}")
