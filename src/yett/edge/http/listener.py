"""The listening socket: how many connections, how long they may idle, and how they end."""

import asyncio
import contextlib
import ssl
from time import monotonic
from typing import Final, final

from yett.core import bounds
from yett.edge.http.acceptor import Acceptor
from yett.edge.http.connection import Connection, Handler
from yett.edge.http.heads import Heads
from yett.edge.http.message import Request
from yett.edge.http.places import Held, first_to_go, too_many_of_one

_SWEEP_SECONDS: Final = 1.0
_REST_SECONDS_MAX: Final = bounds.KEEP_ALIVE_SECONDS_MAX + _SWEEP_SECONDS
_FORGET_SECONDS: Final = 60.0
_BACKLOG: Final = 1024
_ROOM: Final = 16
"""When all places are taken, one in so many is cleared at once: looking takes a millisecond."""
_LEAVING_SECONDS: Final = 8.0
"""At the end, for who does not read the answer that is there; running calls have longer."""


@final
class Listener:
    """Serves `handler` on one address until `stop`.

    `draining`: no new request is begun, answers say `Connection: close`.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        connections_max: int = bounds.CONNECTIONS_MAX,
        unread_bytes_max: int = bounds.UNREAD_BYTES_MAX,
    ) -> None:
        self.handler = handler
        self.draining = False
        self.heads = Heads()
        self._forget_at = monotonic() + _FORGET_SECONDS
        self.rest_until = monotonic() + _REST_SECONDS_MAX
        self.loop = asyncio.get_running_loop()
        self._connections: set[Held] = set()
        self._connections_max = connections_max
        self._notes: set[asyncio.Task[None]] = set()
        self._unread: set[Connection] = set()
        self._unread_bytes_max = unread_bytes_max
        self._server: asyncio.Server | None = None
        self._acceptor: Acceptor | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int, *, context: ssl.SSLContext | None = None) -> int:
        """Begin to listen; return the port.

        Raises:
            OSError: the address cannot be bound.
        """
        if context is not None:
            self._acceptor = Acceptor(self, lambda: Connection(self), context)
            bound = await self._acceptor.start(host, port)
            self._sweep()
            return bound
        self._server = await self.loop.create_server(
            lambda: Connection(self), host, port, backlog=_BACKLOG, reuse_address=True
        )
        self._sweep()
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self, *, grace_seconds: float) -> None:
        """Refuse new connections, let running calls end, then cut what is left."""
        self.draining = True
        if self._acceptor is not None:
            self._acceptor.close()
        if self._server is not None:
            self._server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._connections):
            connection.drain()
        await self._empty(monotonic() + grace_seconds)
        for connection in list(self._connections):
            connection.expire()
        if self._server is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 1.0)

    async def _empty(self, deadline: float) -> None:
        """Wait until everybody has left; for those who do not read their answers, not so long."""
        leaving: dict[Held, float] = {}
        while self._connections and (now := monotonic()) < deadline:
            for connection in list(self._connections):
                if not connection.is_unread():
                    leaving.pop(connection, None)
                elif now > leaving.setdefault(connection, now + _LEAVING_SECONDS):
                    connection.expire()
            await asyncio.sleep(0.02)

    # -- told by connections

    def opened(self, connection: Held) -> None:
        if self.draining:
            connection.expire()
        elif len(self._connections) >= self._connections_max:
            self._make_room()
            if len(self._connections) >= self._connections_max:
                connection.expire()
        self._connections.add(connection)

    def closed(self, connection: Held) -> None:
        self._connections.discard(connection)
        if isinstance(connection, Connection):
            self._unread.discard(connection)

    def unread(self, connection: Connection) -> None:
        """Cut who has most, when what nobody reads takes too much memory."""
        self._unread = {item for item in self._unread if item.is_unread()} | {connection}
        sizes = {item: item.transport.get_write_buffer_size() for item in self._unread}
        while sizes and sum(sizes.values()) > self._unread_bytes_max:
            most = max(sizes, key=lambda item: sizes[item])
            del sizes[most]
            self._unread.discard(most)
            most.expire()

    def _bound_bodies(self) -> None:
        """Cut those who take longest to send a body, when what has come of all of them is too much."""
        arriving = [item for item in self._connections if item.arrived_bytes]
        total = sum(item.arrived_bytes for item in arriving)
        for item in sorted(arriving, key=lambda item: item.deadline):
            if total <= self._unread_bytes_max:
                return
            total -= item.arrived_bytes
            item.expire()

    def _make_room(self) -> None:
        """Whoever wants a place gets one by asking, at the cost of who seems to need it least."""
        for item in first_to_go(self._connections)[: max(1, self._connections_max // _ROOM)]:
            self._connections.discard(item)
            item.expire()

    def gone(self, task: asyncio.Task[None]) -> None:
        """The agent left while it was being served: stop the work; the record says `cancelled`."""
        task.cancel()

    def note(self, request: Request) -> None:
        """Bytes that are not HTTP came behind a running call: refused and recorded all the same."""
        task = self.loop.create_task(self._refuse_unheard(request))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _refuse_unheard(self, request: Request) -> None:
        await self.handler(request)

    def _sweep(self) -> None:
        now = monotonic()
        self.rest_until = now + _REST_SECONDS_MAX
        for connection in [item for item in self._connections if item.deadline < now]:
            connection.expire()
        for connection in too_many_of_one(self._connections, self._connections_max, now):
            connection.expire()
        self._bound_bodies()
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_SECONDS
            self._forget()
        self._sweeper = self.loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _forget(self) -> None:
        """Headers hold credentials: none is kept for longer than its connection uses it."""
        self.heads.forget()
        for connection in self._connections:
            if isinstance(connection, Connection):
                connection.forget()
