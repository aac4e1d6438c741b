"""One connection of an agent: bytes in, requests out, in order, each within bounds of size and time.

There is no timer per request: `Listener` sweeps all connections once a second against `deadline`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from math import inf
from time import monotonic
from typing import Final, Protocol, cast, final

from yett.core import bounds
from yett.core.reasons import Reason
from yett.edge.http.heads import END_OF_HEAD, Heads
from yett.edge.http.message import CONTINUE, LAST_CHUNK, Request, Response, chunk, encode
from yett.edge.http.reader import Reader

_PIPELINED_MAX: Final = 16
_WRITE_BUFFER_BYTES_MAX: Final = 1024 * 1024


class Stream(Protocol):
    """An answer that may go on."""

    async def run(self, connection: "Connection") -> Response | None:
        """Write head and chunks until done; or return an answer like any other, if nothing was written.
        Cancelled when the agent goes away or the gate drains."""
        ...


Served = Awaitable[bytes | Response | Stream]
"""Bytes are the whole of an answer that says that a good credential came."""
Handler = Callable[[Request], Served]
Way = Callable[[Request, "asyncio.Task[None]"], Served | None]
"""Where a header led before, kept with it (`Head.way`) so that it need not be found out again. The task is the
connection's. None: nothing has been done, and the handler is to be asked."""


class Keeper(Protocol):
    """Who keeps the connections: the listener. draining: no further request is begun. heads: the
    headers that were read before, on any of them. rest_until: monotonic time by which who has nothing to
    do from now on shall have something."""

    handler: Handler
    heads: Heads
    loop: asyncio.AbstractEventLoop
    draining: bool
    rest_until: float

    def opened(self, connection: "Connection") -> None: ...

    def closed(self, connection: "Connection") -> None: ...

    def gone(self, task: asyncio.Task[None]) -> None:
        """Take note that the agent left while `task` served it."""
        ...

    def unread(self, connection: "Connection") -> None:
        """Take note that an answer is not being read as fast as it is written."""
        ...

    def note(self, request: Request) -> None:
        """Let `request` be refused and recorded, though nobody can be told."""
        ...


