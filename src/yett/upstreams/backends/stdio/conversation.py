"""JSON-RPC over one process: many requests at once, told apart by ids that we number."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, final

import msgspec

from yett.core.notices import PROGRESS
from yett.core.target import JSON
from yett.upstreams.backends.stdio.child import Child
from yett.upstreams.backends.stdio.hearing import Hearing
from yett.upstreams.backends.stdio.lines import LastWords
from yett.upstreams.handshake import with_beside, with_meta
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import (
    START,
    InvalidAnswer,
    announces_change,
    completed,
    encode_notification,
    encode_request,
    is_answer,
    named_id,
    named_token,
    read_message,
    read_outcome,
    read_result,
    reply_to,
)
from yett.upstreams.text_answers import NO_FORM, form_of

PENDING_MAX: Final = 1024
TICK_SECONDS: Final = 0.05
"""How often it is looked for requests that waited too long. A timer of its own costs each call about 5 µs."""
_CANCELLED: Final = "notifications/cancelled"
_NEVER: Final = float("inf")
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
class Asked(msgspec.Struct, frozen=True, eq=False):
    """A request that was written. name: its id, in digits. answer: what it waits for, until `deadline` (loop time);
    then that raises TimeoutError. hearing: what passes beside it."""

    name: bytes
    answer: "asyncio.Future[Exchange]"
    deadline: float
    hearing: Hearing | None = None

    @property
    def identifier(self) -> int:
        return int(self.name)


@final
class Conversation:
    """alive: the process can still be asked. opened: it has answered, so greetings are over. modern: each request
    says who asks. sole: whose the process is for now; what names no request is for them. events: takes
    notifications that are about no request.
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
        self._make_future = self._loop.create_future
        self._child = child
        self._words = words
        self._change = change
        self._ended = ended
        self._pending: dict[bytes, Asked] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._form = NO_FORM
        self._last_id = 0
        self._greetings = 0
        self.sole = sole
        self.events: Callable[[dict[str, JSON]], None] = _ignore
        self.alive = True
        self.opened = False
        self.modern = False
        self.since = self._loop.time()
        child.attach(self)

    def post(self, method: str, params: dict[str, JSON]) -> Asked:
        """Write a request whose answer may take as long as it likes.

        Raises:
            NotWritten: it could not be written.
        """
        return self._post(method, params, _NEVER, None)

    async def ask(
        self,
        method: str,
        params: dict[str, JSON],
        deadline: float,
        *,
        hearing: Hearing | None = None,
    ) -> Exchange:
        """Send one request and wait for its answer until `deadline` (loop time). hearing: what passes beside it.

        Raises:
            NotWritten: it could not be written.
            Ended: the process ended or broke the protocol.
            TimeoutError: no answer in time; the server was told that nobody waits.
            InvalidAnswer: the answer is neither a result nor an error.
        """
        if self.modern and hearing is None:
            params = with_meta(params)
        asked = self._post(method, params, deadline, hearing)
        try:
            return await asked.answer
        finally:
            self.withdraw(asked)

    def _post(
        self, method: str, params: dict[str, JSON], deadline: float, hearing: Hearing | None
    ) -> Asked:
        if not self.alive or len(self._pending) >= PENDING_MAX:
            raise NotWritten("it ended" if not self.alive else "too many calls wait for it")
        identifier = self._last_id = self._last_id + 1
        if hearing is not None:
            params = with_beside(params, hearing.beside, identifier, modern=self.modern)
        if not self._child.write(encode_request(identifier, method, params) + b"\n"):
            raise NotWritten("it does not read its input")
        if hearing is not None:
            hearing.begin(identifier)
        return self._await(b"%d" % identifier, deadline, hearing)

    def post_call(
        self, before: bytes, arguments: bytes, after: bytes, seconds: float
    ) -> Asked | None:
        """Write a call besides which nothing passes; None: it cannot be, and nothing was written. Who stops waiting
        calls `withdraw`. before, after: see `call_parts`. arguments: compact JSON."""
        if not self.alive or len(self._pending) >= PENDING_MAX:
            return None
        identifier = self._last_id = self._last_id + 1
        name = b"%d" % identifier
        if not self._child.write(b"%b%b%b%b%b\n" % (START, name, before, arguments, after)):
            return None
        return self._await(name, self._loop.time() + seconds, None)

    def _await(self, name: bytes, deadline: float, hearing: Hearing | None) -> Asked:
        asked = self._pending[name] = Asked(name, self._make_future(), deadline, hearing)
        if self._timer is None and deadline < _NEVER:
            self._tick()
        return asked

    def _tick(self) -> None:
        """End the waits that took too long."""
        now = self._loop.time()
        waiting = [asked for asked in self._pending.values() if asked.deadline < _NEVER]
        for asked in waiting:
            if asked.deadline <= now and not asked.answer.done():
                asked.answer.set_exception(TimeoutError())
        self._timer = self._loop.call_later(TICK_SECONDS, self._tick) if waiting else None

    def withdraw(self, asked: Asked) -> None:
        """Nobody waits any more. A late answer is dropped (THREATS.md P13)."""
        if self._pending.pop(asked.name, None) is not None:
            self.notify(_CANCELLED, {"requestId": asked.identifier})

    def notify(self, method: str, params: dict[str, JSON] | None = None) -> None:
        self.write(encode_notification(method, params))

    def write(self, line: bytes) -> None:
        self._child.write(line + b"\n")

    async def rest(self, seconds: float) -> None:
        """Return when all that was asked is answered, or after so long."""
        waiting = {asked.answer for asked in self._pending.values() if asked.deadline < _NEVER}
        if waiting:
            await asyncio.wait(waiting, timeout=seconds)

    async def close(self, why: str = "it was stopped") -> None:
        self._fail_all(why, broken=False)
        await self._child.stop()

    def answers(self, lines: list[bytes]) -> int:
        """Take the lines that are like the last plain answer, and are waited for, from the first on to one that is
        not; return how many there were. `line` would say the same of each."""
        pending, read = self._pending, self._form.read
        for count, line in enumerate(lines):
            name = named_id(line)
            asked = pending.get(name)
            if asked is None or asked.hearing is not None or asked.answer.done():
                return count
            exchange = read(line, name)
            if exchange is None:
                return count
            del pending[name]
            asked.answer.set_result(exchange)
        return len(lines)

    def notices(self, lines: list[bytes], start: int) -> int:
        asked = self._pending.get(named_token(lines[start]))
        hearing = self.sole if asked is None else asked.hearing
        return 0 if hearing is None else hearing.take_notices(lines, start)

    def line(self, line: bytes) -> bool:
        line = line.removesuffix(b"\r")
        if not line:
            return False
        asked = self._pending.get(named_id(line))
        if asked is not None:
            with suppress(InvalidAnswer):  # what it is instead is found out below
                exchange = read_result(line, asked.identifier, modern=False)
                self._learn(line, asked, exchange)
                return self._hand_over(asked.name, exchange)
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

    def _learn(self, line: bytes, asked: Asked, exchange: Exchange) -> None:
        """Remember how a plain answer is written, so that the next is only compared with it."""
        if exchange.result is None or not exchange.encoded:
            return
        if self.modern:
            result = dict(exchange.result)
            exchange = completed(Exchange(result, None, len(line), exchange.encoded))
        self._form = form_of(line, asked.name, exchange) or self._form

    def _take_answer(self, message: dict[str, JSON], size: int) -> bool:
        identifier = message.get("id")
        if type(identifier) is not int:
            return False
        try:
            return self._hand_over(b"%d" % identifier, read_outcome(message, size))
        except InvalidAnswer as error:
            return self._hand_over(b"%d" % identifier, error)

    def _hand_over(self, name: bytes, answer: Exchange | InvalidAnswer) -> bool:
        """Tell whether somebody waited for it."""
        asked = self._pending.pop(name, None)
        if asked is None or asked.answer.done():
            return False
        self.opened = True
        if asked.hearing is not None:
            # Now: what stands behind the answer may be read before its caller wakes.
            asked.hearing.close()
        if isinstance(answer, Exchange):
            asked.answer.set_result(answer)
        else:
            asked.answer.set_exception(answer)
        return True

    def _take_request(self, message: dict[str, JSON]) -> None:
        if self.sole is not None and self.sole.inquiries.take(message):
            return
        reply = reply_to(message)
        if reply is not None:
            self.write(reply)

    def _take_notification(self, message: dict[str, JSON], size: int) -> None:
        """Progress names its request by our token; on a process of one's own the rest is about the one
        call that runs there."""
        method, params = message["method"], message.get("params")
        if method == PROGRESS:
            token = params.get("progressToken") if isinstance(params, dict) else None
            asked = self._pending.get(b"%d" % token) if type(token) is int else None
            if asked is not None and asked.hearing is not None:
                asked.hearing.take_notice(message, size)
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
        self._fail_all(why, broken=broken)
        self._ended(self, why)

    def _fail_all(self, why: str, *, broken: bool) -> None:
        self.alive = False
        pending, self._pending = self._pending, {}
        for asked in pending.values():
            if not asked.answer.done():
                asked.answer.set_exception(Ended(why, broken=broken))


def _ignore(message: dict[str, JSON]) -> None:
    """Stands for `events` until somebody listens."""
