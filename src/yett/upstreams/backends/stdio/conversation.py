"""JSON-RPC over one process: many requests at once, told apart by ids that we number."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, final

from yett.core.document import encode
from yett.core.notices import PROGRESS
from yett.core.target import JSON
from yett.upstreams.backends.stdio.child import Child
from yett.upstreams.backends.stdio.hearing import Hearing
from yett.upstreams.backends.stdio.lines import LastWords
from yett.upstreams.deadlines import Deadlines
from yett.upstreams.handshake import MODERN_META, with_beside, with_meta
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import (
    InvalidAnswer,
    announces_change,
    call_parts,
    encode_call,
    encode_notification,
    encode_request,
    is_answer,
    named_id,
    read_message,
    read_outcome,
    read_result,
    reply_to,
)

PENDING_MAX: Final = 1024
_CALLS_MAX: Final = 1024
_META: Final = encode(MODERN_META)
_CANCELLED: Final = "notifications/cancelled"
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
    """alive: the process can still be asked. opened: it has answered, so greetings are over. sole: whose
    the process is for now; what names no request is for them. events: takes notifications that are
    about no request.
    """

    def __init__(
        self,
        child: Child,
        words: LastWords,
        *,
        change: Callable[[], None],
        ended: Callable[["Conversation", str], None],
        sole: Hearing | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._child = child
        self._words = words
        self._change = change
        self._ended = ended
        self._deadlines = Deadlines(self._loop)
        self._pending: dict[int, asyncio.Future[Exchange]] = {}
        self._hearings: dict[int, Hearing] = {}
        self._calls: dict[str, tuple[bytes, bytes]] = {}
        self._last_id = 0
        self._greetings = 0
        self.sole = sole
        self.events: Callable[[dict[str, JSON]], None] = _ignore
        self.alive = True
        self.opened = False
        self.since = self._loop.time()
        child.attach(self)

    def post(self, method: str, params: dict[str, JSON]) -> "tuple[int, asyncio.Future[Exchange]]":
        """Write a request and return what its answer will arrive in.

        Raises:
            NotWritten: it could not be written.
        """
        identifier = self._last_id = self._last_id + 1
        return identifier, self._post(identifier, method, params)

    async def ask(
        self,
        method: str,
        params: dict[str, JSON],
        deadline: float,
        *,
        modern: bool = False,
        hearing: Hearing | None = None,
    ) -> Exchange:
        """Send one request and wait for its answer until `deadline` (loop time).

        modern: whether it is to say who asks. hearing: what passes beside it.

        Raises:
            NotWritten: it could not be written.
            Ended: the process ended or broke the protocol.
            TimeoutError: no answer in time; the server was told that nobody waits.
            InvalidAnswer: the answer is neither a result nor an error.
        """
        identifier = self._last_id = self._last_id + 1
        if hearing is not None:
            params = with_beside(params, hearing.beside, identifier, modern=modern)
        elif modern:
            params = with_meta(params)
        answered = False
        waiter = self._post(identifier, method, params)
        self._deadlines.watch(waiter, deadline)
        if hearing is not None:
            hearing.begin(identifier)
            self._hearings[identifier] = hearing
        try:
            exchange = await waiter
            answered = True
            return exchange
        except (Ended, InvalidAnswer):
            answered = True
            raise
        finally:
            self._hearings.pop(identifier, None)
            self._deadlines.forget(waiter)
            if not answered:
                self.withdraw(identifier)

    def _post(
        self, identifier: int, method: str, params: dict[str, JSON]
    ) -> "asyncio.Future[Exchange]":
        return self._write(identifier, encode_request(identifier, method, params))

    def post_call(
        self, tool: str, arguments: bytes, deadline: float, *, modern: bool
    ) -> "tuple[int, asyncio.Future[Exchange]]":
        """As `post`, for a call besides which nothing passes. Who has waited, however it ended, calls `settle`.

        arguments: compact JSON. deadline: loop time; then it raises TimeoutError. modern: see `ask`.

        Raises:
            NotWritten: it could not be written.
        """
        parts = self._calls.get(tool)
        if parts is None:
            if len(self._calls) >= _CALLS_MAX:
                self._calls.clear()
            parts = self._calls[tool] = call_parts(tool, _META if modern else b"")
        identifier = self._last_id = self._last_id + 1
        waiter = self._write(identifier, encode_call(identifier, parts, arguments))
        self._deadlines.watch(waiter, deadline)
        return identifier, waiter

    def settle(self, identifier: int, waiter: "asyncio.Future[Exchange]") -> None:
        """Nobody waits any more, answered or not."""
        self._deadlines.forget(waiter)
        if identifier in self._pending:
            self.withdraw(identifier)

    def _write(self, identifier: int, line: bytes) -> "asyncio.Future[Exchange]":
        if not self.alive or len(self._pending) >= PENDING_MAX:
            raise NotWritten("it ended" if not self.alive else "too many calls wait for it")
        if not self._child.write(line):
            raise NotWritten("it does not read its input")
        waiter: asyncio.Future[Exchange] = self._loop.create_future()
        self._pending[identifier] = waiter
        return waiter

    def withdraw(self, identifier: int) -> None:
        """Nobody waits any more. A late answer is dropped (THREATS.md P13)."""
        if self._pending.pop(identifier, None) is not None:
            self.notify("notifications/cancelled", {"requestId": identifier})

    def notify(self, method: str, params: dict[str, JSON] | None = None) -> None:
        self._child.write(encode_notification(method, params))

    def write(self, line: bytes) -> None:
        self._child.write(line)

    async def close(self, why: str = "it was stopped") -> None:
        self.alive = False
        self._deadlines.close()
        self._fail_all(why, broken=False)
        await self._child.stop()

    def line(self, line: bytes) -> bool:
        line = line.removesuffix(b"\r")
        if not line:
            return False
        identifier = named_id(line)
        if identifier in self._pending:
            with suppress(InvalidAnswer):  # what it is instead is found out below
                exchange = read_result(line, identifier, modern=False)
                return self._hand_over(identifier, exchange)
        try:
            message = read_message(line)
        except InvalidAnswer:
            self._take_garbage(line)
            return False
        if is_answer(message):
            return self._take_answer(message, len(line))
        if announces_change(message):
            self._change()
        elif "id" in message:
            self._take_request(message)
        else:
            self._take_notification(message, len(line))
        return False

    def _take_answer(self, message: dict[str, JSON], size: int) -> bool:
        identifier = message.get("id")
        if type(identifier) is not int:
            return False
        try:
            return self._hand_over(identifier, read_outcome(message, size))
        except InvalidAnswer as error:
            return self._hand_over(identifier, error)

    def _hand_over(self, identifier: int, answer: Exchange | InvalidAnswer) -> bool:
        """Tell whether somebody waited for it."""
        waiter = self._pending.pop(identifier, None)
        if waiter is None or waiter.done():
            return False
        self.opened = True
        if self._hearings and identifier in self._hearings:
            # Now: what stands behind the answer may be read before its caller wakes.
            self._hearings.pop(identifier).close()
        if isinstance(answer, Exchange):
            waiter.set_result(answer)
        else:
            waiter.set_exception(answer)
        return True

    def _take_request(self, message: dict[str, JSON]) -> None:
        if self.sole is not None and self.sole.inquiries.take(message):
            return
        reply = reply_to(message)
        if reply is not None:
            self._child.write(reply)

    def _take_notification(self, message: dict[str, JSON], size: int) -> None:
        """Progress names its request by our token; on a process of one's own the rest is about the one
        call that runs there."""
        method, params = message["method"], message.get("params")
        if method == PROGRESS:
            token = params.get("progressToken") if isinstance(params, dict) else None
            hearing = self._hearings.get(token) if type(token) is int else None
            if hearing is not None:
                hearing.take_notice(message, size)
        elif self.sole is None:
            self.events(message)
        elif method == _CANCELLED:
            self.sole.inquiries.withdraw(params)
        else:
            self.sole.take_notice(message, size)

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


def _ignore(message: dict[str, JSON]) -> None:
    """Stands for `events` until somebody listens."""
