"""One kept-alive HTTP/1.1 connection: bytes out, one bounded answer back, no task of its own.

llhttp is strict by default about framing (two lengths, length with chunks, odd chunk sizes, bare
line feeds); what it leaves open is closed here: sizes, counts, repeated fields, bytes that nobody
asked for. Anything odd ends the connection, so that no later call can receive what belongs to this
one (CWE-444).

A header that llhttp has read once, byte for byte the same but for the length that the body has, need not be read again:
that halves the cost of an answer.
"""

import asyncio
from typing import Final, Protocol, cast, final

import httptools

from yett.core.bounds import ANSWER_BYTES_MAX
from yett.upstreams.backends.http.known import KnownHeads
from yett.upstreams.backends.http.listener import Listener
from yett.upstreams.backends.http.response import (
    HEADER_BYTES_MAX,
    HEADER_COUNT_MAX,
    KEPT_HEADERS,
    OK,
    STREAM_TYPE,
    ConnectionLost,
    Head,
    Response,
)
from yett.upstreams.backends.http.single_event import END_OF_CHUNKS, only_answer
from yett.upstreams.backends.http.sse import EventParser
from yett.upstreams.rpc import InvalidAnswer

_FINAL: Final = 200  # what is below is interim (RFC 9110 §15.2)

# How long the end of an event stream may lag behind the answer before the connection is given up.
_DRAIN_SECONDS: Final = 1.0
NEVER: Final = float("inf")

_END_OF_HEAD: Final = b"\r\n\r\n"
_FRAMING_BYTES_MAX: Final = 1024 * 1024  # of what says where chunks end, and stands behind them
_MINUTE_SECONDS: Final = 60.0


class Keeper(Protocol):
    """Who owns the connection between exchanges. heads: headers that were read before."""

    heads: KnownHeads

    def keep(self, connection: "Connection") -> None: ...

    def drop(self, connection: "Connection") -> None: ...


