"""One kept-alive HTTP/1.1 connection: bytes out, one bounded answer back, no task of its own.

llhttp is strict by default about framing (two lengths, length with chunks, odd chunk sizes, bare
line feeds); what it leaves open is closed here: sizes, counts, repeated fields, bytes that nobody
asked for. Anything odd ends the connection, so that no later call can receive what belongs to this
one (CWE-444).
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, cast, final

import httptools

from yett.core.bounds import ANSWER_BYTES_MAX
from yett.upstreams.backends.http.response import (
    HEADER_BYTES_MAX,
    HEADER_COUNT_MAX,
    KEPT_HEADERS,
    STREAM_TYPE,
    ConnectionLost,
    Response,
    check_encoding,
)
from yett.upstreams.backends.http.sse import EventParser
from yett.upstreams.rpc import InvalidAnswer

# How long the end of an event stream may lag behind the answer before the connection is given up.
_DRAIN_SECONDS: Final = 1.0

Listener = Callable[[bytes], bool]
"""Takes the data of one event; True once the answer has come. Raises InvalidAnswer."""


class Keeper(Protocol):
    """Who owns the connection between exchanges."""

    def keep(self, connection: "Connection") -> None: ...

    def drop(self, connection: "Connection") -> None: ...


@final
class Connection(asyncio.Protocol):
    """usable: may carry another request. idle_since: loop time, kept by the owner."""

    __slots__ = (
        "_answered",
        "_body",
        "_complete",
        "_events",
        "_failure",
        "_head_bytes",
        "_header_count",
        "_headers",
        "_keeper",
        "_listener",
        "_loop",
        "_parser",
        "_response",
        "_stray",
        "_timer",
        "_transport",
        "_until_close",
        "_waiter",
        "idle_since",
        "usable",
        "used",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, keeper: Keeper) -> None:
        self._loop = loop
        self._keeper = keeper
        self._waiter: asyncio.Future[Response] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._listener: Listener | None = None
        self.idle_since = 0.0
        self.usable = False
        self.used = False
        self._reset()

    def _reset(self) -> None:
        self._response: Response | None = None
        self._headers: dict[bytes, bytes] = {}
        self._body = bytearray()
        self._events: EventParser | None = None
        self._failure: InvalidAnswer | None = None
        self._head_bytes = 0
        self._header_count = 0
        self._answered = False
        self._complete = False
        self._stray = False
        self._until_close = False

    async def exchange(self, data: bytes, deadline: float, listener: Listener) -> Response:
        """Write a request and wait for its answer until `deadline` (loop time).

        Raises:
            TimeoutError: no whole answer in time.
            ConnectionLost: closed before one.
            InvalidAnswer: it broke HTTP or a bound.
        """
        self._reset()
        self._listener = listener
        waiter: asyncio.Future[Response] = self._loop.create_future()
        self._waiter = waiter
        timer = self._timer = self._loop.call_at(deadline, self._expire)
        self._transport.write(data)
        try:
            return await waiter
        finally:
            timer.cancel()
            if self._waiter is waiter:  # the caller hung up
                self._waiter = None
                self.abort()

    def abort(self) -> None:
        self.usable = False
        self._transport.abort()

    def _expire(self) -> None:
        self._fail(TimeoutError())

    def _fail(self, error: Exception) -> None:
        """End the exchange and the connection."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
        self.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)
        self.usable = True

    def data_received(self, data: bytes) -> None:
        if self._waiter is None and not self._answered:
            self.abort()  # nobody asked: whatever it is, it must not answer the next call
            return
        if self._response is None:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._failure = self._failure or InvalidAnswer(f"not HTTP: {type(error).__name__}")
        except httptools.HttpParserUpgrade:
            self._failure = InvalidAnswer("the server wants to switch protocols")
        if self._response is None and self._head_bytes > HEADER_BYTES_MAX:
            self._failure = self._failure or InvalidAnswer("the header is too large")
        if self._failure is not None:
            self._fail(self._failure)
        elif self._complete or self._answered:
            self._deliver()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._until_close and exc is None and not self._complete:
            self._complete = True
            self._stray = True
            self._deliver()
        else:
            self._fail(ConnectionLost(answering=self._head_bytes > 0))
        if self._timer is not None:
            self._timer.cancel()
        self._keeper.drop(self)

    # httptools

    def on_message_begin(self) -> None:
        if self._complete:
            self._stray = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        if self._header_count > HEADER_COUNT_MAX:
            self._failure = self._failure or InvalidAnswer("too many header fields")
            return
        name = name.lower()
        if name in KEPT_HEADERS and self._response is None:
            if name in self._headers:
                self._failure = InvalidAnswer("a header field came twice")
            self._headers[name] = value

    def on_headers_complete(self) -> None:
        if self._complete or self._failure is not None:
            self._stray = True
            return
        status = self._parser.get_status_code()
        headers = self._headers
        if status < 200:  # noqa: PLR2004 - interim (RFC 9110 §15.2); the answer is still to come
            headers.clear()
            return
        response = self._response = Response(status, headers)
        try:
            check_encoding(headers)
        except InvalidAnswer as error:
            self._failure = error
        length = headers.get(b"content-length")
        if length is None:
            self._until_close = b"transfer-encoding" not in headers
        elif len(length) > 9 or int(length) > ANSWER_BYTES_MAX:  # noqa: PLR2004 - digits of 1 GB
            self._failure = InvalidAnswer("the answer is too large")
        if response.media is STREAM_TYPE and status == 200:  # noqa: PLR2004 - OK
            self._events = EventParser()

    def on_body(self, body: bytes) -> None:
        response = self._response
        if response is None or self._failure is not None:
            return
        response.size += len(body)
        if response.size > ANSWER_BYTES_MAX:
            self._failure = InvalidAnswer("the answer is too large")
        elif self._events is not None:
            self._feed_events(self._events, body)
        elif not response.body and not self._body:
            response.body = body
        else:  # amortised: a body may come in very many small pieces
            if not self._body:
                self._body += response.body
            self._body += body

    def on_message_complete(self) -> None:
        if self._response is None:
            return
        self._complete = True
        if not self._parser.should_keep_alive():
            self._stray = True

    def _feed_events(self, events: EventParser, body: bytes) -> None:
        listener = self._listener
        if listener is None:  # answered already; this is what lags behind
            return
        try:
            for event in events.feed(body):
                self._answered = listener(event) or self._answered
        except InvalidAnswer as error:
            self._failure = error

    def _deliver(self) -> None:
        """Hand the answer over and, if nothing more can come, the connection back."""
        waiter, self._waiter = self._waiter, None
        response = self._response
        if waiter is not None and response is not None:
            if self._body:
                response.body = bytes(self._body)
            self._listener = None
            if not waiter.done():
                waiter.set_result(response)
        if self._complete and not self._stray:
            self._answered = False
            self._end_timer()
            self._keeper.keep(self)
        elif self._complete or self._stray:
            self.abort()
        elif waiter is not None:  # the stream has not ended
            self._end_timer()
            self._timer = self._loop.call_later(_DRAIN_SECONDS, self.abort)

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
