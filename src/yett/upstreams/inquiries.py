"""What a legacy server asks of the caller while it works on one request, and the answers back to it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, final

from yett.core.bounds import INPUTS_MAX
from yett.core.target import JSON
from yett.upstreams.background import report_bug
from yett.upstreams.port import Ask, Wishes
from yett.upstreams.rpc import encode_reply, question_of
from yett.upstreams.wishes import offered

QUESTIONS_MAX: Final = 64
"""Of one request, in all its rounds."""


@final
class Inquiries:
    """ask: where the caller is asked; None: nobody can be. bring: takes our answer back to the server.
    since: loop time from which on something was asked; None: nothing is."""

    __slots__ = ("_ask", "_bring", "_capabilities", "_closed", "_count", "_open", "since")

    def __init__(
        self, ask: Ask | None, wishes: Wishes, bring: Callable[[bytes], Awaitable[None]]
    ) -> None:
        self._ask = ask
        self._capabilities = {} if ask is None else offered(wishes)
        self._bring = bring
        self._open: dict[int | str, asyncio.Task[None]] = {}
        self._count = 0
        self._closed = False
        self.since: float | None = None

    def take(self, message: dict[str, JSON]) -> bool:
        """Ask the caller; False: this is nothing that it may be asked, or too much is."""
        ask, question = self._ask, question_of(message, self._capabilities)
        if self._closed or ask is None or question is None:
            return False
        if len(self._open) >= INPUTS_MAX or self._count >= QUESTIONS_MAX:
            return False
        identifier, method, params = question
        if identifier not in self._open:  # one that is asked twice is answered once
            loop = asyncio.get_running_loop()
            self.since = loop.time() if self.since is None else self.since
            self._count += 1
            task = loop.create_task(self._answer(ask, identifier, method, params))
            self._open[identifier] = task
            task.add_done_callback(lambda done: self._finish(identifier, done))
        return True

    def withdraw(self, params: JSON) -> None:
        """The server no longer wants to know. params: of its `notifications/cancelled`."""
        identifier = params.get("requestId") if isinstance(params, dict) else None
        if isinstance(identifier, int | str) and identifier in self._open:
            self._open[identifier].cancel()

    def close(self) -> None:
        """The request is over, and with it all that was asked for its sake."""
        self._closed = True
        for task in list(self._open.values()):
            task.cancel()

    async def _answer(
        self, ask: Ask, identifier: int | str, method: str, params: dict[str, JSON]
    ) -> None:
        exchange = await ask(method, params)
        await self._bring(encode_reply(identifier, exchange))

    def _finish(self, identifier: int | str, task: "asyncio.Task[None]") -> None:
        del self._open[identifier]
        if not self._open:
            self.since = None
        report_bug(task)  # a server that cannot be reached now is noticed by the request itself
