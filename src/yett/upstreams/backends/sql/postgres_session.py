"""One connection to PostgreSQL: opened so that it can only read, used by one caller at a time."""

import asyncio
import base64
import ssl
from collections.abc import Callable
from typing import Any, Final, final

import asyncpg
import orjson

from yett.core.errors import Fault
from yett.core.identity import Principal
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams.backends.sql.arguments import as_text
from yett.upstreams.backends.sql.postgres_role import RIGHTS, check_behind, check_rights
from yett.upstreams.backends.sql.postgres_tables import ALLOWED, BEHIND, LOCKED, Tables
from yett.upstreams.backends.sql.values import POSTGRES
from yett.upstreams.databases import PostgresAddress

CONNECT_SECONDS_MAX: Final = 5.0
RECEIVED_BYTES_MAX: Final = 8 * 1024 * 1024
"""Of what one call makes the database send: a single value can have a gigabyte."""
_SETTLE_SECONDS_MAX: Final = 2.0
_CHECKS_ON_CLIENT: Final = 14
"""The version from which PostgreSQL can notice in the middle of a statement that nobody waits for it."""

_SETTINGS: Final = {
    "application_name": "yett",
    "default_transaction_read_only": "on",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "5s",
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "client_min_messages": "error",
    "jit": "off",
}
_FORGET: Final = """
rollback; close all; set session authorization default; reset all; unlisten *;
select pg_catalog.pg_advisory_unlock_all(); discard plans; discard temp; discard sequences
"""
"""DISCARD ALL, but for a prepared statement of ours; callers have none. ROLLBACK stands first, and the rest is
one transaction."""
_BEGIN: Final = "begin transaction isolation level read committed read only"


@final
class _Counted(asyncio.Protocol):
    """Stands between the connection and the driver, and hangs up when a call makes it send too much."""

    def __init__(self, transport: asyncio.Transport, inner: asyncio.Protocol) -> None:
        self._transport = transport
        self._inner = inner
        self.left = RECEIVED_BYTES_MAX

    def data_received(self, data: bytes) -> None:
        self.left -= len(data)
        if self.left < 0:
            self._transport.abort()
        else:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


@final
class Session:
    """password: with which it was opened; a session is not used for callers with another one."""

    def __init__(self, connection: Any, locked: Any, password: Secret, tables: Tables) -> None:
        self._connection = connection
        self._locked = locked
        self._tables = tables
        self._counted = _Counted(connection._transport, connection._protocol)  # noqa: SLF001 - the driver has no bound of its own
        connection._transport.set_protocol(self._counted)  # noqa: SLF001 - as above
        self.password = password
        self.has_begun = False
        """A transaction of this caller: before that, nothing of the caller's was sent."""
        self.opened_at = self.idle_since = asyncio.get_running_loop().time()
        version = connection.get_server_version().major
        checks = version >= _CHECKS_ON_CLIENT
        self._own_settings = {"client_connection_check_interval": "2s"} if checks else {}

    @property
    def is_open(self) -> bool:
        return not self._connection.is_closed()

    @property
    def has_overflowed(self) -> bool:
        return self._counted.left < 0

    async def begin(self, principal: Principal, until: float) -> Any:
        """Begin a transaction that reads, on behalf of one caller; give the driver's connection. until: loop
        time at which the database ends a statement.

        It is never committed, so no setting outlives it: `learn` or `settle` ends it.
        """
        settings = {
            "yett.principal": principal.id,
            "yett.tenant": principal.tenant,
            "yett.roles": orjson.dumps(principal.roles).decode(),
            "yett.environment": principal.environment,
            "statement_timeout": str(
                max(1, int((until - asyncio.get_running_loop().time()) * 1000))
            ),
            **self._own_settings,
        }
        # Not the function set_config: so the role needs no right to it, with which a statement could say
        # anew for whom it is running.
        told = [f"set local {name} = {_quoted(value)}" for name, value in settings.items()]
        await self._connection.execute("; ".join([_BEGIN, *told]))
        self.has_begun = True
        self._counted.left = RECEIVED_BYTES_MAX
        return self._connection

    async def stays_within(self) -> bool:
        """Tell whether the transaction has touched only what is known to be allowed."""
        return self._tables.allow(await self._locked.fetchval())

    async def learn(self) -> None:
        """End the transaction, to whose locks this would add, and find out anew what is allowed."""
        await self._connection.execute("rollback")
        rows = await self._connection.fetch(ALLOWED, self._tables.named)
        self._tables.learn([row["oid"] for row in rows])

    async def settle(self) -> bool:
        """Forget everything about the last caller. Returns False if that failed; then it must be closed."""
        self.has_begun = False
        self._counted.left = RECEIVED_BYTES_MAX
        try:
            async with asyncio.timeout(_SETTLE_SECONDS_MAX):
                await self._connection.execute(_FORGET)
        except Exception:  # noqa: BLE001 - whatever it is, it is not used again
            return False
        return True

    async def close(self) -> None:
        """End it, and what it is doing in the database. Never raises."""
        try:
            await self._connection.close(timeout=_SETTLE_SECONDS_MAX)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - what was left to do is done below
            self._connection.terminate()


async def open_session(
    address: PostgresAddress,
    password: Secret,
    context: ssl.SSLContext | None,
    tables: list[str] | None,
) -> Session:
    """Connect, and see that the role cannot do more than read. context: None for a plain connection.

    Raises:
        Fault: UPSTREAM_INVALID, the role may do too much.
        OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError: there is no connection.
    """
    connection = await asyncpg.connect(
        # Without TLS nobody proves who he is, so the name of this machine is not looked up.
        host="127.0.0.1" if context is None and address.host == "localhost" else address.host,
        port=address.port,
        user=address.user,
        database=address.database,
        # Not None, or the driver looks for one in the environment and in the home directory.
        password=password.reveal_text(),
        ssl=False if context is None else context,
        timeout=CONNECT_SECONDS_MAX,
        statement_cache_size=0,
        server_settings=_SETTINGS,
    )
    # It is off already; the driver would switch it off and on with set_config, which a role need not have.
    connection._server_caps = connection._server_caps._replace(jit=False)  # noqa: SLF001 - no public way
    try:
        check_rights(await connection.fetchrow(RIGHTS))
        if tables is not None:
            check_behind([row["name"] for row in await connection.fetch(BEHIND, tables)])
        for name, decode in POSTGRES.items():
            await connection.set_type_codec(
                name, schema="pg_catalog", format="text", encoder=_encoder(name), decoder=decode
            )
        locked = await connection.prepare(LOCKED, name="yett_locked")
        session = Session(connection, locked, password, Tables(tables))
        await session.learn()
    except BaseException:
        connection.terminate()
        raise
    return session


def _quoted(value: str) -> str:
    """Return a literal; with `standard_conforming_strings`, as sessions have it, nothing but a quote ends one
    (PostgreSQL, 4.1.2.1). There is no other way to hand a value to SET."""
    if "\0" in value:
        raise Fault(Reason.INTERNAL_ERROR, "what is said of a caller holds NUL")
    return "'" + value.replace("'", "''") + "'"


def _encoder(name: str) -> Callable[[Any], str]:
    return _octets_as_text if name == "bytea" else as_text


def _octets_as_text(value: Any) -> str:
    """Bytes come as they go: in base64."""
    if not isinstance(value, str):
        raise TypeError("bytes are given as a text in base64")
    return "\\x" + base64.b64decode(value, validate=True).hex()
