"""The connections to one server: the most recently used first, bounded, with a bounded queue."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.http.connection import Connection, Keeper
from yett.upstreams.backends.http.known import KnownHeads

CONNECTIONS_MAX: Final = 128
WAITING_MAX: Final = 1024

# Common servers (uvicorn, Node) close after 5 s. A connection that dies under a `tools/call` costs
# that call, because nobody can know whether it was executed; a new connection costs a millisecond.
IDLE_SECONDS_MAX: Final = 4.0

# How late a deadline may be noticed.
TICK_SECONDS: Final = 0.1

Dial = Callable[[Keeper, float], Awaitable[Connection]]
"""Open a connection for this keeper before the deadline (loop time). Raises Fault."""


@final
class Pool:
    """idle: connections that may carry a request now, the most recently used last; some may not be `usable` any more."""

    __slots__ = (
        "_closed",
        "_connections_max",
        "_dial",
        "_dialing",
        "_idle_until",
        "_loop",
        "_open",
        "_ticker",
        "_waiting",
        "heads",
        "idle",
    )

    def __init__(self, dial: Dial, *, connections_max: int = CONNECTIONS_MAX) -> None:
        self._dial = dial
        self._connections_max = connections_max
        self._loop = asyncio.get_running_loop()
        self.idle: deque[Connection] = deque()
        self._open: set[Connection] = set()
        self._dialing = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._ticker: asyncio.TimerHandle | None = None
        self._idle_until = 0.0
        self.heads = KnownHeads()
        self._closed = False

    def take(self) -> Connection | None:
        """Return an idle connection at once, or None."""
        idle = self.idle
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
            if len(self._open) + self._dialing < self._connections_max:
                return await self._open_one(deadline)
            connection = await self._wait(deadline)
            if connection is not None and connection.usable:
                return connection
        raise Fault(Reason.UPSTREAM_UNREACHABLE, "the connections are closed")

    async def _open_one(self, deadline: float) -> Connection:
        self._dialing += 1
        try:
            connection = await self._dial(self, deadline)
        except BaseException:
            self._dialing -= 1
            self._wake()
            raise
        self._dialing -= 1
        if self._closed or not connection.usable:
            connection.abort()
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the connection was closed at once")
        self._open.add(connection)
        if self._ticker is None:
            self._tick()
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
        connection.kept = True
        connection.deadline = self._idle_until
        if self._waiting or self._closed:
            self._pass_on(connection)
        else:
            self.idle.append(connection)

    def _pass_on(self, connection: Connection | None) -> None:
        """Hand a connection, or the room for one, to who waits first."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is not None and self._closed:
            connection.abort()
        elif connection is not None:
            self.keep(connection)

    def drop(self, connection: Connection) -> None:
        """Forget a connection that was closed; make room for one that waits."""
        if connection in self._open:
            self._open.discard(connection)
            self._wake()

    def drop_idle(self) -> None:
        while self.idle:
            self.idle.pop().abort()

    def _wake(self) -> None:
        if self._waiting:
            self._pass_on(None)

    def _tick(self) -> None:
        """End what takes too long, to answer or to be asked again.

        One timer for all: a timer of its own costs each request about 5 µs on uvloop.
        """
        now = self._loop.time()
        self._idle_until = now + IDLE_SECONDS_MAX
        for connection in [item for item in self._open if item.deadline <= now]:
            connection.expire()
        idle = self.idle
        while idle and not idle[0].usable:
            idle.popleft()
        self._ticker = self._loop.call_later(TICK_SECONDS, self._tick) if self._open else None

    async def close(self) -> None:
        self._closed = True
        if self._ticker is not None:
            self._ticker.cancel()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()
        for connection in list(self._open):
            connection.abort()
        await asyncio.sleep(0)  # lets the loop close the sockets


def _give_up(waiter: "asyncio.Future[Connection | None]") -> None:
    if not waiter.done():
        waiter.set_exception(
            Fault(Reason.UPSTREAM_UNREACHABLE, "no connection became free in time")
        )
