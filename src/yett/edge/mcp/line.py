"""What a caller hears of its call before the answer: SSE events on the connection of its own POST.

Three pieces, for both eras: the form of an event, the stream that begins with the first of them, and
the `Line` that the pipeline tells notices to (MCP 2026-07-28 and 2025-11-25, Streamable HTTP; SSE: WHATWG
HTML, 9.2).
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import chain, count
from math import inf
from typing import Final, final

from yett.core.document import encode
from yett.core.notices import LOG_LEVELS, MESSAGE, PROGRESS, Notice, Several
from yett.core.target import JSON
from yett.edge.http.connection import Connection
from yett.edge.http.message import stream_head
from yett.edge.mcp.translate import without_own_meta

KEEP_ALIVE_SECONDS: Final = 15.0
KEEP_ALIVE: Final = b": keep-alive\n\n"
TOKEN_CHARS_MAX: Final = 256

ProgressToken = str | int

_BEFORE: Final = b"event: message\ndata: "
_BEFORE_PARAMS: Final = {
    method: b'{"jsonrpc":"2.0","method":%b,"params":{' % encode(method)
    for method in (PROGRESS, MESSAGE)
}
_SEVERITY: Final[dict[str, int]] = {level: severity for severity, level in enumerate(LOG_LEVELS)}


def event(message: bytes) -> bytes:
    """Return a JSON-RPC message as an SSE event. message: compact JSON, so it holds no line break."""
    return b"%b%b\n\n" % (_BEFORE, message)


def events(messages: Sequence[bytes]) -> bytes:
    """Return several, as `event` does."""
    return event((b"\n\n" + _BEFORE).join(messages))


def numbered_events(messages: Sequence[bytes], prefix: bytes, first: int) -> bytes:
    """As `events`, each with an id: the prefix and its number, counted from `first`."""
    form = b"event: message\nid: %b%%d\ndata: %%b\n\n" % prefix
    return form * len(messages) % tuple(chain.from_iterable(zip(count(first), messages)))


def notification(method: str, params: dict[str, JSON] | None = None) -> bytes:
    """Return a JSON-RPC notification."""
    message: dict[str, JSON] = {"jsonrpc": "2.0", "method": method}
    return encode(message if params is None else message | {"params": params})


def is_progress_token(value: JSON) -> bool:
    return type(value) is int or (type(value) is str and len(value) <= TOKEN_CHARS_MAX)


@final
class AnswerStream:
    """The answer to one POST as a stream, if anything is written before the answer itself.

    headers: complete lines that its head has besides its own. last: the connection ends with it. Once
    begun it is kept alive by comments.
    """

    __slots__ = ("_connection", "_headers", "_last", "_timer", "is_begun")

    def __init__(self, connection: Connection, headers: bytes, *, last: bool = False) -> None:
        self._connection = connection
        self._headers = headers
        self._last = last
        self._timer: asyncio.TimerHandle | None = None
        self.is_begun = False

    def offer(self, data: bytes) -> None:
        """Write events, unless the agent does not read: what it was told before is in memory still."""
        if not self._connection.is_unread():
            self._begin()
            self._connection.write_chunk(data)

    async def send(self, data: bytes) -> None:
        """Write events that the agent must have; wait while it reads too slowly, but not for ever."""
        self._begin()
        await self._connection.send_chunk(data)

    async def finish(self, data: bytes = b"") -> None:
        """Write the last events and end the answer."""
        if data:
            await self.send(data)
        self.close()
        self._connection.finish_stream()

    def close(self) -> None:
        """Write no comments any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        if not self.is_begun:
            self.is_begun = True
            self._connection.begin_stream(stream_head(self._headers), last=self._last)
            self._keep_alive_later()

    def _keep_alive_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(KEEP_ALIVE_SECONDS, self._keep_alive)

    def _keep_alive(self) -> None:
        self.offer(KEEP_ALIVE)
        self._keep_alive_later()


@final
class NoticeLine:
    """A `Line`: from the notices of one call to messages for the caller who made it.

    send: takes messages that may be lost; plain and quick. token: the caller's own for progress.
    log_level: the least severe messages it wants. None: it wants none.
    """

    __slots__ = ("_progress", "_send", "_severity", "_token")

    def __init__(
        self,
        send: Callable[[Sequence[bytes]], None],
        *,
        token: ProgressToken | None = None,
        log_level: str | None = None,
    ) -> None:
        self._send: Callable[[Sequence[bytes]], None] | None = send
        self._token = token
        self._severity = inf if log_level is None else _SEVERITY[log_level]
        self._progress: float = -inf

    def tell(self, said: Notice | Several) -> None:
        """Pass on what the caller asked to hear: progress only as it grows (MCP, Progress)."""
        if self._send is None:
            return
        if isinstance(said, Notice):
            messages = self._message(said)
        elif said.method == PROGRESS:
            messages = self._steps(said)
        else:
            messages = self._log_messages(said)
        if messages:
            self._send(messages)

    def end(self) -> None:
        """Say nothing any more: the answer is there."""
        self._send = None

    def _message(self, notice: Notice) -> list[bytes]:
        params = without_own_meta(notice.params)
        if notice.method == PROGRESS:
            progress = params["progress"]
            if self._token is None or progress <= self._progress:
                return []
            self._progress = progress
            params = params | {"progressToken": self._token}
        elif _SEVERITY.get(str(params.get("level")), -1) < self._severity:
            return []
        return [notification(notice.method, params)]

    def _steps(self, several: Several) -> list[bytes]:
        """As `_message`, for what holds nothing of the server's own."""
        if self._token is None:
            return []
        if several.said[0].progress <= self._progress:
            return [message for notice in several.singly() for message in self._message(notice)]
        self._progress = several.said[-1].progress
        before, behind = _BEFORE_PARAMS[PROGRESS], b',"progressToken":%b}}' % encode(self._token)
        return [before + member + behind for member in several.members]

    def _log_messages(self, several: Several) -> list[bytes]:
        before, severity = _BEFORE_PARAMS[MESSAGE], self._severity
        return [
            b"%b%b}}" % (before, member)
            for one, member in zip(several.said, several.members, strict=True)
            if _SEVERITY[one.level] >= severity
        ]
