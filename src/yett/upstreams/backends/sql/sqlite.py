"""A SQLite file: opened anew for each statement, only to read, in a thread beside the loop."""

import asyncio
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar, final

import orjson

from yett.core.errors import Fault
from yett.core.identity import Principal
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.upstreams.backends.sql.engine import (
    NO_SUCH_TABLE,
    ROWS_BYTES_MAX,
    TABLES_MAX,
    Caller,
    Column,
    Rejected,
    Rows,
    Statement,
)
from yett.upstreams.backends.sql.looks import check_looks
from yett.upstreams.backends.sql.sqlite_authority import Authority, Reads, learn_reads
from yett.upstreams.backends.sql.taking import Taken, check_columns
from yett.upstreams.backends.sql.values import octets, of_sqlite

THREADS_MAX: Final = 4
_BUSY_SECONDS: Final = 1.0
_STEPS: Final = 10_000
"""Of SQLite's machine, between two looks at the clock: less than a millisecond, mostly."""
_STATEMENT_SHARE: Final = 0.9
_MESSAGE_CHARS_MAX: Final = 300
_LIMITS: Final = {
    sqlite3.SQLITE_LIMIT_LENGTH: 2 * ROWS_BYTES_MAX,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 500,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 100,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 100,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_LISTED: Final = """
select 'main' as schema, name, type as kind from sqlite_schema
where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\' order by name limit ?
"""

_KINDS: Final = "select name, type from sqlite_schema where type in ('table', 'view')"
_WITH: Final = re.compile(r"\bwith\b", re.IGNORECASE)

_Result = TypeVar("_Result")


@final
class _Stop:
    """When a statement has to end: at a time, or because nobody waits for it any more."""

    __slots__ = ("_at", "_given_up")

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds
        self._given_up = threading.Event()

    def give_up(self) -> None:
        self._given_up.set()

    def __call__(self) -> bool:
        return self._given_up.is_set() or time.monotonic() > self._at


@final
class SqliteEngine:
    """tables: the only ones that may be read; none: all."""

    def __init__(self, path: Path, tables: tuple[str, ...]) -> None:
        self._path = path
        self._tables = frozenset(table.removeprefix("main.").lower() for table in tables) or None
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="yett-sqlite")
        self._under_way: set[_Stop] = set()
        self._known: tuple[int, Reads | None] = 0, None

    @property
    def statements_max(self) -> int:
        return THREADS_MAX

    async def check(self, password: Secret) -> None:  # noqa: ARG002 - a file has none
        await self._in_thread(_BUSY_SECONDS, self._names)

    async def run(self, statement: Statement, caller: Caller) -> Rows:
        check_looks(statement.sql)

        def work(connection: sqlite3.Connection) -> Rows:
            _introduce(connection, caller.principal)
            with_queries = _WITH.search(statement.sql) is not None
            connection.set_authorizer(Authority(self._reads(connection), with_queries=with_queries))
            return _run(connection, statement)

        return await self._in_thread(caller.seconds * _STATEMENT_SHARE, work)

    async def tables(self, caller: Caller) -> list[dict[str, JSON]]:
        return await self._in_thread(caller.seconds, self._names)

    async def table(self, name: str, caller: Caller) -> dict[str, JSON] | None:
        own = name.removeprefix("main.")

        def work(connection: sqlite3.Connection) -> dict[str, JSON] | None:
            if own not in [row["name"] for row in self._names(connection)]:
                return None
            rows = connection.execute(
                'select name, type, "notnull", pk from pragma_table_info(?)', (own,)
            )
            columns = [
                {"name": column, "type": type_, "nullable": not needed, "primary_key": bool(key)}
                for column, type_, needed, key in rows
            ]
            return {"schema": "main", "name": own, "columns": columns}

        return await self._in_thread(caller.seconds, work)

    async def close(self) -> None:
        for stop in self._under_way:
            stop.give_up()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _names(self, connection: sqlite3.Connection) -> list[dict[str, JSON]]:
        rows = connection.execute(_LISTED, (TABLES_MAX + 1 if self._tables is None else -1,))
        return [
            {"schema": schema, "name": name, "kind": kind}
            for schema, name, kind in rows
            if self._tables is None or name.lower() in self._tables
        ]

    def _reads(self, connection: sqlite3.Connection) -> Reads:
        """Return what may be read; it is found out anew when the schema has changed."""
        version = connection.execute("pragma schema_version").fetchone()[0]
        known, reads = self._known
        if reads is None or known != version:
            kinds = dict(connection.execute(_KINDS).fetchall())
            reads = learn_reads(connection, kinds, self._tables)
            self._known = version, reads
        return reads

    async def _in_thread(
        self, seconds: float, work: Callable[[sqlite3.Connection], _Result]
    ) -> _Result:
        stop = _Stop(seconds)
        self._under_way.add(stop)
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._work, stop, seconds, work
            )
        finally:
            stop.give_up()
            self._under_way.discard(stop)

    def _work(
        self, stop: _Stop, seconds: float, work: Callable[[sqlite3.Connection], _Result]
    ) -> _Result:
        try:
            opened = _open(self._path)
        except sqlite3.Error as error:
            raise _unreachable(self._path, error) from None
        with closing(opened) as connection:
            connection.set_progress_handler(stop, _STEPS)
            try:
                return work(connection)
            except sqlite3.Error as error:
                raise _rejected(self._path, error, seconds) from None


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        cached_statements=0,
    )
    connection.text_factory = _text
    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)
    # Views may name the functions that say who is asking; there are no others that could do harm.
    connection.executescript("pragma query_only = on; pragma trusted_schema = on")
    return connection


