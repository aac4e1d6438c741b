"""What somebody who has nothing to do waits for."""

import asyncio
from typing import final


@final
class Bell:
    """Rung before anybody listens, it is heard by the next who does."""

    __slots__ = ("_is_rung", "_wake")

    def __init__(self) -> None:
        self._wake: asyncio.Future[None] | None = None
        self._is_rung = False

    def ring(self) -> None:
        """There is something to do."""
        self._is_rung = True
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def rest(self) -> None:
        """Return when there may be something to do. One at a time."""
        if not self._is_rung:
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        self._is_rung = False
