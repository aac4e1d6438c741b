"""Requests of every kind, made once more where the server says that it no longer knows the session.

Besides some of them something passes. A legacy server is offered what a caller gives once per session, so
such a caller has sessions of its own. They have connections of their own as well: a call that waits for its
caller's answer may wait for minutes, and must not stand in the way of those that never do.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Coroutine
from typing import Any, Final, Protocol, final

import msgspec

from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.backends.http.client import Client
from yett.upstreams.backends.http.conversation import (
    Receiver,
    Session,
    frame,
    frame_beside,
    read_exchange,
)
from yett.upstreams.backends.http.hearing import Desk, Hearing
from yett.upstreams.backends.http.lane import Lane
from yett.upstreams.backends.http.listener import Listener
from yett.upstreams.backends.http.opening import Opener
from yett.upstreams.backends.http.response import Response
from yett.upstreams.backends.http.resuming import resume
from yett.upstreams.backends.http.sessions import Known, Sessions
from yett.upstreams.background import Background
from yett.upstreams.port import NO_WISHES, Beside, Exchange, Lease, Wishes
from yett.upstreams.rpc import InvalidAnswer

LANES_MAX: Final = 64
LANES_PER_OWNER_MAX: Final = 4
IDLE_SECONDS_MAX: Final = 180.0
_SWEEP_SECONDS: Final = 15.0

Key = tuple[str, Wishes]
"""Whose, and what it wishes."""


class _Asker(Listener, Protocol):
    """Who hears what comes to one request."""

    identifier: int


@final
class Request(msgspec.Struct, frozen=True, eq=False):
    """mirrored: see `frame`. deadline: loop time. repeatable: executing it twice does no harm. beside: None if
    nothing passes besides."""

    method: str
    params: dict[str, JSON]
    mirrored: bytes
    credential: Credential
    deadline: float
    repeatable: bool
    beside: Beside | None = None


@final
class Lanes:
    """plain: the lane of everybody else; a modern server needs no others. client: for the others."""

    def __init__(
        self,
        plain: Lane,
        client: Client,
        opener: Opener,
        known: Known,
        background: Background,
        desk: Desk,
        lease: Lease,
    ) -> None:
        self._plain = plain
        self._client = client
        self._opener = opener
        self._known = known
        self._background = background
        self._desk = desk
        self._lease = lease
        self._lanes: OrderedDict[Key, Lane] = OrderedDict()
        self._loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None

    async def request(self, request: Request) -> Exchange:
        """As `Transport.request`."""
        if request.beside is None:
            return await self._ask(request, self._plain)
        session = await self._plain.sessions.take(request.credential, request.deadline)
        wishes = _wishes_towards(session, request.beside.wishes)
        lane = self._plain
        if wishes != NO_WISHES:
            lane = self._lane((request.beside.owner, wishes))
        lane.calls += 1
        try:
            return await self._ask(request, lane)
        finally:
            lane.calls -= 1
            lane.used = self._loop.time()
            if lane.over and not lane.calls:
                lane.end()

    async def go_on(
        self, request: Request, session: Session, receiver: Receiver, answer: Awaitable[Response]
    ) -> Exchange:
        """As `request`, for one that was written in this session. answer: to that."""
        lane = self._plain
        exchange = await self._take(request, lane, session, receiver, answer, again=False)
        return exchange or await self._ask(request, lane, again=True)

    def opened(self, credential: Credential) -> Session | None:
        """Return the session of everybody else that is open for this credential, if there is one."""
        return self._plain.sessions.opened(credential)

    def forget_everything(self) -> None:
        """The server went away, and what it knew with it."""
        for lane in self._lanes.values():
            lane.forget_all()

    def end_all(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        for lane in self._lanes.values():
            lane.end()
        self._lanes.clear()

    async def close(self) -> None:
        await self._client.close()

    async def _ask(self, request: Request, lane: Lane, *, again: bool = False) -> Exchange:
        session = await lane.take(request.credential, request.deadline)
        identifier, beside = self._desk.next_id(), request.beside
        if beside is None:
            receiver = Receiver(identifier, self._desk, session)
            data = frame(session, identifier, request.method, request.params, request.mirrored)
            exchange = await self._take(
                request, lane, session, receiver, _send(request, lane, data, receiver), again=again
            )
        else:
            hearing = Hearing(identifier, session, beside, self._desk)
            data = frame_beside(
                session, identifier, request.method, request.params, beside, request.mirrored
            )
            lane.hearings.append(hearing)
            try:
                exchange = await self._take(
                    request,
                    lane,
                    session,
                    hearing,
                    _send(request, lane, data, hearing),
                    again=again,
                )
            finally:
                lane.hearings.remove(hearing)
                hearing.close()
        return exchange or await self._ask(request, lane, again=True)

    async def _take(
        self,
        request: Request,
        lane: Lane,
        session: Session,
        listener: _Asker,
        answer: Awaitable[Response],
        *,
        again: bool,
    ) -> Exchange | None:
        """Return what was answered; None, if not `again`: the request did not fit the session, and was not
        executed. listener: whose request it is that `answer` answers."""
        response = None
        try:
            response = await _whole(await answer, lane.client, session, listener, request.deadline)
            exchange = read_exchange(
                response, listener.identifier, modern=session.modern, beside=request.beside
            )
            if again or not lane.sessions.is_mistaken(session, exchange):
                return exchange
        except InvalidAnswer as error:
            if again or not lane.sessions.has_ended(session, response):
                raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None
        finally:
            if response is None:
                self._desk.cancel(session, listener.identifier)
        return None

    # lanes

    def _lane(self, key: Key) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            self._make_room(key[0])
            sessions = Sessions(self._opener, key[1], self._known, self._background, self._lease)
            lane = self._lanes[key] = Lane(sessions, self._client, self._desk, listens=True)
            if self._sweeper is None:
                self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)
        self._lanes.move_to_end(key)
        return lane

    def _make_room(self, owner: str) -> None:
        own = [key for key in self._lanes if key[0] == owner]
        if len(own) >= LANES_PER_OWNER_MAX:
            self._give_up(own[0])
        elif len(self._lanes) >= LANES_MAX:
            self._give_up(next(iter(self._lanes)))

    def _sweep(self) -> None:
        before = self._loop.time() - IDLE_SECONDS_MAX
        for key, lane in list(self._lanes.items()):
            if not lane.calls and lane.used < before:
                self._give_up(key)
        again = self._loop.call_later(_SWEEP_SECONDS, self._sweep) if self._lanes else None
        self._sweeper = again

    def _give_up(self, key: Key) -> None:
        lane = self._lanes.pop(key)
        lane.over = True
        if not lane.calls:
            lane.end()


def _send(
    request: Request, lane: Lane, data: bytes, listener: Listener
) -> Coroutine[Any, Any, Response]:
    return lane.client.send(
        data, request.deadline, listener, repeatable=request.repeatable, sent=True
    )


async def _whole(
    response: Response, client: Client, session: Session, listener: Listener, deadline: float
) -> Response:
    """Go on with a stream that was cut before the answer came."""
    if listener.events is None or listener.exchange is not None or session.modern:
        return response
    return await resume(client, session, listener, deadline)


def _wishes_towards(session: Session, wishes: Wishes) -> Wishes:
    """What must be said at the opening. A modern server hears it with each request instead."""
    if session.modern:
        return NO_WISHES
    if "logging" not in (session.opening.capabilities or {}):
        return Wishes(wishes.capabilities)
    return wishes
