"""The listening socket: how many connections, how long they may idle, and how they end."""

import asyncio
import contextlib
import ssl
from collections import Counter
from time import monotonic
from typing import Final, final

from yett.core import bounds
from yett.edge.http.connection import Connection, Handler
from yett.edge.http.heads import Heads

_SWEEP_SECONDS: Final = 1.0
_FORGET_SECONDS: Final = 60.0
_BACKLOG: Final = 1024
_ROOM: Final = 16
"""When all places are taken, one in so many is cleared at once: looking takes a millisecond."""


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
        self.loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._connections_max = connections_max
        self._unread: set[Connection] = set()
        self._unread_bytes_max = unread_bytes_max
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int, *, context: ssl.SSLContext | None = None) -> int:
        """Begin to listen; return the port.

        Raises:
            OSError: the address cannot be bound.
        """
        self._server = await self.loop.create_server(
            lambda: Connection(self), host, port, ssl=context, backlog=_BACKLOG, reuse_address=True
        )
        self._sweep()
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self, *, grace_seconds: float) -> None:
        """Refuse new connections, let running calls end, then cut what is left."""
        self.draining = True
        if self._server is not None:
            self._server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._connections):
            connection.drain()
        deadline = monotonic() + grace_seconds
        while self._connections and monotonic() < deadline:  # noqa: ASYNC110 - at shutdown only; an event would cost every call
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.transport.abort()
        if self._server is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 1.0)

    # -- told by connections

    def opened(self, connection: Connection) -> None:
        if self.draining:
            connection.transport.abort()
        elif len(self._connections) >= self._connections_max:
            self._make_room()
            if len(self._connections) >= self._connections_max:
                connection.transport.abort()
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
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
        """Close connections on which nothing is being served: first of the peer that has most of them,
        then those that would have run out first. Whoever wants a place gets one by asking."""
        held = Counter(item.peer for item in self._connections)
        idle = [item for item in self._connections if item.is_idle()]
        idle.sort(key=lambda item: (-held[item.peer], item.deadline))
        for item in idle[: max(1, self._connections_max // _ROOM)]:
            self._connections.discard(item)
            item.expire()

    def gone(self, task: asyncio.Task[None]) -> None:
        """The agent left while it was being served: stop the work; the record says `cancelled`."""
        task.cancel()

    def _sweep(self) -> None:
        now = monotonic()
        for connection in [item for item in self._connections if item.deadline < now]:
            connection.expire()
        self._bound_bodies()
        if now >= self._forget_at:
            self.heads.forget()
            self._forget_at = now + _FORGET_SECONDS
        self._sweeper = self.loop.call_later(_SWEEP_SECONDS, self._sweep)
