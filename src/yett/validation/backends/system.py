"""Asks the system's resolver, a few names at a time: it may be slow, and others need its threads."""

import asyncio
import socket
from typing import Final, final

from yett.validation.port import UnknownHost

AT_ONCE_MAX: Final = 2
"""The threads that look up names are four, and connections to servers need them, too."""

WAITING_MAX: Final = 64
LOOK_UP_SECONDS_MAX: Final = 3.0
KEPT_SECONDS: Final = 5.0
KEPT_MAX: Final = 1_000


@final
class SystemResolver:
    """What was found is good for a few seconds. Used by one event loop."""

    __slots__ = ("_free", "_kept", "_running")

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE_MAX)
        self._kept: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._running: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        now = asyncio.get_running_loop().time()
        until, found = self._kept.get(host, (0.0, ()))
        if now < until:
            return found
        running = self._running.get(host)
        if running is None:
            if len(self._running) >= WAITING_MAX:
                raise UnknownHost("too many names are being looked up")
            running = self._running[host] = asyncio.ensure_future(self._ask(host))
            running.add_done_callback(lambda _: self._running.pop(host, None))
        try:
            # The thread goes on when the time is up, and keeps its place until it is done.
            return await asyncio.wait_for(asyncio.shield(running), LOOK_UP_SECONDS_MAX)
        except TimeoutError:
            raise UnknownHost("the answer did not come in time") from None
        except OSError as error:
            raise UnknownHost(f"it cannot be looked up: {error.strerror}") from error

    async def _ask(self, host: str) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        async with self._free:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        addresses = tuple(dict.fromkeys(str(where[0]) for *_, where in found))
        if len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[host] = (loop.time() + KEPT_SECONDS, addresses)
        return addresses
