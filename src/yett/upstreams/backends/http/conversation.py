"""What one session with a server is, and how what comes back is read. Pure."""

from typing import Final, Protocol, final

import msgspec

from yett.core.document import encode
from yett.core.proofs import Credential
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.upstreams.backends.http.channel import Channel
from yett.upstreams.backends.http.headers import routing_lines
from yett.upstreams.backends.http.response import JSON_TYPE, OK, STREAM_TYPE, Response
from yett.upstreams.backends.http.sse import EventParser
from yett.upstreams.handshake import ENCODED_META, Opening, with_beside
from yett.upstreams.port import Beside, Exchange
from yett.upstreams.rpc import (
    InvalidAnswer,
    announces_change,
    encode_request,
    is_answer,
    read_answer,
    read_message,
    read_reply,
    read_result,
    reply_to,
    take_result_type,
    updated_uri,
)

NOT_FOUND: Final = 404

_MODERN_ERROR_STATUSES: Final = (400, 404)

CALL: Final = "tools/call"


@final
class Session(msgspec.Struct, eq=False):
    """One opened conversation under one credential. modern: which era, once more. head: all header
    lines that stay the same, the secret among them. identifier: the server gave it to the session, and
    may forget it. channel: where the answers come, if not where the requests go (2024-11-05). over: nothing more
    may begin in it."""

    credential: Credential
    opening: Opening
    modern: bool
    head: Secret
    identifier: bytes | None = None
    channel: Channel | None = None
    over: bool = False

    def serves(self, credential: Credential) -> bool:
        """Tell whether it may be used: the names and the values are the same (S09)."""
        if self.credential is credential:
            return True
        if self.credential != credential:
            return False
        self.credential = credential  # to compare values takes longer than to see the same again
        return True


class Owner(Protocol):
    """Who hears what a server says besides the answer."""

    def note_change(self) -> None:
        """A list changed."""
        ...

    def note_update(self, uri: str) -> None:
        """A resource changed."""
        ...

    def send_back(self, session: "Session | None", reply: bytes) -> None:
        """The server asked something; this is our reply."""
        ...


@final
class Receiver(msgspec.Struct, eq=False):
    """Takes the events of the stream that answers one request."""

    identifier: int
    _owner: Owner
    _session: Session | None
    exchange: Exchange | None = None
    events: EventParser | None = None
    ration_bytes: int = 0

    def begin(self, events: EventParser) -> None:
        events.go_on_from(self.events)
        self.events = events

    def hear(self, events: list[bytes]) -> None:
        """Raises:
        InvalidAnswer: broken, foreign or a second answer.
        """
        for data in events:
            heard = read_event(data, self.identifier, self.exchange)
            if isinstance(heard, Exchange):
                self.exchange = heard
            else:
                take_unasked(heard, self._session, self._owner)


def read_event(data: bytes, identifier: int, before: Exchange | None) -> Exchange | dict[str, JSON]:
    """Return the answer that an event of a stream holds, or the message that it is besides. before: the
    answer that came already.

    Raises:
        InvalidAnswer: broken, foreign or a second answer.
    """
    message = read_message(data)
    if not is_answer(message):
        return message
    if before is not None:
        raise InvalidAnswer("a second answer")
    return read_answer(message, identifier, len(data))


def take_unasked(message: dict[str, JSON], session: Session | None, owner: Owner) -> None:
    """Deal with what a server says besides an answer, where nobody can be asked anything."""
    if announces_change(message):
        owner.note_change()
    elif "id" in message:
        reply = reply_to(message)
        if reply is not None:
            owner.send_back(session, reply)
    else:
        uri = updated_uri(message)
        if uri is not None:
            owner.note_update(uri)


def frame(
    session: Session,
    identifier: int,
    method: str,
    params: dict[str, JSON],
    mirrored: bytes = b"",
) -> bytes:
    """Return a whole HTTP request. mirrored: header lines that repeat arguments, if it is modern."""
    head = session.head.reveal()
    if session.modern:
        head += routing_lines(method, params)
        if mirrored:
            head += mirrored
        params = {**params, "_meta": ENCODED_META}
    message = {"jsonrpc": "2.0", "id": identifier, "method": method, "params": params}
    body = encode(message)
    return add_body(head, body)


def frame_beside(
    session: Session,
    identifier: int,
    method: str,
    params: dict[str, JSON],
    beside: Beside,
    mirrored: bytes,
) -> bytes:
    """As `frame`, for a request besides which something passes."""
    head = session.head.reveal()
    if session.modern:
        head += routing_lines(method, params) + mirrored
    params = with_beside(params, beside, identifier, modern=session.modern)
    return add_body(head, encode_request(identifier, method, params))


def encode_plain(
    identifier: int, method: str, params: dict[str, JSON], beside: Beside | None
) -> bytes:
    """Return the message alone, for a server that gets nothing but progress tokens besides."""
    if beside is not None:
        params = with_beside(params, beside, identifier, modern=False)
    return encode_request(identifier, method, params)


def add_body(head: bytes, body: bytes) -> bytes:
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def read_exchange(
    response: Response, identifier: int, *, modern: bool, beside: Beside | None = None
) -> Exchange:
    """Return the one answer of an HTTP response. beside: what a modern server was offered.

    Raises:
        InvalidAnswer: another status, type, id or shape than an answer to this request has.
    """
    head = response.head
    if head.status != OK:
        return _read_refusal(response, identifier, modern=modern)
    if head.media is JSON_TYPE:
        return read_result(response.body, identifier, modern, beside)
    if head.media is not STREAM_TYPE:
        raise InvalidAnswer("neither JSON nor an event stream, or not in UTF-8")
    exchange = response.exchange
    if exchange is None:
        raise InvalidAnswer("the event stream ended without an answer")
    if modern and exchange.result is not None:
        take_result_type(exchange.result, beside)
    return exchange


def _read_refusal(response: Response, identifier: int, *, modern: bool) -> Exchange:
    """Modern servers give JSON-RPC errors, and nothing else, a status of their own (MCP 2026-07-28,
    Streamable HTTP)."""
    head = response.head
    if not (modern and head.status in _MODERN_ERROR_STATUSES and head.media is JSON_TYPE):
        raise InvalidAnswer(describe_status(head.status))
    exchange = read_reply(response.body, identifier)
    if exchange.error is None:
        raise InvalidAnswer(f"a result under status {head.status}")
    return exchange


def describe_status(status: int) -> str:
    if 300 <= status < 400:  # noqa: PLR2004 - the redirections
        return f"answered {status}: redirections are not followed"
    if status in (401, 403):
        return f"answered {status}: it refuses our credential"
    return f"answered {status}"
