"""The shared database: PostgreSQL 14 or newer, for several gates at once.

Write transactions of all gates run one after another, as with the embedded database: each begins by
taking the next number in `changes`. So what reads before it writes loses no write, and the newest
number says whether anything changed. A database that has forgotten a change which this process saw
(one restored, or a replica that took over and was behind) is not used any more until the process is
started again: it may have forgotten a revocation.
"""

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.storage.dialect import numbered
from yett.storage.place import PostgresPlace
from yett.storage.port import Dialect, Row, Transaction, Value
from yett.storage.postgres_link import Link

CHANGES_KEPT: Final = 100_000
_LOCK: Final = "select pg_advisory_xact_lock(7955819)"
_PRELUDE: Final = (
    _LOCK,
    "create table if not exists changes (number bigint primary key, mark text not null)",
    "create table if not exists schema_version (number bigint not null)",
)
_BEGIN: Final = (
    "insert into changes (number, mark) select coalesce(max(number), 0) + 1, $1 from changes"
    " returning number"
)
_FORGET: Final = "delete from changes where number = $1"
_NEWEST: Final = (
    "select coalesce(max(number), 0), coalesce((select mark from changes where number = $1), ''),"
    " coalesce(min(number), 0) from changes"
)


@final
class PostgresDatabase:
    """One connection reads, another one writes, so that nobody who reads waits for a writer.

    Raises:
        Fault: the database cannot be reached, or is no primary.
    """

    dialect: Dialect = "postgresql"

    def __init__(self, place: PostgresPlace) -> None:
        self._place = place
        self._lock = threading.RLock()
        self._writer: int | None = None
        self._writing, self._reading = Link(place), Link(place)
        self._seen = (0, "")
        self._forgotten = False
        try:
            self._prepare()
            self._look()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._lock:
            mark = secrets.token_hex(8)
            number = self._begin(mark)
            self._writer = threading.get_ident()
            try:
                yield _Statements(self._writing)
                self._writing.run("execute", "commit")
            except BaseException:
                with suppress(Fault):  # the error that led here is the one to tell
                    self._writing.rollback()
                raise
            finally:
                self._writer = None
            if number > self._seen[0]:
                self._seen = (number, mark)

    def fetch(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        if self._writer == threading.get_ident():
            return _Statements(self._writing).fetch(statement, values)
        self._check()
        return _rows(self._reading.again("fetch", numbered(statement), *values))

    def version(self) -> int:
        return self._look()

    def close(self) -> None:
        self._writing.close()
        self._reading.close()

    def _prepare(self) -> None:
        """Make what the rest stands on; a role without the right to do so may find it there."""
        ready = "select to_regclass('changes') is not null and to_regclass('schema_version') is not null"
        if self._reading.again("fetchval", ready):
            return
        self._writing.again("execute", "begin")
        try:
            for statement in _PRELUDE:
                self._writing.run("execute", statement)
            self._writing.run("execute", "commit")
        except BaseException:
            with suppress(Fault):
                self._writing.rollback()
            raise

    def _begin(self, mark: str) -> int:
        """Wait for all others that write, and take the next number."""
        self._check()
        self._writing.again("execute", "begin")
        try:
            self._writing.run("execute", _LOCK)
            number = int(self._writing.run("fetchval", _BEGIN, mark))
            self._writing.run("execute", _FORGET, number - CHANGES_KEPT)
        except BaseException:
            with suppress(Fault):
                self._writing.rollback()
            raise
        return number

    def _look(self) -> int:
        self._check()
        seen, mark = self._seen
        newest, found, oldest = self._reading.again("fetchrow", _NEWEST, seen)
        if seen and seen >= oldest and found != mark:
            self._forgotten = True
            self._check()
        if newest > seen:
            fresh = self._reading.again(
                "fetchval", "select mark from changes where number = $1", newest
            )
            if fresh is not None:
                self._seen = (newest, fresh)
        return int(newest)

    def _check(self) -> None:
        if self._forgotten:
            raise Fault(
                Reason.INTERNAL_ERROR,
                f"database {self._place.address}: it has forgotten a change that it had confirmed, such"
                " as one restored from a backup; look at keys and secrets, then start the gate again",
            )


@final
class _Statements:
    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def execute(self, statement: str, values: Sequence[Value] = ()) -> int:
        done = str(self._link.run("execute", numbered(statement), *values))
        count = done.rpartition(" ")[2]  # such as `INSERT 0 1`
        return int(count) if count.isdecimal() else 0

    def fetch(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        return _rows(self._link.run("fetch", numbered(statement), *values))


def _rows(found: Any) -> list[Row]:
    return [tuple(row) for row in found]
