"""Calls besides which nothing passes, in a session and over a connection that are there already: nearly all of them.

What the calls of one tool have in common is put together once for each session. An answer is compared with the one
before it, and only the text in it is read. Whatever is not so goes the way of all requests (see `Lanes`), and means the
same there.
"""

import asyncio
from typing import final

import msgspec
import orjson

from yett.core.document import encode
from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.upstreams.backends.http.client import Client
from yett.upstreams.backends.http.connection import Connection
from yett.upstreams.backends.http.conversation import (
    CALL,
    Receiver,
    Session,
    read_exchange,
)
from yett.upstreams.backends.http.headers import routing_lines
from yett.upstreams.backends.http.hearing import Desk
from yett.upstreams.backends.http.lanes import Lanes, Request
from yett.upstreams.backends.http.response import Response
from yett.upstreams.handshake import MODERN_META
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import START, InvalidAnswer, call_parts
from yett.upstreams.text_answers import NO_FORM, form_of


@final
class PlainCalls:
    """Of one tool. session: of the last call. form: of the last plain answer in that. mirrored: there are arguments that
    have to be repeated in headers, so no call is plain."""

    __slots__ = (
        "_client", "_desk", "_idle", "_length", "_next_id", "_request", "_time", "form", "lanes", "mirrored", "session",
        "tool",
    )  # fmt: skip

    def __init__(self, tool: str, client: Client, lanes: Lanes, desk: Desk) -> None:
        self.tool = tool
        self.lanes = lanes
        self.mirrored = False
        self.session: Session | None = None
        self.form = NO_FORM
        self._client = client
        self._idle = client.idle
        self._desk = desk
        self._next_id = desk.next_id
        self._time = asyncio.get_running_loop().time
        self._request = b""
        self._length = 0

    def begin(self, arguments: bytes, credential: Credential, seconds: float) -> "PlainCall | None":
        """See `Begin`."""
        session, idle = self.session, self._idle
        if session is None or session.over or session.credential is not credential:
            session = self._enter(credential)
            if session is None:
                return None
        if not idle:
            return None
        connection = idle.pop()
        if not connection.usable:
            return None
        number = self._next_id()
        identifier, deadline = b"%d" % number, self._time() + seconds
        receiver = Receiver(number, self._desk, session)
        length = self._length + len(identifier) + len(arguments)
        request = self._request % (length, identifier, arguments)
        answer = connection.begin(request, receiver, deadline)
        return PlainCall(
            self, session, receiver, connection, answer, identifier, arguments, deadline
        )

    def mirror(self, mirrored: bool) -> None:  # noqa: FBT001 - it is the name of what is set
        """Take whether there are such arguments, as the server says now."""
        self.mirrored = mirrored
        self.leave()

    def leave(self) -> None:
        """Forget the last session, and with it the secret that its calls were put together with."""
        self.session, self._request, self.form = None, b"", NO_FORM

    def give_up(self, call: "PlainCall", trouble: BaseException) -> BaseException:
        """Tell the server that nobody waits; return what the trouble means."""
        self._desk.cancel(call.session, call.receiver.identifier)
        return self._client.explain(trouble, call.connection, call.answer, call.receiver, sent=True)

    def _enter(self, credential: Credential) -> Session | None:
        """Return the session that is open for this credential, and prepare what its calls have in common."""
        self.leave()
        session = self.lanes.opened(credential)
        if session is None or session.channel is not None or self.mirrored:
            return None
        head, meta = session.head.reveal(), b""
        if session.modern:
            head += routing_lines(CALL, {"name": self.tool})
            meta = encode(MODERN_META)
        before, after = call_parts(self.tool, meta)
        self._request = b"%bContent-Length: %%d\r\n\r\n%b%%b%b%%b%b" % (
            _quoted(head), START, _quoted(before), _quoted(after),
        )  # fmt: skip
        self._length = len(START) + len(before) + len(after)
        self.session = session
        return session


@final
class PlainCall(msgspec.Struct, frozen=True, eq=False):
    """See `Begun`. identifier: in digits. deadline: loop time."""

    calls: PlainCalls
    session: Session
    receiver: Receiver
    connection: Connection
    answer: "asyncio.Future[Response]"
    identifier: bytes
    arguments: bytes
    deadline: float

    def read(self, answer: Response) -> Exchange | None:
        """A result is taken at once; an error may mean that the session is over, which `finish` finds out."""
        calls, body = self.calls, answer.body
        if answer.head.is_plain:
            exchange = calls.form.read(body, self.identifier)
            if exchange is not None:
                return exchange
        elif answer.exchange is None:
            return None
        exchange = read_exchange(answer, self.receiver.identifier, modern=self.session.modern)
        if exchange.error is not None:
            return None
        if self.session is calls.session:
            calls.form = form_of(body, self.identifier, exchange) or calls.form
        return exchange

    async def finish(self) -> Exchange:
        params = {"name": self.calls.tool, "arguments": orjson.Fragment(self.arguments)}
        credential = self.session.credential
        request = Request(CALL, params, b"", credential, self.deadline, repeatable=False)
        return await self.calls.lanes.go_on(request, self.session, self.receiver, self.answer)

    def explain(self, trouble: BaseException) -> BaseException:
        answer = self.answer
        if not answer.done() or answer.cancelled() or answer.exception() is not None:
            trouble = self.calls.give_up(self, trouble)
        if isinstance(trouble, InvalidAnswer):
            return Fault(Reason.UPSTREAM_INVALID, str(trouble), sent=True)
        return trouble


def _quoted(part: bytes) -> bytes:
    """Return what stands for a part in what is filled in."""
    return part.replace(b"%", b"%%")
