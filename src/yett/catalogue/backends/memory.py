"""A lock in memory and servers that say what they are told to, for tests and trials."""

import asyncio
from collections.abc import Callable, Hashable
from typing import final

from yett.catalogue.lock import Lock
from yett.catalogue.port import Definitions
from yett.core.errors import Fault
from yett.core.reasons import Reason


@final
class MemoryLockStore:
    def __init__(self, lock: Lock | None = None) -> None:
        self._lock = lock or Lock()
        self._version = 0

    def stamp(self) -> Hashable:
        return self._version

    def read(self) -> Lock:
        return self._lock

    def update(self, change: Callable[[Lock], Lock]) -> Lock:
        changed = change(self._lock)
        if changed != self._lock:
            self._lock = changed
            self._version += 1
        return changed


@final
class ScriptedDiscoverer:
    """offers: by server; a server that is not in it cannot be reached. asked: how often, by server."""

    def __init__(self, offers: dict[str, Definitions]) -> None:
        self.offers = offers
        self.asked: dict[str, int] = {}

    async def discover(self, server: str) -> Definitions:
        self.asked[server] = self.asked.get(server, 0) + 1
        await asyncio.sleep(0)
        if server not in self.offers:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, f"server `{server}` cannot be reached")
        return self.offers[server]