@final
class Connection(asyncio.Protocol):
    """usable: may carry another request. kept: has carried one, and was given back. deadline: loop time at which the
    owner calls `expire`, whether it carries one or not.

    _begun: something of an answer has come. _early: a header that is known, before anything of its body. _ending: a
    stream was taken, but for its end. _complete: all of an answer has come. _stray: more than that, or it was said that
    nothing can come any more. _fed_bytes: of what is no body. _ration_bytes, _since, _size: how much a stream may hold a
    minute, when that began, how much it was.
    """

    __slots__ = (
        "_begun", "_body", "_complete", "_drop", "_early", "_ending", "_events", "_failure", "_fed_bytes", "_head",
        "_header_count", "_headers", "_heads", "_keep", "_listener", "_loop", "_make_future", "_parser", "_pieces",
        "_ration_bytes", "_response", "_since", "_size", "_stray", "_transport", "_waiter", "_write", "deadline", "kept",
        "usable",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, keeper: Keeper) -> None:
        self._loop = loop
        self._make_future = loop.create_future
        self._keep, self._drop = keeper.keep, keeper.drop
        self._heads = keeper.heads
        self._waiter: asyncio.Future[Response] | None = None
        self._listener: Listener | None = None
        self._early = b""
        self._ending = False
        self.deadline = NEVER
        self.usable = False
        self.kept = False
        self._reset()
        self._begun = False

    def _reset(self) -> None:
        """Make ready for the first bytes of an answer."""
        self._begun = True
        self._response: Response | None = None
        self._headers: dict[bytes, bytes] = {}
        self._head = b""
        self._body: bytearray | None = None
        self._events: EventParser | None = None
        self._pieces: list[bytes] = []
        self._failure: InvalidAnswer | None = None
        self._fed_bytes = 0
        self._header_count = 0
        self._ration_bytes = 0
        self._since = 0.0
        self._size = 0
        self._complete = False
        self._stray = False

    def begin(self, data: bytes, listener: Listener, deadline: float) -> "asyncio.Future[Response]":
        """Write a request; return what its answer will arrive in.

        It may raise TimeoutError, ConnectionLost (closed before a whole answer) or InvalidAnswer
        (the answer broke HTTP or a bound). Who stops waiting calls `abandon`.
        """
        self.deadline = deadline
        self._listener = listener
        waiter: asyncio.Future[Response] = self._make_future()
        self._waiter = waiter
        self._write(data)
        return waiter

    def abandon(self, waiter: "asyncio.Future[Response]") -> None:
        """Nobody waits for this answer any more, so nobody may get it."""
        if self._waiter is waiter:
            self._waiter = None
            self.abort()

    def expire(self) -> None:
        self._fail(TimeoutError())

    def abort(self) -> None:
        self.usable = False
        self.deadline = NEVER
        self._transport.abort()

    def _fail(self, error: Exception) -> None:
        """End the exchange and the connection."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
        self.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write
        self._parser = httptools.HttpResponseParser(self)
        self.usable = True

    def data_received(self, data: bytes) -> None:
        if not self._begun:
            waiter = self._waiter
            if waiter is None:
                self._take_end(data)
                return
            text, whole, body = data.partition(_END_OF_HEAD)
            heads, length = self._heads, len(body)
            if text == heads.text % length and length <= ANSWER_BYTES_MAX:
                self._waiter = None
                try:  # noqa: SIM105 - a context manager costs each call
                    waiter.set_result(Response(heads.head, body))
                except asyncio.InvalidStateError:  # nobody waits for it any more
                    pass
                self._keep(self)
                return
            head = heads.get(text)
            if head is not None and self._take_event(head, data, body):
                return
            if whole and not body and heads.announces(text):
                self._early, self._begun = data, True
                return
            self._reset()
            self._head = text if whole else b""
        elif self._early:
            data, self._early, self._begun = self._early + data, b"", False
            self.data_received(data)
            return
        self._parse(data)

    def _take_event(self, head: Head, data: bytes, body: bytes) -> bool:
        """Take a stream that holds one answer; tell whether it is such a one. body: behind the header, in `data`."""
        listener = self._listener
        if listener is None or listener.ration_bytes or listener.events is not None:
            return False  # who listens for long hears each thing as it comes
        if not body:
            self._early, self._begun = data, True
            return True
        found = only_answer(body)
        if found is None:
            return False
        event, self._begun = found[0], False
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(Response(head, event))
        if found[1]:
            self._keep(self)
        else:
            self._ending = True
            self.deadline = self._loop.time() + _DRAIN_SECONDS
        return True

    def _take_end(self, data: bytes) -> None:
        """Take what comes when nobody waits: the end of a stream. Anything else nobody asked for, and it must not
        answer the next call."""
        if self._ending and data == END_OF_CHUNKS:
            self._ending = False
            self._keep(self)
        else:
            self.abort()

    def _parse(self, data: bytes) -> None:
        self._fed_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._failure = self._failure or InvalidAnswer(f"not HTTP: {type(error).__name__}")
        except httptools.HttpParserUpgrade:
            self._failure = InvalidAnswer("the server wants to switch protocols")
        if self._pieces and self._events is not None:
            self._take_events(self._events, b"".join(self._pieces))
            self._pieces.clear()
        # The parser keeps a field until it is whole: of the header, of a chunk, behind the last chunk.
        if self._fed_bytes > (HEADER_BYTES_MAX if self._response is None else _FRAMING_BYTES_MAX):
            self._failure = self._failure or InvalidAnswer("the header or the framing is too large")
        if self._failure is not None:
            self._fail(self._failure)
        elif self._complete or (self._events is not None and self._is_answered()):
            self._deliver()

    def _is_answered(self) -> bool:
        return self._listener is not None and self._listener.exchange is not None

    def connection_lost(self, exc: Exception | None) -> None:
        response = self._response if self._begun else None
        if (
            response is not None
            and not self._complete
            and (self._can_go_on() or (exc is None and _ends_by_closing(response)))
        ):
            self._stray = True
            self._complete = True
            self._deliver()
        else:
            self._fail(ConnectionLost(answering=self._begun))
        self._let_go()
        del self._parser  # which knows this connection: nothing of it shall wait for the collector
        self._drop(self)

    def _can_go_on(self) -> bool:
        """Tell whether the stream can be asked for again from where it was cut."""
        return self._events is not None and self._events.last_id != b""

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
        if status < _FINAL:
            self._headers = {}
            self._head = b""  # what was read first is not the header of the answer
            return
        try:
            head = Head(status, self._headers)
        except InvalidAnswer as error:
            self._failure = error
            return
        if head.length is not None and head.length > ANSWER_BYTES_MAX:
            self._failure = InvalidAnswer("the answer is too large")
        self._response = Response(head, b"")
        if head.media is STREAM_TYPE and status == OK:
            self._begin_stream()

    def _begin_stream(self) -> None:
        self._events = events = EventParser()
        if self._listener is not None:
            self._listener.begin(events)
            self._ration_bytes = self._listener.ration_bytes
            self._since = self._loop.time()

    def on_body(self, body: bytes) -> None:
        response = self._response
        if response is None or self._stray or self._failure is not None:
            return
        self._fed_bytes -= len(body)  # what is left counts the framing
        if self._events is not None:
            self._pieces.append(body)  # servers send each event as a chunk; they are heard together
            return
        self._size += len(body)
        if self._size > ANSWER_BYTES_MAX:
            self._failure = InvalidAnswer("the answer is too large")
        elif self._body is not None:
            self._body += body
        elif response.body:  # amortised: a body may come in very many small pieces
            self._body = bytearray(response.body)
            self._body += body
        else:
            response.body = body

    def _take_events(self, events: EventParser, body: bytes) -> None:
        found = events.feed(body)
        self._size += len(body)
        if self._ration_bytes:
            self._begin_minute()
        if self._size > (self._ration_bytes or ANSWER_BYTES_MAX):
            self._failure = InvalidAnswer("the stream says too much")
        elif events.kept_bytes > ANSWER_BYTES_MAX:
            self._failure = InvalidAnswer("the answer is too large")
        elif found:
            self._hear(found)

    def _begin_minute(self) -> None:
        now = self._loop.time()
        if now - self._since > _MINUTE_SECONDS:
            self._since, self._size, self._fed_bytes = now, 0, 0

    def on_message_complete(self) -> None:
        if self._response is None:
            return
        self._complete = True
        if not self._parser.should_keep_alive():
            self._stray = True

    def _hear(self, events: list[bytes]) -> None:
        listener = self._listener
        if listener is None or self._waiter is None:  # what lags behind the answer
            return
        try:
            listener.hear(events)
        except InvalidAnswer as error:
            self._failure = error

    def _deliver(self) -> None:
        """Hand the answer over and, if nothing more can come, the connection back."""
        waiter, self._waiter = self._waiter, None
        response = self._response
        if waiter is not None and response is not None:
            if self._body is not None:
                response.body = bytes(self._body)
            if self._events is not None and self._listener is not None:
                response.exchange = self._listener.exchange
            if not waiter.done():
                waiter.set_result(response)
            self.deadline = self._loop.time() + _DRAIN_SECONDS
        if not self._complete:
            return
        self._begun = False
        if self._stray or response is None:
            self.abort()
            return
        self._heads.remember(self._head, response.head, len(response.body))
        self._let_go()
        self._keep(self)

    def _let_go(self) -> None:
        """Keep nothing of an answer that has been handed over: it may be large, and there are many."""
        self._response = self._body = self._events = self._listener = None


def _ends_by_closing(response: Response) -> bool:
    return response.head.length is None and b"transfer-encoding" not in response.head.headers
