"""The lists of a legacy server that shows some of its tools only to a client that can be asked.

The process that plain calls share is told of no capability: nobody could answer there. So the lists are
taken from a process of their own, which is told of all that the operator lets the server ask. Nothing is
answered there either.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.backends.stdio.conversation import Conversation
from yett.upstreams.backends.stdio.exchanging import exchange_with
from yett.upstreams.backends.stdio.hearing import Hearing
from yett.upstreams.handshake import Opening
from yett.upstreams.listing import take_listing
from yett.upstreams.port import Beside, Discovered, Exchange, Wishes

Open = Callable[[Hearing], Coroutine[Any, Any, tuple[Conversation, Opening]]]
_SILENT: Final = "too slow to show what it has"


@final
class Showcase:
    """open_: starts a process, as legacy. It stays, so that a look at the lists starts none."""

    def __init__(self, open_: Open, offers: Wishes) -> None:
        self._open = open_
        self._hearing = Hearing(Beside(wishes=offers), _say_nothing)
        self._opened: tuple[Conversation, Opening] | None = None
        self._lock = asyncio.Lock()

    async def take(self, deadline: float) -> Discovered:
        """Return the lists. deadline: loop time.

        Raises:
            Fault: as `Transport.discover`.
            InvalidAnswer: likewise.
        """
        try:
            async with asyncio.timeout_at(deadline), self._lock:
                conversation, opening = await self._ready()
        except TimeoutError:
            raise Fault(Reason.UPSTREAM_TIMEOUT, _SILENT) from None

        async def ask(method: str, params: dict[str, JSON]) -> Exchange:
            return await exchange_with(conversation, method, params, deadline)

        return await take_listing(ask, opening.capabilities)

    async def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened[0].close()

    async def _ready(self) -> tuple[Conversation, Opening]:
        if self._opened is None or not self._opened[0].alive:
            self._opened = await self._open(self._hearing)
        return self._opened


def _say_nothing(_: bytes) -> None:
    """Nobody is there to answer a question."""
