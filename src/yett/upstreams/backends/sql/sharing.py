"""How many statements run at once, and how many of them are one tenant's: nobody takes every connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import final

from yett.upstreams.backends.sql.engine import Rejected


@final
class Room:
    """most: statements that run at the same time. most_of_one: those of one tenant."""

    __slots__ = ("_all", "_most_of_one", "_tenants")

    def __init__(self, most: int, most_of_one: int) -> None:
        self._all = asyncio.Semaphore(most)
        self._most_of_one = most_of_one
        self._tenants: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def of(self, tenant: str, seconds: float) -> AsyncIterator[None]:
        """Wait until there is room for one more, and take it for the block.

        Raises:
            Rejected: there was none for so long. It says nothing about the database, so it is no fault of it:
                faults in a row would keep others out.
        """
        semaphore, users = self._tenants.get(tenant, (asyncio.Semaphore(self._most_of_one), 0))
        self._tenants[tenant] = semaphore, users + 1
        try:
            try:
                async with asyncio.timeout(seconds):
                    await self._enter(semaphore)
            except TimeoutError:
                raise Rejected("too many statements run at the moment; try again later") from None
            try:
                yield
            finally:
                self._all.release()
                semaphore.release()
        finally:
            _, users = self._tenants.pop(tenant)
            if users > 1:  # else nobody is left who would have to wait for the same
                self._tenants[tenant] = semaphore, users - 1

    async def _enter(self, semaphore: asyncio.Semaphore) -> None:
        await semaphore.acquire()
        try:
            await self._all.acquire()
        except BaseException:
            semaphore.release()
            raise
