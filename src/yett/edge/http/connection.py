"""One connection of an agent: bytes in, requests out, in order, each within bounds of size and time.

There is no timer per request: `Listener` sweeps all connections once a second against `deadline`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, Protocol, cast, final

import httptools

from yett.core import bounds
from yett.core.reasons import Reason
from yett.edge.http.message import CONTINUE, LAST_CHUNK, Request, Response, chunk, encode

_PIPELINED_MAX: Final = 16
_WRITE_BUFFER_BYTES_MAX: Final = 1024 * 1024


class Stream(Protocol):
    """An answer that goes on: the head has been sent, `run` writes the rest."""

    head: bytes

    async def run(self, connection: "Connection") -> None:
        """Write chunks until done. Cancelled when the agent goes away or the gate drains."""
        ...


Handler = Callable[[Request], Awaitable[Response | Stream]]


class Keeper(Protocol):
    """Who keeps the connections: the listener. draining: no further request is begun."""

    handler: Handler
    loop: asyncio.AbstractEventLoop
    draining: bool

    def opened(self, connection: "Connection") -> None: ...

    def closed(self, connection: "Connection") -> None: ...

    def gone(self, task: asyncio.Task[None]) -> None:
        """Take note that the agent left while `task` served it."""
        ...


@final
class Connection(asyncio.Protocol):
    """States: idle (waiting for a request), reading (a request has begun), serving (a task runs)."""

    __slots__ = (
        "_body", "_body_bytes", "_header_bytes", "_header_count", "_headers", "_listener", "_parser",
        "_peer", "_queue", "_repeated", "_spoilt", "_target", "_task", "_unfit", "_writable", "deadline",
        "transport",
    )  # fmt: skip

    def __init__(self, listener: Keeper) -> None:
        self._listener = listener
        self._queue: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable: asyncio.Event | None = None
        self._spoilt = False
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._repeated: set[bytes] = set()
        self._header_count = self._header_bytes = self._body_bytes = 0
        self._body: list[bytes] = []
        self._unfit: Reason | None = None

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else "unix"
        self._parser = httptools.HttpRequestParser(self)
        self.deadline = monotonic() + bounds.REQUEST_HEADER_SECONDS_MAX
        self._listener.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._spoilt:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._give_up(Reason.MALFORMED_REQUEST)
        except httptools.HttpParserError:
            self._give_up(Reason.MALFORMED_REQUEST)

    def connection_lost(self, _: Exception | None) -> None:
        self._listener.closed(self)
        self._queue.clear()
        if self._writable is not None:
            self._writable.set()
        if self._task is not None:
            self._listener.gone(self._task)

    def pause_writing(self) -> None:
        self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    # -- httptools callbacks, in the order in which they come

    def on_message_begin(self) -> None:
        self._reset()
        self.deadline = monotonic() + bounds.REQUEST_HEADER_SECONDS_MAX

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._header_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        self._header_bytes += len(name) + len(value)
        if (
            self._header_count > bounds.REQUEST_HEADER_COUNT_MAX
            or self._header_bytes > bounds.REQUEST_HEADER_BYTES_MAX
        ):
            raise httptools.HttpParserError("header bounds")
        name = name.lower()
        if name in self._headers:
            self._repeated.add(name)
        self._headers[name] = value

    def on_headers_complete(self) -> None:
        headers = self._headers
        self.deadline = monotonic() + bounds.REQUEST_BODY_SECONDS_MAX
        length = headers.get(b"content-length", b"0")
        if len(length) > 12 or not length.isdigit() or int(length) > bounds.REQUEST_BODY_BYTES_MAX:  # noqa: PLR2004 - twelve digits are a terabyte
            self._unfit = Reason.PAYLOAD_TOO_LARGE
            self._accept()
        elif b"expect" in headers:
            self.transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        if self._unfit is not None:
            return
        self._body_bytes += len(body)
        if self._body_bytes > bounds.REQUEST_BODY_BYTES_MAX:
            self._unfit = Reason.PAYLOAD_TOO_LARGE
            self._body.clear()
            self._accept()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self._unfit is None:
            self._accept()

    # -- from request to answer

    def _reset(self) -> None:
        self._target = b""
        self._headers = {}
        self._repeated = set()
        self._header_count = self._header_bytes = self._body_bytes = 0
        self._body = []
        self._unfit = None

    def _accept(self) -> None:
        path, _, query = self._target.partition(b"?")
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        request = Request(
            self._parser.get_method(),
            path,
            query,
            self._headers,
            self._repeated,
            body,
            self._peer,
            self._unfit is None and self._parser.should_keep_alive(),
            self._unfit,
        )
        self.deadline = float("inf")  # the pipeline has deadlines of its own
        if self._task is None:
            self._task = self._listener.loop.create_task(self._serve(request))
        elif len(self._queue) < _PIPELINED_MAX:
            self._queue.append(request)
        else:
            self.transport.abort()

    def _give_up(self, reason: Reason) -> None:
        """Bytes that are not HTTP: what comes after them on this connection cannot be trusted."""
        self._spoilt = True
        if self._task is None:
            unread: dict[
                bytes, bytes
            ] = {}  # nothing of such a request is believed, a key least of all
            request = Request(
                b"",
                self._target,
                b"",
                unread,
                set(),
                b"",
                self._peer,
                keep_alive=False,
                unfit=reason,
            )
            self.deadline = float("inf")
            self._task = self._listener.loop.create_task(self._serve(request))

    async def _serve(self, request: Request) -> None:
        keep_alive = request.keep_alive
        try:
            answer = await self._listener.handler(request)
            keep_alive = keep_alive and not self._spoilt and not self._listener.draining
            if isinstance(answer, Response):
                keep_alive = keep_alive and not answer.close
                self._write(encode(answer if keep_alive else _closing(answer)))
            else:
                keep_alive = False
                self._write(answer.head)
                await answer.run(self)
        except asyncio.CancelledError:
            self.transport.close()
            return
        finally:
            self._task = None
        self._next(keep_alive=keep_alive)

    def _next(self, *, keep_alive: bool) -> None:
        if self.transport.is_closing():
            return
        if not keep_alive:
            self._linger()
        elif self._queue:
            self._task = self._listener.loop.create_task(self._serve(self._queue.popleft()))
        else:
            self.deadline = monotonic() + bounds.KEEP_ALIVE_SECONDS_MAX

    def _linger(self) -> None:
        """Close, but not in the face of a peer that is still sending: it would lose its answer."""
        self._spoilt = True
        if self._unfit is None or not self.transport.can_write_eof():
            self.transport.close()
        else:
            self.transport.write_eof()
            self.deadline = monotonic() + 1.0

    # -- used by streams and the listener

    def _write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    async def send_chunk(self, data: bytes) -> None:
        """Write one chunk of a stream; wait while the agent reads too slowly."""
        if self.transport.get_write_buffer_size() > _WRITE_BUFFER_BYTES_MAX:
            self.transport.abort()  # it has stopped reading; memory is not its to fill
        if self._writable is not None:
            await self._writable.wait()
        self._write(chunk(data))

    def finish_stream(self) -> None:
        self._write(LAST_CHUNK)

    def expire(self) -> None:
        """End a connection that ran out of time. Nobody is being served on it."""
        self.transport.abort()

    def drain(self) -> None:
        """Close as soon as nothing is being served."""
        if self._task is None:
            self.transport.close()


def _closing(response: Response) -> Response:
    return Response(
        response.status, response.body, response.content_type, response.headers, close=True
    )


__all__ = ["Connection", "Handler", "Stream"]
