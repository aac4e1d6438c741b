"""What one session with a server is, and how what comes back is read. Pure."""

from typing import Final, Protocol, final

import msgspec

from yett.core.proofs import Credential
from yett.core.secret import Secret
from yett.upstreams.backends.http.response import JSON_TYPE, STREAM_TYPE, Response
from yett.upstreams.handshake import Opening
from yett.upstreams.port import Era, Exchange
from yett.upstreams.rpc import (
    InvalidAnswer,
    announces_change,
    check_result_type,
    is_answer,
    is_answer_to,
    read_answer,
    read_message,
    reply_to,
)

OK: Final = 200
NOT_FOUND: Final = 404

# A modern server gives JSON-RPC errors a status of their own (MCP 2026-07-28, Streamable HTTP).
_MODERN_ERROR_STATUSES: Final = (400, 404)


@final
class Session(msgspec.Struct, frozen=True, eq=False):
    """One opened conversation under one credential. head: all header lines that stay the same, the
    secret among them. identified: the server gave a session id, which it may forget."""

    credential: Credential
    opening: Opening
    head: Secret
    identified: bool

    @property
    def modern(self) -> bool:
        return self.opening.era is Era.MODERN

    def serves(self, credential: Credential) -> bool:
        """Tell whether it may be used: the names and the values are the same (S09)."""
        return self.credential is credential or self.credential == credential


class Owner(Protocol):
    """Who hears what a server says besides the answer."""

    def note_change(self) -> None:
        """A list changed."""
        ...

    def send_back(self, session: "Session | None", reply: bytes) -> None:
        """The server asked something; this is our reply."""
        ...


@final
class Receiver:
    """Takes the events of the stream that answers one request."""

    __slots__ = ("_identifier", "_owner", "_session", "exchange")

    def __init__(self, identifier: int, owner: Owner, session: Session | None) -> None:
        self._identifier = identifier
        self._owner = owner
        self._session = session
        self.exchange: Exchange | None = None

    def __call__(self, data: bytes) -> bool:
        """Return True once the answer is here.

        Raises:
            InvalidAnswer: broken, foreign or a second answer.
        """
        message = read_message(data)
        if is_answer(message):
            if self.exchange is not None or not is_answer_to(message, self._identifier):
                raise InvalidAnswer("an answer to something that was not asked")
            self.exchange = read_answer(message, len(data))
        elif announces_change(message):
            self._owner.note_change()
        else:
            reply = reply_to(message)
            if reply is not None:
                self._owner.send_back(self._session, reply)
        return self.exchange is not None


def read_exchange(
    response: Response, receiver: Receiver, identifier: int, *, modern: bool
) -> Exchange:
    """Return the one answer of an HTTP response.

    Raises:
        InvalidAnswer: another status, type, id or shape than an answer to this request has.
    """
    status = response.status
    if status != OK and not (modern and status in _MODERN_ERROR_STATUSES):
        raise InvalidAnswer(describe_status(status))
    if response.media is STREAM_TYPE and status == OK:
        exchange = receiver.exchange
        if exchange is None:
            raise InvalidAnswer("the event stream ended without an answer")
    elif response.media is JSON_TYPE:
        message = read_message(response.body)
        if not is_answer(message) or not is_answer_to(message, identifier):
            if status != OK:
                raise InvalidAnswer(describe_status(status))
            raise InvalidAnswer("an answer to something that was not asked")
        exchange = read_answer(message, response.size)
    elif status != OK:
        raise InvalidAnswer(describe_status(status))
    else:
        raise InvalidAnswer("neither JSON nor an event stream, or not in UTF-8")
    if status != OK and exchange.error is None:
        raise InvalidAnswer(f"a result under status {status}")
    if modern:
        check_result_type(exchange.result)
    return exchange


def describe_status(status: int) -> str:
    if 300 <= status < 400:  # noqa: PLR2004 - the redirections
        return f"answered {status}: redirections are not followed"
    if status in (401, 403):
        return f"answered {status}: it refuses our credential"
    return f"answered {status}"
