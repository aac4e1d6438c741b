"""One connection to PostgreSQL for those who have no loop: the driver runs in a thread of its own."""

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, final

import asyncpg

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.storage.dialect import decode_any, encode_any
from yett.storage.place import PostgresPlace

CONNECT_SECONDS_MAX: Final = 3.0
STATEMENT_SECONDS_MAX: Final = 4.0
_SLACK_SECONDS: Final = 1.0
SETTINGS: Final = {
    "application_name": "yett",
    "statement_timeout": "3000",
    "lock_timeout": "3000",
    # Another gate that stands still in the middle of a change must not keep the rest from theirs.
    "idle_in_transaction_session_timeout": "3000",
}
_PRIMARY: Final = "select not pg_is_in_recovery()"
# What was confirmed must not be lost with the power; who asked for more than that keeps it.
_KEPT: Final = (
    "select set_config('synchronous_commit', 'on', false)"
    " where current_setting('synchronous_commit') = 'off'"
)
LOST: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what is told while the end of a connection is still being read
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
"""After these, the connection is of no use. The last two: the server said so before it ended it."""
FAILURES: Final = (OSError, TimeoutError, ValueError, asyncpg.PostgresError, *LOST)


async def connect(place: PostgresPlace, *, cached: int = 0) -> Any:
    """Open a connection to a primary. cached: how many prepared statements it keeps.

    Raises:
        One of FAILURES: it cannot be had.
    """
    address = place.address
    connection = await asyncpg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        database=address.name,
        password=None if place.password is None else place.password.reveal_text(),
        passfile="/dev/null",  # the driver would look for passwords in the home directory
        ssl=place.context if place.context is not None else False,
        timeout=CONNECT_SECONDS_MAX,
        command_timeout=STATEMENT_SECONDS_MAX,
        statement_cache_size=cached,
        server_settings=SETTINGS,
    )
    try:
        if not await connection.fetchval(_PRIMARY):
            raise ConnectionError("this server is a replica, which may not know of revocations yet")
        await connection.execute(_KEPT)
    except BaseException:
        connection.terminate()
        raise
    return connection


@final
class Link:
    """Connects when something is asked, and again when the connection was lost."""

    def __init__(self, place: PostgresPlace) -> None:
        self._place = place
        self._connection: Any = None
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="postgresql", daemon=True
        )
        self._thread.start()

    def run(self, method: str, *arguments: Any) -> Any:
        """Ask the driver's connection for something, on the connection that is there.

        Raises:
            Fault: it failed, or there is no connection.
        """
        with self._lock:
            return self._do(self._ask(method, arguments))

    def again(self, method: str, *arguments: Any) -> Any:
        """As `run`, for what may be asked twice: connect first if need be.

        Raises:
            Fault: it failed.
        """
        with self._lock:
            return self._do(self._ask_again(method, arguments))

    def rollback(self) -> None:
        """End a transaction; a connection that cannot is ended itself.

        Raises:
            Fault: it was ended.
        """
        done = False
        try:
            self.run("execute", "rollback")
            done = True
        finally:
            if not done:
                with self._lock:
                    self._do(self._drop())

    def close(self) -> None:
        with self._lock:
            loop, self._loop = self._loop, None
            if loop is None:
                return
            with suppress(Exception):
                asyncio.run_coroutine_threadsafe(self._drop(), loop).result(_SLACK_SECONDS)
            loop.call_soon_threadsafe(loop.stop)
        self._thread.join(_SLACK_SECONDS)
        if not self._thread.is_alive():
            loop.close()

    async def _ask(self, method: str, arguments: tuple[Any, ...]) -> Any:
        connection = self._connection
        if connection is None or connection.is_closed():
            raise ConnectionError("the connection was lost")
        try:
            return await getattr(connection, method)(*arguments)
        except (*LOST, TimeoutError):
            await self._drop()
            raise

    async def _ask_again(self, method: str, arguments: tuple[Any, ...]) -> Any:
        if self._connection is not None:
            try:
                return await self._ask(method, arguments)
            except TimeoutError:
                raise
            except LOST:
                pass  # it ended while nobody used it; nothing was changed
        connection = await connect(self._place)
        await connection.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=encode_any, decoder=decode_any
        )
        self._connection = connection
        return await self._ask(method, arguments)

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    def _do(self, work: Any) -> Any:
        loop = self._loop
        if loop is None:
            work.close()
            raise self._fault("it is closed")
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result(CONNECT_SECONDS_MAX + 2 * STATEMENT_SECONDS_MAX + _SLACK_SECONDS)
        except TimeoutError as error:
            future.cancel()
            raise self._fault("it did not answer in time") from error
        except FAILURES as error:
            raise self._fault(f"{type(error).__name__}: {error}") from error

    def _fault(self, why: str) -> Fault:
        return Fault(Reason.INTERNAL_ERROR, f"database {self._place.address}: {why}")
