"""Requests besides which something passes.

A legacy server is offered what a caller gives once per session, so such a caller has sessions of its
own. They have connections of their own as well: a call that waits for its caller's answer may wait for
minutes, and must not stand in the way of those that never do.
"""

import asyncio
from collections import OrderedDict
from typing import Final, final

import msgspec

from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.backends.http.client import Client
from yett.upstreams.backends.http.conversation import (
    Session,
    frame_beside,
    read_exchange,
)
from yett.upstreams.backends.http.hearing import Desk, Hearing
from yett.upstreams.backends.http.lane import Lane
from yett.upstreams.backends.http.opening import Opener
from yett.upstreams.backends.http.response import Response
from yett.upstreams.backends.http.resuming import resume
from yett.upstreams.backends.http.sessions import Known, Sessions
from yett.upstreams.background import Background
from yett.upstreams.port import NO_WISHES, Beside, Exchange, Wishes
from yett.upstreams.rpc import InvalidAnswer

LANES_MAX: Final = 64
LANES_PER_OWNER_MAX: Final = 4
IDLE_SECONDS_MAX: Final = 180.0
_SWEEP_SECONDS: Final = 15.0

Key = tuple[str, Wishes]
"""Whose, and what it wishes."""


@final
class Request(msgspec.Struct, frozen=True, eq=False):
    """mirrored: see `frame`. deadline: loop time. repeatable: executing it twice does no harm."""

    method: str
    params: dict[str, JSON]
    mirrored: bytes
    credential: Credential
    deadline: float
    repeatable: bool
    beside: Beside


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
    ) -> None:
        self._plain = plain
        self._client = client
        self._opener = opener
        self._known = known
        self._background = background
        self._desk = desk
        self._lanes: OrderedDict[Key, Lane] = OrderedDict()
        self._loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None

    async def request(self, request: Request) -> Exchange:
        """As `Transport.request`."""
        session = await self._plain.sessions.take(request.credential, request.deadline)
        wishes = _wishes_towards(session, request.beside.wishes)
        lane = self._plain
        if wishes != NO_WISHES:
            lane = self._lane((request.beside.owner, wishes))
        lane.calls += 1
        try:
            return await self._try(request, lane, again=False)
        finally:
            lane.calls -= 1
            lane.used = self._loop.time()
            if lane.over and not lane.calls:
                lane.end()

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

    async def _try(self, request: Request, lane: Lane, *, again: bool) -> Exchange:
        session = await lane.take(request.credential, request.deadline)
        beside = request.beside
        identifier = self._desk.next_id()
        hearing = Hearing(identifier, session, beside, self._desk)
        data = frame_beside(
            session, identifier, request.method, request.params, beside, request.mirrored
        )
        response = None
        lane.hearings.append(hearing)
        try:
            response = await _send(request, lane.client, session, data, hearing)
            exchange = read_exchange(response, identifier, modern=session.modern, beside=beside)
            if again or not lane.sessions.is_mistaken(session, exchange):
                return exchange
        except InvalidAnswer as error:
            if again or not lane.sessions.has_ended(session, response):
                raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None
        finally:
            lane.hearings.remove(hearing)
            hearing.close()
            if response is None:
                self._desk.cancel(session, identifier)
        # What does not fit the session was not executed.
        return await self._try(request, lane, again=True)

    # lanes

    def _lane(self, key: Key) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            self._make_room(key[0])
            sessions = Sessions(self._opener, key[1], self._known, self._background)
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


async def _send(
    request: Request, client: Client, session: Session, data: bytes, hearing: Hearing
) -> Response:
    response = await client.send(
        data, request.deadline, hearing, repeatable=request.repeatable, sent=True
    )
    if hearing.events is not None and hearing.exchange is None and not session.modern:
        response = await resume(client, session, hearing, request.deadline)
    return response


def _wishes_towards(session: Session, wishes: Wishes) -> Wishes:
    """What must be said at the opening. A modern server hears it with each request instead."""
    if session.modern:
        return NO_WISHES
    if "logging" not in (session.opening.capabilities or {}):
        return Wishes(wishes.capabilities)
    return wishes
