"""The sessions in which one caller's wishes are offered to a legacy server.

Servers keep what a session told them, roots for example, so no two callers share one. Some ask and log
on the stream of the session (GET) instead of the one that answers a request; with one request under way
it is clear which one they mean.
"""

import asyncio
from typing import Final, final

from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.target import JSON
from yett.upstreams.backends.http.client import Client
from yett.upstreams.backends.http.conversation import Session
from yett.upstreams.backends.http.headers import stream_request
from yett.upstreams.backends.http.hearing import Desk, Hearing
from yett.upstreams.backends.http.response import OK, STREAM_TYPE
from yett.upstreams.backends.http.sessions import Sessions
from yett.upstreams.backends.http.sse import EventParser
from yett.upstreams.backends.http.watches import RATION_BYTES, STREAM_SECONDS_MAX, Pause
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import InvalidAnswer, is_answer, read_message, reply_to

OPEN_SECONDS_MAX: Final = 1.0
"""How long a request waits for such a stream; a server that has none says so at once."""


@final
class Lane:
    """client: for its requests. calls: how many are under way. over: it is to be ended with the last of
    them. used: loop time at which the last one ended. hearings: of the calls that have been sent."""

    def __init__(self, sessions: Sessions, client: Client, desk: Desk, *, listens: bool) -> None:
        self.client = client
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._opening: asyncio.Future[None] | None = None
        self.sessions = sessions
        self.calls = 0
        self.hearings: list[Hearing] = []
        self.over = False
        self.used = 0.0
        if listens:
            sessions.on_opened = self._follow
            sessions.on_replaced = desk.end

    async def take(self, credential: Credential, deadline: float) -> Session:
        """As `Sessions.take`; once the stream of the session is open, or will not be.

        Raises:
            Fault: as there.
        """
        session = await self.sessions.take(credential, deadline)
        if self._opening is not None and not self._opening.done():
            await asyncio.wait({self._opening}, timeout=OPEN_SECONDS_MAX)
        return session

    def end(self) -> None:
        """The server need not keep what nobody comes back to."""
        self._stop()
        for session in self.sessions.held.values():
            self._desk.end(session)
        self.sessions.held.clear()

    def forget_all(self) -> None:
        self._stop()
        self.sessions.forget_all()

    def settle(self) -> None:
        """Nobody need wait for the stream any more."""
        if self._opening is not None and not self._opening.done():
            self._opening.set_result(None)

    def _follow(self, session: Session) -> None:
        self._stop()
        self._opening = self._loop.create_future()
        self._task = self._loop.create_task(self._keep(session))

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _keep(self, session: Session) -> None:
        """Listen for as long as the server offers it."""
        listener = _Listener(self, session, self._desk)
        pause = Pause()
        while True:
            began = self._loop.time()
            last_id = b"" if listener.events is None else listener.events.last_id
            request = stream_request(session.head, last_id) or b""
            deadline = began + STREAM_SECONDS_MAX
            try:
                if not session.serves(await self.sessions.lease()):
                    return  # whoever calls next has another session opened
                response = await self.client.send(
                    request, deadline, listener, repeatable=True, sent=False
                )
                if response.head.status != OK or response.head.media is not STREAM_TYPE:
                    return
            except (Fault, InvalidAnswer):
                pass  # it is tried again
            finally:
                self.settle()
            await pause.rest(self._loop.time() - began, 0.0)


@final
class _Listener:
    """events: of the last connection."""

    def __init__(self, lane: Lane, session: Session, desk: Desk) -> None:
        self._lane = lane
        self._session = session
        self._desk = desk
        self.events: EventParser | None = None
        self.exchange: Exchange | None = None
        self.ration_bytes = RATION_BYTES

    def begin(self, events: EventParser) -> None:
        events.go_on_from(self.events)
        self.events = events
        self._lane.settle()

    def hear(self, events: list[bytes]) -> None:
        """Raises:
        InvalidAnswer: broken.
        """
        for data in events:
            message = read_message(data)
            if not is_answer(message):
                self._take(message, len(data))

    def _take(self, message: dict[str, JSON], size: int) -> None:
        if len(self._lane.hearings) == 1:
            self._lane.hearings[0].take(message, size)
            return
        reply = reply_to(message)
        if reply is not None:
            self._desk.send_back(self._session, reply)
