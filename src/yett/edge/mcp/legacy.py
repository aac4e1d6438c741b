"""The versions of MCP that have sessions (2024-11-05 to 2025-11-25): what a session's requests, streams
and answers do besides going through the pipeline."""

import asyncio
from time import monotonic
from typing import Any, Final, final

import msgspec

from yett.core import bounds
from yett.core.call import Call, Reply
from yett.core.errors import Denied
from yett.core.operations import CALL, Road
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.edge.arrival import EVENT_STREAM, Arrival, Arrivals, accepts
from yett.edge.gate import Gate
from yett.edge.http.connection import Connection, Stream
from yett.edge.http.message import Request, Response, stream_head
from yett.edge.mcp.announcements import Announcements
from yett.edge.mcp.batch import read_batch
from yett.edge.mcp.changes import Changes
from yett.edge.mcp.events import Feed, Reader
from yett.edge.mcp.inbound import Inbound
from yett.edge.mcp.legacy_post import LegacyPost, asked
from yett.edge.mcp.listen import Listening
from yett.edge.mcp.outbound import negotiated, respond, write_plain
from yett.edge.mcp.portions import in_portions
from yett.edge.mcp.sessions import Session, Sessions
from yett.edge.mcp.translate_questions import declared

_IDLE_SECONDS: Final = 60.0
"""How often it is looked for what nobody uses any more."""
_CLOSE_SECONDS_MAX: Final = 2.0
_SUBSCRIBE: Final = "resources/subscribe"


