"""A connection to Valkey or Redis that does what the counters need: many commands under way, answers in
their order (RESP 2, https://valkey.io/topics/protocol/).

Nothing waits longer than `deadline_seconds`: an answer that is late ends the connection, for nobody
could tell any more which answers belong to whom.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, cast, final

REPLY_BYTES_MAX: Final = 1024 * 1024
_LINE_END: Final = b"\r\n"
_DEPTH_MAX: Final = 4
_DIGITS_MAX: Final = 20
_TEXT: Final = ord("$")

Reply = bytes | int | None | list["Reply"] | Exception


class ReplyError(Exception):
    """The store answered with an error. code: its first word, such as OOM or READONLY."""

    @property
    def code(self) -> str:
        return str(self).partition(" ")[0]


class ProtocolError(Exception):
    """What came is no answer."""


class _Incomplete(Exception):
    pass


def command(*words: bytes | str | int) -> bytes:
    """Put a command into bytes."""
    return b"*%d\r\n" % len(words) + words_of(words)


def words_of(words: Sequence[bytes | str | int]) -> bytes:
    """Put words of a command into bytes, without the count in front."""
    parts: list[bytes] = []
    for word in words:
        content = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(content), content))
    return b"".join(parts)


@final
class Connection(asyncio.Protocol):
    """lost: done when the connection is, with what ended it."""

    def __init__(self, deadline_seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline_seconds = deadline_seconds
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[tuple[asyncio.Future[Reply] | None, float]] = deque()
        self._buffer = b""
        self._timer: asyncio.TimerHandle | None = None
        self._why: Exception | None = None
        self.lost: asyncio.Future[Exception] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop has a class of its own
        self._timer = self._loop.call_later(self._deadline_seconds / 4, self._look_at_the_time)

    def connection_lost(self, exc: Exception | None) -> None:
        why = self._why or exc or ConnectionError("the store closed the connection")
        if self._timer is not None:
            self._timer.cancel()
        self._transport = None
        while self._waiting:
            future, _ = self._waiting.popleft()
            if future is not None and not future.done():
                future.set_exception(why)
        if not self.lost.done():
            self.lost.set_result(why)

    def ask(self, request: bytes) -> asyncio.Future[Reply]:
        """Send one command and return what its answer will be.

        Raises (when awaited):
            ReplyError: the answer is an error.
            OSError, ProtocolError: the connection ended before there was one.
        """
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._send(request, future)
        return future

    def tell(self, request: bytes) -> None:
        """Send one command whose answer nobody wants."""
        self._send(request, None)

    def end(self, why: Exception) -> None:
        """Give the connection up at once."""
        self._why = self._why or why
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        at = 0
        try:
            while at < len(data):
                reply, at = _parse(data, at, 0)
                if not self._waiting:
                    raise ProtocolError("an answer to nothing that was asked")
                future, _ = self._waiting.popleft()
                if future is not None and not future.done():
                    if isinstance(reply, Exception):
                        future.set_exception(reply)
                    else:
                        future.set_result(reply)
        except _Incomplete:
            pass
        except ProtocolError as error:
            self.end(error)
            return
        self._buffer = data[at:]
        if len(self._buffer) > REPLY_BYTES_MAX:
            self.end(ProtocolError("an answer that is too large"))

    def _send(self, request: bytes, future: asyncio.Future[Reply] | None) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            if future is not None:
                future.set_exception(ConnectionError("there is no connection"))
            return
        self._waiting.append((future, self._loop.time() + self._deadline_seconds))
        transport.write(request)

    def _look_at_the_time(self) -> None:
        if self._waiting and self._waiting[0][1] < self._loop.time():
            self.end(TimeoutError(f"no answer within {self._deadline_seconds:g} seconds"))
            return
        self._timer = self._loop.call_later(self._deadline_seconds / 4, self._look_at_the_time)


def _parse(data: bytes, at: int, depth: int) -> tuple[Reply, int]:
    end = data.find(_LINE_END, at)
    if end < 0:
        raise _Incomplete
    kind, line, after = data[at], data[at + 1 : end], end + 2
    if kind == _TEXT:
        size = _size(line)
        if size < 0:
            return None, after
        if len(data) < after + size + 2:
            raise _Incomplete
        if data[after + size : after + size + 2] != _LINE_END:
            raise ProtocolError("a text that does not end where it should")
        return data[after : after + size], after + size + 2
    match kind:
        case 58:  # :
            return _number(line), after
        case 43:  # +
            return line, after
        case 45:  # -
            return ReplyError(line.decode(errors="replace")), after
        case 42 if depth < _DEPTH_MAX:  # *
            return _list(data, _size(line), after, depth)
        case _:
            raise ProtocolError("what came is no answer")


def _list(data: bytes, count: int, at: int, depth: int) -> tuple[Reply, int]:
    if count < 0:
        return None, at
    found: list[Reply] = []
    for _ in range(count):
        item, at = _parse(data, at, depth + 1)
        found.append(item)
    return found, at


def _number(text: bytes) -> int:
    digits = text[1:] if text[:1] == b"-" else text
    if not digits.isdigit() or len(digits) > _DIGITS_MAX:
        raise ProtocolError("a number that is none")
    return int(text)


def _size(text: bytes) -> int:
    size = _number(text)
    if size > REPLY_BYTES_MAX:
        raise ProtocolError("an answer that is too large")
    return size
