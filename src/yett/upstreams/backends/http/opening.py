"""Find out which era an HTTP server speaks, and open a session with it."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, final

from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams.backends.http.conversation import (
    Receiver,
    Session,
    describe_status,
    read_exchange,
)
from yett.upstreams.backends.http.endpoint import Endpoint
from yett.upstreams.backends.http.headers import build_head, is_session_id, routing_lines
from yett.upstreams.backends.http.response import JSON_TYPE, OK, Head, Response
from yett.upstreams.handshake import (
    DISCOVER_PARAMS,
    MODERN_VERSION,
    Opening,
    initialize_params,
    judge_discovery,
    judge_initialization,
    with_meta,
)
from yett.upstreams.port import NO_WISHES, Era, Exchange, Wishes
from yett.upstreams.rpc import (
    InvalidAnswer,
    encode_notification,
    encode_request,
    read_message,
    read_outcome,
)

_BAD_REQUEST: Final = 400
_NOT_STREAMABLE: Final = (400, 404, 405)  # MCP 2025-11-25, Transports: Backwards Compatibility
_ACCEPTED: Final = (200, 202, 204)

OpenOld = Callable[[Credential, float], Awaitable[Session]]
"""Credential and deadline (loop time) to a session. Raises Fault and InvalidAnswer."""


class Post(Protocol):
    async def __call__(
        self, head: bytes, body: bytes, receiver: Receiver, deadline: float
    ) -> Response:
        """Raises:
        Fault: as `Transport.request`.
        InvalidAnswer: the answer broke HTTP or a bound.
        """
        ...


@final
class Opener:
    """open_old: opens a session over the transport of 2024-11-05."""

    __slots__ = ("_endpoint", "_open_old", "_post")

    def __init__(self, endpoint: Endpoint, post: Post, open_old: OpenOld) -> None:
        self._endpoint = endpoint
        self._post = post
        self._open_old = open_old

    async def open(
        self, credential: Credential, deadline: float, *, known: Era | None, wishes: Wishes
    ) -> Session:
        """Open a session, as modern if the server gives evidence of that. known: what it was last;
        what it is now is asked when that leads nowhere. wishes: of a legacy one.

        Raises:
            Fault: as `Transport.request`; nothing of the caller's request was sent.
            InvalidAnswer: neither era could be opened.
        """
        if known is Era.LEGACY:
            with contextlib.suppress(InvalidAnswer):
                return await self._open_legacy(credential, deadline, wishes)
        session = await self._open_modern(credential, deadline)
        return session or await self._open_legacy(credential, deadline, wishes)

    async def _open_modern(self, credential: Credential, deadline: float) -> Session | None:
        head = build_head(self._endpoint, credential, version=MODERN_VERSION, session=None)
        method = "server/discover"
        body = encode_request(0, method, with_meta(DISCOVER_PARAMS))
        receiver = _receiver()
        try:
            response = await self._post(
                head + routing_lines(method, DISCOVER_PARAMS), body, receiver, deadline
            )
            _refuse_redirection(response.head)
            opening = judge_discovery(_read_discovery(response))
        except InvalidAnswer:
            return None  # odd: no evidence, hence legacy
        if opening is None:
            return None
        return Session(credential, opening, modern=True, head=Secret(head))

    async def _open_legacy(
        self, credential: Credential, deadline: float, wishes: Wishes
    ) -> Session:
        head = build_head(self._endpoint, credential, version=None, session=None)
        receiver = _receiver()
        body = encode_request(0, "initialize", initialize_params(wishes))
        response = await self._post(head, body, receiver, deadline)
        if response.head.status in _NOT_STREAMABLE and wishes == NO_WISHES:
            with contextlib.suppress(InvalidAnswer):
                return await self._open_old(credential, deadline)
        opening = judge_initialization(read_exchange(response, 0, modern=False))
        identifier = response.head.headers.get(b"mcp-session-id")
        if identifier is not None and not is_session_id(identifier):
            raise InvalidAnswer("the session id is not made of visible ASCII")
        session = self._session(credential, opening, identifier)
        ready = await self._post(
            session.head.reveal(),
            encode_notification("notifications/initialized"),
            _receiver(),
            deadline,
        )
        if ready.head.status not in _ACCEPTED:
            raise InvalidAnswer(
                f"`notifications/initialized` was {describe_status(ready.head.status)}"
            )
        if wishes.log_level is not None and "logging" in (opening.capabilities or {}):
            await self._set_level(session, wishes.log_level, deadline)
        return session

    async def _set_level(self, session: Session, level: str, deadline: float) -> None:
        """Messages that the server goes on sending below that level are not passed on."""
        body = encode_request(0, "logging/setLevel", {"level": level})
        await self._post(session.head.reveal(), body, _receiver(), deadline)

    def _session(
        self, credential: Credential, opening: Opening, identifier: bytes | None
    ) -> Session:
        head = build_head(self._endpoint, credential, version=opening.version, session=identifier)
        return Session(credential, opening, modern=False, head=Secret(head), identifier=identifier)


@final
class _Deaf:
    """Before a session is open, a server has nothing to say that matters."""

    def note_change(self) -> None: ...

    def note_update(self, uri: str) -> None: ...

    def send_back(self, session: Session | None, reply: bytes) -> None: ...


def _receiver() -> Receiver:
    return Receiver(0, _Deaf(), None)


def _refuse_redirection(head: Head) -> None:
    if 300 <= head.status < 400:  # noqa: PLR2004 - the redirections
        raise Fault(Reason.UPSTREAM_INVALID, describe_status(head.status))


def _read_discovery(response: Response) -> Exchange:
    """A refusal may name no id: the server need not have read one."""
    if response.head.status == _BAD_REQUEST and response.head.media is JSON_TYPE:
        return read_outcome(read_message(response.body), len(response.body))
    if response.head.status != OK:
        raise InvalidAnswer(describe_status(response.head.status))
    return read_exchange(response, 0, modern=True)
