"""JSON-RPC over one process: many requests at once, told apart by ids that we number."""

import asyncio
from collections.abc import Callable
from typing import Final, final

from yett.core.target import JSON
from yett.upstreams.backends.stdio.child import Child
from yett.upstreams.backends.stdio.lines import LastWords
from yett.upstreams.deadlines import Deadlines
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import (
    InvalidAnswer,
    announces_change,
    encode_notification,
    encode_request,
    is_answer,
    read_message,
    read_outcome,
    reply_to,
)

PENDING_MAX: Final = 1024
# Some servers greet on standard output before they listen to the protocol.
GREETING_LINES_MAX: Final = 50


class NotWritten(Exception):
    """The request was not written: the process is gone, or does not read."""


class Ended(Exception):
    """The process ended, or broke the protocol, while an answer was awaited."""

    def __init__(self, why: str, *, broken: bool) -> None:
        super().__init__(why)
        self.broken = broken


@final
class Conversation:
    """alive: the process can still be asked. opened: it has answered, so greetings are over."""

    def __init__(
        self,
        child: Child,
        words: LastWords,
        *,
        change: Callable[[], None],
        ended: Callable[["Conversation", str], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._child = child
        self._words = words
        self._change = change
        self._ended = ended
        self._deadlines = Deadlines(self._loop)
        self._pending: dict[int, asyncio.Future[Exchange]] = {}
        self._last_id = 0
        self._greetings = 0
        self.alive = True
        self.opened = False
        self.since = self._loop.time()
        child.attach(self)

    def post(self, method: str, params: dict[str, JSON]) -> "tuple[int, asyncio.Future[Exchange]]":
        """Write a request and return what its answer will arrive in.

        Raises:
            NotWritten: it could not be written.
        """
        if not self.alive or len(self._pending) >= PENDING_MAX:
            raise NotWritten("it ended" if not self.alive else "too many calls wait for it")
        identifier = self._last_id = self._last_id + 1
        if not self._child.write(encode_request(identifier, method, params)):
            raise NotWritten("it does not read its input")
        waiter: asyncio.Future[Exchange] = self._loop.create_future()
        self._pending[identifier] = waiter
        return identifier, waiter

    async def ask(self, method: str, params: dict[str, JSON], deadline: float) -> Exchange:
        """Send one request and wait for its answer until `deadline` (loop time).

        Raises:
            NotWritten: it could not be written.
            Ended: the process ended or broke the protocol.
            TimeoutError: no answer in time; the server was told that nobody waits.
            InvalidAnswer: the answer is neither a result nor an error.
        """
        identifier, waiter = self.post(method, params)
        self._deadlines.watch(waiter, deadline)
        answered = False
        try:
            exchange = await waiter
            answered = True
            return exchange
        except (Ended, InvalidAnswer):
            answered = True
            raise
        finally:
            self._deadlines.forget(waiter)
            if not answered:
                self.withdraw(identifier)

    def withdraw(self, identifier: int) -> None:
        """Nobody waits any more. A late answer is dropped (THREATS.md P13)."""
        if self._pending.pop(identifier, None) is not None:
            self.notify("notifications/cancelled", {"requestId": identifier})

    def notify(self, method: str, params: dict[str, JSON] | None = None) -> None:
        self._child.write(encode_notification(method, params))

    async def close(self) -> None:
        self.alive = False
        self._deadlines.close()
        self._fail_all("it was stopped", broken=False)
        await self._child.stop()

    def line(self, line: bytes) -> bool:
        line = line.removesuffix(b"\r")
        if not line:
            return False
        try:
            message = read_message(line)
        except InvalidAnswer:
            self._take_garbage(line)
            return False
        if is_answer(message):
            return self._take_answer(message, len(line))
        if announces_change(message):
            self._change()
        else:
            reply = reply_to(message)
            if reply is not None:
                self._child.write(reply)
        return False

    def _take_answer(self, message: dict[str, JSON], size: int) -> bool:
        identifier = message.get("id")
        waiter = self._pending.pop(identifier, None) if type(identifier) is int else None
        if waiter is None or waiter.done():
            return False
        self.opened = True
        try:
            waiter.set_result(read_outcome(message, size))
        except InvalidAnswer as error:
            waiter.set_exception(error)
        return True

    def _take_garbage(self, line: bytes) -> None:
        self._words.add("on standard output: " + line[:500].decode("utf-8", "replace"))
        self._greetings += 1
        if self.opened or self._greetings > GREETING_LINES_MAX:
            self._child.end("it wrote a line that is not of the protocol", broken=True)

    def ended(self, why: str, *, broken: bool) -> None:
        """Called by the child, once."""
        self.alive = False
        self._deadlines.close()
        self._fail_all(why, broken=broken)
        self._ended(self, why)

    def _fail_all(self, why: str, *, broken: bool) -> None:
        pending, self._pending = self._pending, {}
        for waiter in pending.values():
            if not waiter.done():
                waiter.set_exception(Ended(why, broken=broken))
