"""The connections to one server: the most recently used first, bounded, with a bounded queue."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.http.connection import Connection, Keeper

CONNECTIONS_MAX: Final = 128
WAITING_MAX: Final = 1024

# Common servers (uvicorn, Node) close after 5 s. A connection that dies under a `tools/call` costs
# that call, because nobody can know whether it was executed; a new connection costs a millisecond.
IDLE_SECONDS_MAX: Final = 4.0

Dial = Callable[[Keeper, float], Awaitable[Connection]]
"""Open a connection for this keeper before the deadline (loop time). Raises Fault."""


@final
class Pool:
    __slots__ = (
        "_closed",
        "_connections_max",
        "_dial",
        "_idle",
        "_loop",
        "_open",
        "_sweeper",
        "_waiting",
    )

    def __init__(self, dial: Dial, *, connections_max: int = CONNECTIONS_MAX) -> None:
        self._dial = dial
        self._connections_max = connections_max
        self._loop = asyncio.get_running_loop()
        self._idle: deque[Connection] = deque()
        self._open: set[Connection | object] = set()
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self) -> Connection | None:
        """Return an idle connection at once, or None."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        return None

    async def open(self, deadline: float) -> Connection:
        """Return a connection that was just opened or given back.

        Raises:
            Fault: UPSTREAM_UNREACHABLE, not sent: cannot connect, or too many are waiting already.
        """
        while not self._closed:
            if len(self._open) < self._connections_max:
                return await self._open_one(deadline)
            connection = await self._wait(deadline)
            if connection is not None and connection.usable:
                return connection
        raise Fault(Reason.UPSTREAM_UNREACHABLE, "the connections are closed")

    async def _open_one(self, deadline: float) -> Connection:
        place = object()
        self._open.add(place)
        try:
            connection = await self._dial(self, deadline)
        except BaseException:
            self._open.discard(place)
            self._wake()
            raise
        self._open.discard(place)
        if self._closed or not connection.usable:
            connection.abort()
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the connection was closed at once")
        self._open.add(connection)
        return connection

    async def _wait(self, deadline: float) -> Connection | None:
        if len(self._waiting) >= WAITING_MAX:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "too many calls wait for a connection")
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        self._waiting.append(waiter)
        timer = self._loop.call_at(deadline, _give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._pass_on(waiter.result())
            raise
        finally:
            timer.cancel()

    def keep(self, connection: Connection) -> None:
        """Take a connection back that can be used again."""
        if self._closed or not connection.usable:
            connection.abort()
            return
        self._pass_on(connection)

    def _pass_on(self, connection: Connection | None) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is not None:
            connection.idle_since = self._loop.time()
            self._idle.append(connection)
            if self._sweeper is None:
                self._sweeper = self._loop.call_later(IDLE_SECONDS_MAX, self._sweep)

    def drop(self, connection: Connection) -> None:
        """Forget a connection that was closed; make room for one that waits."""
        if connection in self._open:
            self._open.discard(connection)
            self._wake()

    def _wake(self) -> None:
        if self._waiting:
            self._pass_on(None)

    def _sweep(self) -> None:
        """Close what has been idle for long; the oldest are on the left."""
        self._sweeper = None
        idle = self._idle
        oldest = self._loop.time() - IDLE_SECONDS_MAX
        while idle and (idle[0].idle_since <= oldest or not idle[0].usable):
            idle.popleft().abort()
        if idle:
            self._sweeper = self._loop.call_at(idle[0].idle_since + IDLE_SECONDS_MAX, self._sweep)

    async def close(self) -> None:
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()
        for connection in list(self._open):
            if isinstance(connection, Connection):
                connection.abort()
        await asyncio.sleep(0)  # lets the loop close the sockets


def _give_up(waiter: "asyncio.Future[Connection | None]") -> None:
    if not waiter.done():
        waiter.set_exception(
            Fault(Reason.UPSTREAM_UNREACHABLE, "no connection became free in time")
        )