def _introduce(connection: sqlite3.Connection, principal: Principal) -> None:
    """Let statements and views ask who is asking."""
    told: dict[str, str] = {
        "yett_principal": principal.id,
        "yett_tenant": principal.tenant,
        "yett_roles": orjson.dumps(principal.roles).decode(),
        "yett_environment": principal.environment,
    }
    for name, value in told.items():
        connection.create_function(name, 0, lambda value=value: value, deterministic=True)


def _run(connection: sqlite3.Connection, statement: Statement) -> Rows:
    try:
        cursor = connection.execute(statement.sql, statement.parameters)
    except OverflowError:
        raise Rejected("a whole number of `parameters` is beyond 64 bits") from None
    columns = tuple(Column(part[0], "any") for part in cursor.description or ())
    check_columns(columns)
    taken = Taken(columns, statement.rows_max)
    for row in cursor:
        taken.add([of_sqlite(value) for value in row])
        if taken.is_full:
            break
    return taken.rows()


def _text(raw: bytes) -> str:
    """SQLite keeps any bytes as a text; what is none is shown as bytes are."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return octets(raw)


def _unreachable(path: Path, error: sqlite3.Error) -> Fault:
    return Fault(Reason.UPSTREAM_UNREACHABLE, f"cannot open {path}: {_line(error)}")


def _rejected(path: Path, error: sqlite3.Error, seconds: float) -> Rejected | Fault:
    """Return what a caller is told. A driver's own complaint has no code."""
    code = (
        getattr(error, "sqlite_errorcode", 0) & 0xFF
    )  # extended codes have more (SQLite: Result Codes)
    said = _line(error)
    match code:
        case sqlite3.SQLITE_INTERRUPT:
            return Rejected(
                f"it took longer than {seconds:.3g} seconds, and was ended; ask for less"
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return _unreachable(path, error)
        case sqlite3.SQLITE_IOERR:
            return Fault(Reason.UPSTREAM_UNREACHABLE, f"cannot read {path}: {said}", sent=True)
        case _ if said == "not authorized":
            return Rejected(
                f"{NO_SUCH_TABLE}; statements that are recursive, or read from functions, are not run either"
            )
        case _:
            unknown = said.startswith(("no such table", "access to", "no such view"))
            return Rejected(NO_SUCH_TABLE if unknown else said)


def _line(error: sqlite3.Error) -> str:
    first = str(error).split("\n", 1)[0][:_MESSAGE_CHARS_MAX]
    return "".join(character for character in first if character.isprintable())
