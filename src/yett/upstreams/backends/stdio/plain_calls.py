"""Calls besides which nothing passes, to a process that runs already: nearly all of them.

What those of one tool have in common is put together once for each process. Whatever cannot be written at once goes the
way of all requests (see `exchange_with`), and means the same there.
"""

import asyncio
from collections.abc import Callable
from typing import final

import msgspec

from yett.core.document import encode
from yett.core.proofs import Credential
from yett.upstreams.backends.stdio.conversation import Asked, Conversation
from yett.upstreams.backends.stdio.exchanging import as_fault
from yett.upstreams.handshake import MODERN_META
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import call_parts, completed


@final
class PlainCalls:
    """Of one tool. opened: returns the conversation that is open; None: there is none."""

    __slots__ = ("_after", "_before", "_conversation", "_opened", "_tool")

    def __init__(self, tool: str, opened: Callable[[], Conversation | None]) -> None:
        self._tool = tool
        self._opened = opened
        self._conversation: Conversation | None = None
        self._before = self._after = b""

    def begin(
        self,
        arguments: bytes,
        credential: Credential,  # noqa: ARG002 - a process has its secrets in its environment
        seconds: float,
    ) -> "PlainCall | None":
        """See `Begin`."""
        conversation = self._conversation
        if conversation is None or not conversation.alive:
            conversation = self._enter()
            if conversation is None:
                return None
        asked = conversation.post_call(self._before, arguments, self._after, seconds)
        return None if asked is None else PlainCall(conversation, asked, asked.answer)

    def leave(self) -> None:
        """Look again for the conversation that is open."""
        self._conversation = None

    def _enter(self) -> Conversation | None:
        """Return the conversation that is open, and prepare what its calls have in common."""
        self._conversation = conversation = self._opened()
        if conversation is not None:
            meta = encode(MODERN_META) if conversation.modern else b""
            self._before, self._after = call_parts(self._tool, meta)
        return conversation


@final
class PlainCall(msgspec.Struct, frozen=True, eq=False):
    """See `Begun`."""

    conversation: Conversation
    asked: Asked
    answer: "asyncio.Future[Exchange]"

    def read(self, answer: Exchange) -> Exchange:
        return completed(answer) if self.conversation.modern else answer

    async def finish(self) -> Exchange:
        """It is never needed: `read` always knows."""
        return self.read(await self.answer)

    def explain(self, trouble: BaseException) -> BaseException:
        self.conversation.withdraw(self.asked)
        return as_fault(trouble)
