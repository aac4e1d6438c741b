"""A PostgreSQL database: a bounded pool of connections that can only read, each used by one caller at a time."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, final

from yett.core.errors import Fault
from yett.core.identity import Principal
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.upstreams.backends.sql.engine import (
    NO_SUCH_TABLE,
    TABLES_MAX,
    Caller,
    Rejected,
    Rows,
    Statement,
)
from yett.upstreams.backends.sql.looks import check_looks
from yett.upstreams.backends.sql.postgres_errors import FAILURES, rejected, unreachable
from yett.upstreams.backends.sql.postgres_rows import columns_of, take_rows
from yett.upstreams.backends.sql.postgres_session import (
    CONNECT_SECONDS_MAX,
    RECEIVED_BYTES_MAX,
    Session,
    open_session,
)
from yett.upstreams.backends.sql.postgres_tables import DESCRIBED, LISTED, full_names
from yett.upstreams.databases import PostgresAddress

CONNECTIONS_MAX: Final = 8
AGE_SECONDS_MAX: Final = 300.0
"""After that, the rights of the role are looked at again."""
IDLE_SECONDS_MAX: Final = 60.0
_TRIES_MAX: Final = 3
_STATEMENT_SHARE: Final = 0.9
"""Of the time of a call: so the database ends it first, and the caller learns why."""

_Result = TypeVar("_Result")


class _Stale(Exception):
    """A connection that was kept has ended meanwhile; nothing of the caller's was sent on it."""


@final
class PostgresEngine:
    """context: makes the TLS context, asked once; None: the database is on this machine, and the connection
    is plain. tables: the only ones that may be read; none: all that the role may read."""

    def __init__(
        self,
        address: PostgresAddress,
        context: Callable[[], ssl.SSLContext] | None,
        tables: tuple[str, ...],
    ) -> None:
        self._address = address
        self._make_context = context
        self._context: ssl.SSLContext | None = None
        self._tables = full_names(tables)
        self._slots = asyncio.Semaphore(CONNECTIONS_MAX)
        self._idle: list[Session] = []
        self._used: set[Session] = set()
        self._returning: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def statements_max(self) -> int:
        return CONNECTIONS_MAX

    async def check(self, password: Secret) -> None:
        async def nothing(_: Session) -> None: ...

        await self._with_session(password, nothing, CONNECT_SECONDS_MAX)

    async def run(self, statement: Statement, caller: Caller) -> Rows:
        check_looks(statement.sql)
        until = asyncio.get_running_loop().time() + caller.seconds * _STATEMENT_SHARE

        async def work(session: Session) -> Rows:
            return await _run(session, statement, caller.principal, until)

        return await self._with_session(caller.password, work, caller.seconds)

    async def tables(self, caller: Caller) -> list[dict[str, JSON]]:
        return await self._listed(None, caller)

    async def table(self, name: str, caller: Caller) -> dict[str, JSON] | None:
        found = await self._listed(name, caller)
        if not found:
            return None
        schema, own = found[0]["schema"], found[0]["name"]
        columns = await self._read(DESCRIBED, (schema, own), caller)
        return {"schema": schema, "name": own, "columns": columns}

    async def close(self) -> None:
        self._closed = True
        await asyncio.gather(*(session.close() for session in [*self._idle, *self._used]))
        self._idle.clear()
        if self._returning:
            await asyncio.wait(self._returning, timeout=CONNECT_SECONDS_MAX)

    async def _listed(self, name: str | None, caller: Caller) -> list[dict[str, JSON]]:
        return await self._read(LISTED, (self._tables, name, TABLES_MAX + 1), caller)

    async def _read(
        self, query: str, arguments: tuple[object, ...], caller: Caller
    ) -> list[dict[str, JSON]]:
        """Run a query of ours on the catalogs."""
        until = asyncio.get_running_loop().time() + caller.seconds * _STATEMENT_SHARE

        async def work(session: Session) -> list[dict[str, JSON]]:
            connection = await session.begin(caller.principal, until)
            return [dict(row) for row in await connection.fetch(query, *arguments)]

        return await self._with_session(caller.password, work, caller.seconds)

    # connections

    async def _with_session(
        self, password: Secret, work: Callable[[Session], Awaitable[_Result]], seconds: float
    ) -> _Result:
        while True:
            await self._slots.acquire()
            try:
                session, is_new = await self._take(password)
            except BaseException:
                self._slots.release()
                raise
            try:
                return await self._use(session, work, seconds, is_new=is_new)
            except _Stale:
                continue

    async def _use(
        self,
        session: Session,
        work: Callable[[Session], Awaitable[_Result]],
        seconds: float,
        *,
        is_new: bool,
    ) -> _Result:
        reusable = False
        try:
            result = await work(session)
            reusable = True
        except Rejected:
            reusable = True
            raise
        except FAILURES as error:
            if session.has_overflowed:
                raise Rejected(
                    f"the result has more than {RECEIVED_BYTES_MAX} bytes; ask for fewer rows or columns,"
                    " or parts of them"
                ) from None
            if not session.has_begun and not is_new:
                raise _Stale from None
            reusable = session.is_open
            raise rejected(error, seconds) from None
        finally:
            self._give_back(session, reusable=reusable)
        return result

    async def _take(self, password: Secret) -> tuple[Session, bool]:
        if self._closed:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "it was stopped")
        now = asyncio.get_running_loop().time()
        while self._idle:
            session = self._idle.pop()
            fits = session.password == password and now - session.opened_at < AGE_SECONDS_MAX
            if fits and session.is_open:
                self._used.add(session)
                return session, False
            await session.close()
        try:
            session = await open_session(self._address, password, self._tls(), self._tables)
        except FAILURES as error:
            raise unreachable(error, f"{self._address.host}:{self._address.port}") from None
        self._used.add(session)
        return session, True

    def _tls(self) -> ssl.SSLContext | None:
        if self._context is None and self._make_context is not None:
            self._context = self._make_context()
            # The context is made for HTTP; a server that looks at the name refuses another (RFC 7301).
            self._context.set_alpn_protocols(["postgresql"])
        return self._context

    def _give_back(self, session: Session, *, reusable: bool) -> None:
        """In the background: the caller has what it came for, or has gone."""
        task = asyncio.get_running_loop().create_task(self._settle(session, reusable=reusable))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _settle(self, session: Session, *, reusable: bool) -> None:
        try:
            if reusable and await session.settle() and not self._closed:
                self._keep(session)
            else:
                await session.close()
        finally:
            self._used.discard(session)
            self._slots.release()

    def _keep(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        session.idle_since = loop.time()
        self._idle.append(session)
        loop.call_later(IDLE_SECONDS_MAX, self._end_if_idle, session)

    def _end_if_idle(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        if session in self._idle and loop.time() - session.idle_since >= IDLE_SECONDS_MAX:
            self._idle.remove(session)
            task = loop.create_task(session.close())
            self._returning.add(task)
            task.add_done_callback(self._returning.discard)


async def _run(session: Session, statement: Statement, principal: Principal, until: float) -> Rows:
    """What is locked and not known may be new; a type that is new is looked up by the driver itself. So it is
    tried again, once with each known. Nothing runs before it is."""
    for _ in range(_TRIES_MAX):
        connection = await session.begin(principal, until)
        prepared = await connection.prepare(statement.sql, name="")
        columns = columns_of(prepared)
        if await session.stays_within():
            rows = await take_rows(prepared, columns, statement)
            if await session.stays_within():  # functions have tables of their own
                return rows
        await session.learn()
    raise Rejected(NO_SUCH_TABLE)
