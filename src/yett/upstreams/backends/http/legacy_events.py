"""The stream of a session (GET) and `resources/subscribe` (MCP 2025-03-26 to 2025-11-25, Streamable
HTTP: Listening for Messages from the Server)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, final

from yett.core.errors import Fault
from yett.core.target import JSON
from yett.upstreams.backends.http.client import Client
from yett.upstreams.backends.http.conversation import NOT_FOUND, Owner, Session, take_unasked
from yett.upstreams.backends.http.headers import stream_request
from yett.upstreams.backends.http.response import OK, STREAM_TYPE, Response
from yett.upstreams.backends.http.sessions import HANDSHAKE_SECONDS_MAX, Sessions
from yett.upstreams.backends.http.sse import EventParser
from yett.upstreams.backends.http.watches import RATION_BYTES, STREAM_SECONDS_MAX, Watches
from yett.upstreams.background import Background
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import (
    InvalidAnswer,
    is_answer,
    read_message,
)

Ask = Callable[[str, dict[str, JSON], float], Awaitable[Exchange]]
"""Method, parameters and deadline (loop time) to the answer, over the same session."""

_SERVER_ERROR: Final = 500
_NOT_OFFERED: Final = 405


@final
class LegacyEvents:
    """See `Stream`. ask: makes a plain request. owner: sends replies."""

    def __init__(
        self,
        client: Client,
        sessions: Sessions,
        background: Background,
        session: Session,
        watches: Watches,
        owner: Owner,
        ask: Ask,
    ) -> None:
        self._client = client
        self._sessions = sessions
        self._background = background
        self._session = session
        self._watches = watches
        self._ask = ask
        self._subscribed: set[str] = set()
        self._listener = LegacyListener(session, watches, owner)

    async def keep(self, *, missed: bool) -> None:
        await self._subscribe_again()
        if self._session.channel is not None:
            return  # what belongs to no call comes with the answers
        # Also where nothing is announced: some servers ask there what a call needs, and wait for it.
        loop = asyncio.get_running_loop()
        listener = self._listener
        listener.missed = missed
        while True:
            began = loop.time()
            if await self._watches.has_session(self._session) and not await self._listen():
                return
            retry = listener.events.retry_seconds if listener.events is not None else None
            await self._watches.pause.rest(loop.time() - began, retry or 0.0)

    async def add(self, uri: str, deadline: float) -> Exchange:
        exchange = await self._ask("resources/subscribe", {"uri": uri}, deadline)
        if exchange.error is None:
            self._subscribed.add(uri)
        if uri not in self._watches.uris:  # nobody waited for the answer
            self.remove(uri)
        return exchange

    def remove(self, uri: str) -> None:
        if uri in self._subscribed and not self._session.over:
            self._subscribed.discard(uri)
            deadline = asyncio.get_running_loop().time() + HANDSHAKE_SECONDS_MAX
            self._background.start_if_room(self._unsubscribe(uri, deadline))

    async def _unsubscribe(self, uri: str, deadline: float) -> None:
        await self._ask("resources/unsubscribe", {"uri": uri}, deadline)

    async def _subscribe_again(self) -> None:
        """A new session knows nothing of what was watched in the one before."""
        for uri in self._watches.established:
            deadline = asyncio.get_running_loop().time() + HANDSHAKE_SECONDS_MAX
            try:
                await self.add(uri, deadline)
            except Fault:
                return  # it went away again; the next session is followed as well

    async def _listen(self) -> bool:
        """Listen once; return whether to try again."""
        listener = self._listener
        last_id = b"" if listener.events is None else listener.events.last_id
        request = stream_request(self._session.head, last_id)
        if request is None:
            listener.events = None
            return True
        deadline = asyncio.get_running_loop().time() + STREAM_SECONDS_MAX
        try:
            response = await self._client.send(
                request, deadline, listener, repeatable=True, sent=False
            )
        except (Fault, InvalidAnswer):
            return True
        return self._judge(response, resumed=last_id != b"")

    def _judge(self, response: Response, *, resumed: bool) -> bool:
        """Return whether to try again after what ended, or never began."""
        status = response.head.status
        if status == OK:
            return response.head.media is STREAM_TYPE
        if status >= _SERVER_ERROR:
            return True
        if resumed and status != _NOT_OFFERED:
            self._listener.events = None  # it no longer knows where we were
            return True
        if self._listener.heard and status == NOT_FOUND and self._session.identifier is not None:
            self._sessions.forget(self._session)
            return True
        return False


@final
class LegacyListener:
    """heard: the stream has been open. missed: what is said before it opens again is not repeated.
    events: of the last connection."""

    def __init__(self, session: Session, watches: Watches, owner: Owner) -> None:
        self._session = session
        self._watches = watches
        self._owner = owner
        self.heard = False
        self.missed = False
        self.events: EventParser | None = None
        self.exchange: Exchange | None = None
        self.ration_bytes = RATION_BYTES

    def begin(self, events: EventParser) -> None:
        resumed = self.events is not None and self.events.last_id != b""
        events.go_on_from(self.events)
        self.events = events
        if self.missed and not resumed:
            self._watches.note_gap()
        self.heard = self.missed = True

    def hear(self, events: list[bytes]) -> None:
        """Raises:
        InvalidAnswer: broken.
        """
        for data in events:
            message = read_message(data)
            if not is_answer(message):
                take_unasked(message, self._session, self._owner)