@final
class Legacy:
    """Implements `Carrier`. One clock for all streams ticks while there are sessions: once a second it is
    asked whether the owner of each open stream is still welcome (promise 11)."""

    def __init__(
        self,
        gate: Gate,
        changes: Changes,
        listening: Listening,
        arrivals: Arrivals,
        sessions: Sessions,
    ) -> None:
        self._gate = gate
        self._changes = changes
        self._listening = listening
        self._arrivals = arrivals
        self._sessions = sessions
        self._announcements: dict[Session, Announcements] = {}
        self._readers: dict[Reader, Session] = {}
        self._judging: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._told = changes.count
        self._swept_at = monotonic()
        sessions.on_end = self._ended

    def open(self, owner: str, params: dict[str, JSON], server: str | None) -> Session:
        """Open a session as `initialize` asked for it."""
        version = negotiated(params.get("protocolVersion"))
        capabilities = declared(version, params.get("capabilities"))
        if self._timer is None:
            self._tick()
        return self._sessions.open(
            owner=owner, version=version, server=server, capabilities=capabilities
        )

    async def post(
        self, inbound: Inbound, session: Session, arrival: Arrival
    ) -> bytes | Response | Stream:
        """Answer one POST of a session."""
        if inbound.messages is not None:
            return await self._batch(inbound, inbound.messages, session, arrival)
        call = inbound.call
        if call.talk is not None:
            if not accepts(arrival.request.head, EVENT_STREAM):
                inbound = _silent(inbound)
            elif call.talk.progress or call.talk.log_level is not None:
                return LegacyPost([inbound], session, arrival, self)
        operation = call.operation
        if inbound.id is None or operation.road is not CALL or operation.method == _SUBSCRIBE:
            return respond(inbound, await self.run(inbound, inbound.call, arrival))
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a connection's
        return await self.call(inbound, session, arrival.request, task)

    async def call(
        self, inbound: Inbound, session: Session, request: Request, task: asyncio.Task[Any]
    ) -> bytes | Response | Stream:
        """Answer a call that the agent may cancel. task: the connection's, in which this runs."""
        call, identifier, running = inbound.call, inbound.id, session.running
        assert identifier is not None  # noqa: S101 - it is a request
        running[task] = identifier
        try:
            reply = await self._gate.handle(call, inbound.refused)
        except asyncio.CancelledError:
            if task in running:  # it was not the agent's word that ended it
                raise
            task.uncancel()
            refusal = Denied(Reason.CANCELLED, "cancelled by the agent", sent=True)
            reply = Reply(call=call, refusal=refusal)
        finally:
            running.pop(task, None)
        whole = write_plain(inbound, reply)
        if whole is not None:
            return whole
        if asked(reply) is None:
            return respond(inbound, reply)
        arrival = Arrival(call.id, request, call.received_at, call.started, None)
        return LegacyPost([inbound], session, arrival, self, first=reply)

    async def stream(self, session: Session, arrival: Arrival, call: Call) -> Response | Stream:
        """GET: open a stream, or go on with one that was interrupted."""
        last_event = arrival.request.head.headers.get(b"last-event-id")
        found = None if last_event is None else session.log.find(last_event.decode("latin-1"))
        refused = arrival.refused
        if refused is None and last_event is not None and (found is None or found.is_gone):
            refused = Denied(Reason.INVALID_STATE, "Last-Event-ID", shown="`Last-Event-ID`")
        reply = await self._gate.handle(call, refused)
        if reply.refusal is None:
            reply = await self._look_again(session, call, arrival) or reply
        if reply.refusal is not None:
            return respond(Inbound(call, None, refused, version=session.version), reply)
        head = stream_head(b"Yett-Request-Id: %b\r\n" % call.id.encode())
        if found is None:
            return SessionStream(head, session, self, self._announcements_of(session).begin(), 0)
        feed, after, _ = found
        if feed is None or (feed.is_general and feed.is_ended):
            return SessionStream(
                head, session, self, self._announcements_of(session).begin_again(), 0
            )
        return SessionStream(head, session, self, feed, after)

    async def _look_again(self, session: Session, call: Call, arrival: Arrival) -> Reply | None:
        """Refuse a stream that was granted, if meanwhile its session has ended, so that nobody would end it, or its
        owner has begun as many as there may be. None: all is as it was."""
        problem = self._listening.too_many(session.owner)
        if not self._sessions.is_open(session.id):
            problem = Denied(Reason.UNKNOWN_SESSION, "the session ended meanwhile")
        if problem is None:
            return None
        fresh = self.renewed(arrival)
        again = fresh.call(
            call.operation, server=call.server, owner=call.owner, protocol=call.protocol
        )
        return await self._gate.handle(again, problem)

    async def close(self) -> None:
        """End every session, and wait for what goes on in them: the gate is about to end."""
        if self._timer is not None:
            self._timer.cancel()
        going_on = [*self._judging, *(call for each in self._sessions for call in each.posts)]
        for session in self._sessions:
            self._sessions.end(session.id)
        if going_on:
            await asyncio.wait(going_on, timeout=_CLOSE_SECONDS_MAX)

    # -- Carrier

    async def run(self, inbound: Inbound, call: Call, arrival: Arrival) -> Reply:
        session, refused = inbound.session, inbound.refused
        assert session is not None  # noqa: S101 - every message that comes here is of one
        method = call.operation.method
        if method == _SUBSCRIBE and refused is None:
            return await self._announcements_of(session).watch(call, arrival)
        reply = await self._gate.handle(call, refused)
        if reply.refusal is None and reply.error is None and call.operation.road is Road.ATTEND:
            self._obey(session, method, inbound)
        return reply

    async def go_on(self, call: Call, refused: Denied | None) -> Reply:
        return await self._gate.handle(call, refused)

    def renewed(self, arrival: Arrival) -> Arrival:
        return self._arrivals.receive(arrival.request)

    async def carry(
        self, connection: Connection, session: Session, feed: Feed, *, after: int = 0
    ) -> None:
        reader = Reader(connection)
        self._readers[reader] = session
        try:
            await feed.relay(reader, after=after)
        finally:
            del self._readers[reader]
            if not feed.is_ended:  # else nothing goes on
                self._sessions.bound_unread(session.owner)

    # -- what requests do to their session

    def _obey(self, session: Session, method: str, inbound: Inbound) -> None:
        match method:
            case "logging/setLevel":
                session.set_level(inbound.params["level"])
            case "resources/unsubscribe":
                if session in self._announcements:
                    self._announcements[session].unwatch(inbound.call.name)
            case "notifications/cancelled":
                session.cancel(inbound.params.get("requestId"))
            case "session/answer":
                result = inbound.params.get("result")
                session.questions.answer(
                    str(inbound.params["id"]), result if isinstance(result, dict) else None
                )
            case _:
                pass

    async def _batch(
        self, inbound: Inbound, messages: list[JSON], session: Session, arrival: Arrival
    ) -> Response | Stream:
        """A stranger's batch is one mistake and not fifty."""
        items: tuple[Inbound, ...] | Denied
        if self._gate.knows(inbound.call.credential):
            items = read_batch(messages, session, arrival, self.renewed)
        else:
            items = Denied(Reason.UNAUTHENTICATED, "a batch of a stranger")
        if isinstance(items, Denied):
            refused = msgspec.structs.replace(inbound, refused=items)
            return respond(refused, await self._gate.handle(inbound.call, items))
        may_stream = accepts(arrival.request.head, EVENT_STREAM)
        if not may_stream:
            items = tuple(map(_silent, items))
        return LegacyPost(items, session, arrival, self, as_array=True, may_stream=may_stream)

    # -- streams

    def _announcements_of(self, session: Session) -> Announcements:
        announcements = self._announcements.get(session)
        if announcements is None:
            announcements = Announcements(
                session, self._gate, self._changes, self._listening.tally, self._arrivals
            )
            self._announcements[session] = announcements
        return announcements

    async def listen(
        self, connection: Connection, session: Session, feed: Feed, after: int
    ) -> None:
        """Carry a feed on the connection of a GET."""
        announcements = self._announcements.get(session)
        if announcements is not None:
            asyncio.get_running_loop().call_soon(announcements.tell)
        session.streams += 1
        try:
            await self.carry(connection, session, feed, after=after)
        finally:
            session.streams -= 1
            if announcements is not None:
                announcements.left()

    def _ended(self, session: Session) -> None:
        announcements = self._announcements.pop(session, None)
        if announcements is not None:
            announcements.close()

    # -- once a second

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(bounds.STREAM_CHECK_SECONDS, self._tick)
        now = monotonic()
        owners = {session.owner for session in self._readers.values()}
        owners.update(session.owner for session in self._sessions if session.is_busy)
        for owner in owners:
            if not self._gate.is_live(owner):
                self._sessions.end_of(owner)
        if self._told != self._changes.count:
            self._told = self._changes.count
            in_portions(self._announcements.values(), Announcements.tell)
        for announcements in self._announcements.values():
            if announcements.watching.is_to_be_judged(now):
                task = loop.create_task(announcements.judge_again())
                self._judging.add(task)
                task.add_done_callback(self._judging.discard)
        for reader in self._readers:
            if reader.is_due(now):
                reader.bell.ring()
        if now - self._swept_at > _IDLE_SECONDS:
            self._swept_at = now
            self._sessions.end_idle()
            self._sessions.shelf.expire()


@final
class SessionStream:
    """The answer to a GET."""

    def __init__(
        self, head: bytes, session: Session, legacy: Legacy, feed: Feed, after: int
    ) -> None:
        self._head = head
        self._session = session
        self._legacy = legacy
        self._feed = feed
        self._after = after

    async def run(self, connection: Connection) -> None:
        """Write until the session ends, its owner is revoked, the agent leaves or the gate ends."""
        connection.begin_stream(self._head)
        await connection.send_chunk(b": yett\n\n")
        await self._legacy.listen(connection, self._session, self._feed, self._after)
        connection.finish_stream()


def _silent(inbound: Inbound) -> Inbound:
    """What an agent says that takes no stream is only its request."""
    return msgspec.structs.replace(inbound, call=msgspec.structs.replace(inbound.call, talk=None))
