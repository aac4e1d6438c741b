"""TLS connections are accepted one by one here, so that a handshake that is under way has a place too.

A server of asyncio tells nobody of a connection before its handshake is over; until then it could be
neither counted nor cut (CWE-400).
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final, Protocol, final

from yett.edge.http.places import Held

HANDSHAKE_SECONDS_MAX: Final = 5.0
SHUTDOWN_SECONDS_MAX: Final = 2.0
_BACKLOG: Final = 1024
_AT_ONCE_MAX: Final = 64
_OUT_OF_FILES_SECONDS: Final = 0.5


class Keeper(Protocol):
    def opened(self, connection: Held) -> None: ...

    def closed(self, connection: Held) -> None: ...


@final
class Handshake:
    """One connection until its handshake is over. It can be cut at any time."""

    __slots__ = ("_task", "deadline", "known", "peer", "since")

    def __init__(self, peer: str, task: "asyncio.Task[object]") -> None:
        self._task = task
        self.peer = peer
        self.known = False
        self.since = monotonic()
        self.deadline = inf  # the TLS protocol has a timer of its own

    @property
    def arrived_bytes(self) -> int:
        return 0

    def is_idle(self) -> bool:
        return True

    def is_unread(self) -> bool:
        return False

    def expire(self) -> None:
        self._task.cancel()

    def drain(self) -> None:
        self._task.cancel()


@final
class Acceptor:
    """Listens on every address that a name means. make: a protocol for one connection."""

    def __init__(
        self,
        keeper: Keeper,
        make: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext,
    ) -> None:
        self._keeper = keeper
        self._make = make
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._sockets: list[socket.socket] = []
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}

    async def start(self, host: str, port: int) -> int:
        """Begin to listen; return the port.

        Raises:
            OSError: an address cannot be bound.
        """
        found = await self._loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        try:
            for family, _, _, _, where in dict.fromkeys(found):
                self._listen(family, where)
        except OSError:
            self.close()
            raise
        return int(self._sockets[0].getsockname()[1])

    def close(self) -> None:
        """Accept no more; handshakes under way are their keeper's."""
        for pause in self._pauses.values():
            pause.cancel()
        for listening in self._sockets:
            self._loop.remove_reader(listening)
            listening.close()
        self._sockets.clear()

    def _listen(self, family: int, where: tuple[object, ...]) -> None:
        listening = socket.socket(family, socket.SOCK_STREAM)
        self._sockets.append(listening)
        listening.setblocking(False)  # noqa: FBT003 - of socket
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(where)
        listening.listen(_BACKLOG)
        self._loop.add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE_MAX):
            try:
                taken, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError:  # no file or no memory is left: to ask again at once would be to spin
                self._loop.remove_reader(listening)
                self._pauses[listening] = self._loop.call_later(
                    _OUT_OF_FILES_SECONDS, self._resume, listening
                )
                return
            taken.setblocking(False)  # noqa: FBT003 - of socket
            self._begin(taken, address[0])

    def _resume(self, listening: socket.socket) -> None:
        del self._pauses[listening]
        self._loop.add_reader(listening, self._accept, listening)

    def _begin(self, taken: socket.socket, peer: str) -> None:
        """Shake hands in a task of its own; too slow, not TLS or not ours: the connection is gone."""
        task = self._loop.create_task(
            self._loop.connect_accepted_socket(
                self._make,
                taken,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS_MAX,
                ssl_shutdown_timeout=SHUTDOWN_SECONDS_MAX,
            )
        )
        handshake = Handshake(peer, task)

        def end(task: asyncio.Task[object]) -> None:
            self._keeper.closed(handshake)
            if task.cancelled() or task.exception() is not None:
                taken.close()

        task.add_done_callback(end)
        self._keeper.opened(handshake)