@final
class Connection(asyncio.Protocol):
    """One task serves its requests, one after another; it waits for `_wake` while there are none.

    deadline, since, known: see `Held`. _is_last: what is being served is the last, and what comes after it is not read.
    _held: nothing is read before the next request is served. Of a stream: _goes_on, its end was written, and the
    connection stays; _keeps, it may stay.
    """

    __slots__ = (
        "_goes_on", "_held", "_is_last", "_keeps", "_listener", "_queue", "_reader", "_task", "_wake", "_writable",
        "deadline", "known", "since", "transport",
    )  # fmt: skip

    def __init__(self, listener: Keeper) -> None:
        self._listener = listener
        self._queue: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._wake: asyncio.Future[Request] | None = None
        self._writable: asyncio.Event | None = None
        self._is_last = False
        self._held = False
        self.known = False

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else "unix"
        self._reader = Reader(self, address, self._listener.heads)
        self.since = monotonic()
        self.deadline = self.since + bounds.REQUEST_HEADER_SECONDS_MAX
        self._listener.opened(self)

    def data_received(self, data: bytes) -> None:
        reader, wake = self._reader, self._wake
        form = reader.form
        if form is not None and wake is not None:
            header, end, body = data.partition(END_OF_HEAD)
            if end and header == form.text % len(body):  # see `Form.read`; so it is nearly always
                self._wake = None
                if self._writable is None:
                    self.deadline = inf
                wake.set_result(Request(form.head, body, reader.peer))
                return
        if not self._is_last and not reader.feed(data):
            self._give_up()

    def connection_lost(self, _: Exception | None) -> None:
        self._listener.closed(self)
        self._queue.clear()
        if self._writable is not None:
            self._writable.set()
        if self._task is not None:
            self._listener.gone(self._task)

    def pause_writing(self) -> None:
        self._writable = asyncio.Event()
        self._listener.unread(self)

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    # -- Owner of the reader

    def accept(self, request: Request) -> None:
        if self._writable is None:
            self.deadline = inf  # the pipeline has deadlines of its own
        wake = self._wake
        if wake is not None:
            self._wake = None
            if not wake.done():
                wake.set_result(request)
            return
        self._queue.append(request)
        if self._task is None:
            self._task = self._listener.loop.create_task(self._serve())
        elif len(self._queue) > _PIPELINED_MAX:
            self.transport.abort()
        else:  # what waits here is memory, and what comes after it shall wait with who sends it
            self._held = True
            self.transport.pause_reading()

    def encourage(self) -> None:
        self.transport.write(CONTINUE)

    # -- from request to answer

    @property
    def peer(self) -> str:
        return self._reader.peer

    def is_unread(self) -> bool:
        """Whether the agent reads more slowly than is written to it."""
        return self._writable is not None

    @property
    def is_draining(self) -> bool:
        """Whether the gate is about to end; a stream ends then by itself, and in good order."""
        return self._listener.draining

    @property
    def arrived_bytes(self) -> int:
        """Of a body that is still on its way."""
        return self._reader.arrived_bytes

    def is_idle(self) -> bool:
        """Whether no request is being served on it."""
        return self._task is None or self._wake is not None

    def _give_up(self) -> None:
        """Bytes that are not HTTP: what comes after them on this connection cannot be trusted."""
        self._is_last = True
        if self.is_idle():
            self.accept(self._reader.unread())
        else:  # the answer that is under way is the last that can be sent here
            self._listener.note(self._reader.unread())

    async def _serve(self) -> None:
        listener, queue, transport, task = self._listener, self._queue, self.transport, self._task
        assert task is not None  # noqa: S101 - it is the one that runs
        try:
            while True:
                if queue:
                    request = queue.popleft()
                else:
                    if self._held:
                        self._read_on()
                    self.deadline = listener.rest_until
                    self._wake = listener.loop.create_future()
                    request = await self._wake
                head = request.head
                serving = None if head.way is None else head.way(request, task)
                served = await (listener.handler(request) if serving is None else serving)
                if type(served) is bytes and head.keep_alive and not self._is_last:
                    self.known = True
                    transport.write(served)
                elif not await self._finish(served, request):
                    break
                if self._writable is not None:
                    await self._until_read(self._writable)
                del request, head, serving, served  # they hold a credential, and megabytes
            self._linger(unread=request.unfit is Reason.PAYLOAD_TOO_LARGE)
        except asyncio.CancelledError:
            transport.close()
        except BaseException:
            transport.abort()
            raise
        finally:
            self._task = self._wake = None

    async def _finish(self, served: bytes | Response | Stream, request: Request) -> bool:
        """Write an answer, or let it write itself. False: it was the last here."""
        answer: bytes | Response | None
        if isinstance(served, bytes | Response):
            answer = served
        else:
            self._goes_on, self._keeps = False, request.head.keep_alive
            answer = await served.run(self)
            if answer is None and self._goes_on:
                return not self._is_over()
        if answer is None or self.transport.is_closing():
            return False
        if isinstance(answer, bytes):
            self.transport.write(answer.replace(_LINE, _LAST_LINE, 1))
            return False
        self.known = self.known or _is_known(request, answer)
        if not request.head.keep_alive or answer.close or self._is_over():
            self.transport.write(_last(answer, request))
            return False
        self.transport.write(encode(answer))
        return True

    def _is_over(self) -> bool:
        return self._is_last or self.transport.is_closing()

    def _read_on(self) -> None:
        """Nothing waits any more, so there is room for the next request."""
        self._held = False
        self.transport.resume_reading()

    async def _until_read(self, writable: asyncio.Event) -> None:
        """Write no more before what was written is read; for who does not, time runs out."""
        self.deadline = monotonic() + bounds.ANSWER_READ_SECONDS_MAX
        await writable.wait()
        self.deadline = inf

    def _linger(self, *, unread: bool) -> None:
        """Close, but not in the face of a peer that is still sending: it would lose its answer."""
        self._is_last = True
        if self.transport.is_closing():
            return
        self.deadline = monotonic() + bounds.ANSWER_READ_SECONDS_MAX
        if not unread or not self.transport.can_write_eof():
            self.transport.close()
        else:
            self.transport.write_eof()
            self.deadline = monotonic() + 1.0

    # -- used by streams and the listener

    def _write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    async def send_chunk(self, data: bytes) -> None:
        """Write one chunk of a stream; wait while the agent reads too slowly, but not for ever."""
        if self.transport.get_write_buffer_size() > _WRITE_BUFFER_BYTES_MAX:
            self.transport.abort()  # it has stopped reading; memory is not its to fill
        if self._writable is not None:
            await self._until_read(self._writable)
        self._write(chunk(data))

    def write_chunk(self, data: bytes) -> None:
        """Write one chunk of a stream at once, for who looked at `is_unread` before."""
        self._write(chunk(data))

    def begin_stream(self, head: bytes, *, last: bool = True) -> None:
        """Write the head of an answer that goes on, made by `stream_head`. last: nothing comes after it."""
        self.known = True  # strangers hear nothing before an answer
        self._keeps &= not (last or self._is_last)
        self._write(head + (b"\r\n" if self._keeps else b"Connection: close\r\n\r\n"))

    def finish_stream(self) -> None:
        self._write(LAST_CHUNK)
        self._goes_on = self._keeps

    def forget(self) -> None:
        """Hold no header of a request that is over."""
        self._reader.forget()

    def expire(self) -> None:
        """End a connection that ran out of time. Nobody is being served on it."""
        self.transport.abort()

    def drain(self) -> None:
        """Close as soon as nothing is being served."""
        self._is_last = True
        if self.is_idle():
            self.transport.close()


_LINE: Final = b"\r\n"
_LAST_LINE: Final = b"\r\nConnection: close\r\n"


def _is_known(request: Request, answer: Response) -> bool:
    """Whether the credential of this request was found to be good."""
    credential = request.head.credential
    return (
        credential is not None
        and credential.note is not None
        and answer.status not in _SAID_TO_STRANGERS
    )


_SAID_TO_STRANGERS: Final = frozenset({401, 429})


def _last(response: Response, request: Request) -> bytes:
    """Return the bytes of the answer that ends a connection; of HEAD its head only (RFC 9110, 9.3.2)."""
    body = response.body
    whole = encode(
        Response(response.status, body, response.content_type, response.headers, close=True)
    )
    return whole.removesuffix(body) if request.head.method == b"HEAD" else whole
