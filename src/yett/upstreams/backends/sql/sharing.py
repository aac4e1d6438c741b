"""Nobody takes every connection: each tenant may use a part of them, and waits for its own to be free."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import final


@final
class Shares:
    """most: how many statements of one tenant run at the same time."""

    __slots__ = ("_most", "_tenants")

    def __init__(self, most: int) -> None:
        self._most = most
        self._tenants: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def of(self, tenant: str) -> AsyncIterator[None]:
        """Wait until the tenant has room, and take it for the block."""
        semaphore, users = self._tenants.get(tenant, (asyncio.Semaphore(self._most), 0))
        self._tenants[tenant] = semaphore, users + 1
        try:
            async with semaphore:
                yield
        finally:
            _, users = self._tenants.pop(tenant)
            if users > 1:  # else nobody is left who would have to wait for the same
                self._tenants[tenant] = semaphore, users - 1
