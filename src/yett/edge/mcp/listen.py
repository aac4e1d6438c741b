"""`subscriptions/listen`: one stream for what belongs to no call (MCP 2026-07-28, Subscriptions)."""

import asyncio
from time import monotonic
from typing import Final, final

from yett.core import bounds
from yett.core.call import Call
from yett.core.document import encode
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.edge.arrival import Arrival, Arrivals
from yett.edge.gate import Gate
from yett.edge.http.connection import Connection
from yett.edge.http.message import Response
from yett.edge.mcp.bell import Bell
from yett.edge.mcp.changes import Changes
from yett.edge.mcp.inbound import Inbound
from yett.edge.mcp.line import AnswerStream, event, notification
from yett.edge.mcp.outbound import respond
from yett.edge.mcp.params import LISTENABLE
from yett.edge.mcp.portions import in_portions
from yett.edge.mcp.sessions import Sessions
from yett.edge.mcp.translate import to_modern
from yett.edge.mcp.versions import META_SUBSCRIPTION, MODERN
from yett.edge.mcp.watching import Tally, Watching

_SUBSCRIPTIONS: Final = "resourceSubscriptions"
_SUBSCRIBE: Final = "resources/subscribe"
_PAUSE_SECONDS: Final = 0.1
"""Between two messages about resources, however often a server says that one has changed."""


@final
class Listening:
    """What all listen streams share: one clock, which wakes only those that have something to do."""

    def __init__(
        self, gate: Gate, changes: Changes, arrivals: Arrivals, sessions: Sessions
    ) -> None:
        self.gate = gate
        self.changes = changes
        self.arrivals = arrivals
        self.tally = Tally()
        self._sessions = sessions
        self._streams: set[ListenStream] = set()
        self._timer: asyncio.TimerHandle | None = None

    def too_many(self, owner: str) -> Denied | None:
        """Streams hold a connection each; one key must not take those of all."""
        streams = self.tally.streams[owner] + self._sessions.streams_of(owner)
        if streams < bounds.STREAMS_PER_PRINCIPAL_MAX:
            return None
        return Denied(Reason.RATE_LIMITED, "streams of this key", retry_after_seconds=5)

    def enter(self, stream: "ListenStream", owner: str) -> None:
        self._streams.add(stream)
        self.tally.streams[owner] += 1
        if self._timer is None:
            self._wind()

    def leave(self, stream: "ListenStream", owner: str) -> None:
        self._streams.discard(stream)
        self.tally.give_back(self.tally.streams, owner)

    def _wind(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(bounds.STREAM_CHECK_SECONDS, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._streams:
            self._wind()
        now = monotonic()
        due = [stream for stream in self._streams if stream.has_something_to_do(now)]
        in_portions(due, ListenStream.ring)


@final
class ListenStream:
    """Acknowledges what it honours, tells of it, and ends with a result when the gate or the owner's
    credential ends (promise 11)."""

    def __init__(self, inbound: Inbound, arrival: Arrival, shared: Listening) -> None:
        self._inbound = inbound
        self._arrival = arrival
        self._shared = shared
        self._meta: dict[str, JSON] = {META_SUBSCRIPTION: inbound.id}
        self._bell = Bell()
        self._seen = shared.changes.count
        self._judging: asyncio.Task[None] | None = None
        self._connection: Connection
        self._owner: str
        self._watching: Watching

    async def run(self, connection: Connection) -> Response | None:
        """Write until the agent leaves or may not stay; answer plainly if it may not listen at all."""
        inbound, shared = self._inbound, self._shared
        reply = await shared.gate.handle(inbound.call, inbound.refused)
        if reply.refusal is None and reply.principal is not None:
            problem = shared.too_many(reply.principal.id)
            if problem is not None:
                again = self._call(inbound.call.operation.method, owner=reply.principal.id)
                reply = await shared.gate.handle(again, problem)
        if reply.refusal is not None or reply.principal is None:
            return respond(inbound, reply)
        self._connection, self._owner = connection, reply.principal.id
        self._watching = watching = Watching(
            self._owner, shared.gate, shared.changes, shared.tally, self.ring
        )
        headers = b"Yett-Request-Id: %b\r\n" % inbound.call.id.encode()
        stream = AnswerStream(connection, headers, last=True)
        shared.enter(self, self._owner)
        try:
            await self._serve(stream, watching)
        finally:
            stream.close()
            if self._judging is not None:
                self._judging.cancel()
            watching.close()
            shared.leave(self, self._owner)
        return None

    # -- for the clock

    def ring(self) -> None:
        """There is something to do."""
        self._bell.ring()

    def has_something_to_do(self, now: float) -> bool:
        return (
            not self._may_go_on()
            or self._seen != self._shared.changes.count
            or self._watching.is_to_be_judged(now)
        )

    def _may_go_on(self) -> bool:
        return self._shared.gate.is_live(self._owner) and not self._connection.is_draining

    # -- serving

    async def _serve(self, stream: AnswerStream, watching: Watching) -> None:
        wanted, changes = self._inbound.call.params, self._shared.changes
        lists = {name: method for name, method in LISTENABLE.items() if wanted.get(name) is True}
        await watching.add(wanted.get(_SUBSCRIPTIONS, ()), self._subscribe)
        await stream.send(event(self._acknowledgement(lists, watching)))
        while self._may_go_on():
            if self._seen != changes.count:
                self._seen = changes.count
                await self._tell(
                    stream, [notification(m, {"_meta": self._meta}) for m in lists.values()]
                )
            is_judging = self._judging is not None and not self._judging.done()
            if not is_judging and watching.is_to_be_judged(monotonic()):
                self._judging = asyncio.create_task(self._judge_again(watching))
            if watching.changed:
                await self._tell(stream, self._updates(watching))
                await asyncio.sleep(_PAUSE_SECONDS)
            await self._bell.rest()
        await stream.finish(event(self._result()))

    async def _judge_again(self, watching: Watching) -> None:
        """Beside the stream, which must end in time even where a server is slow."""
        await watching.judge_again(self._subscribe)
        self.ring()

    def _updates(self, watching: Watching) -> list[bytes]:
        """Return a message for each watched resource that changed since the last look."""
        changed = [uri for at, uri in watching.held.items() if at in watching.changed]
        watching.changed.clear()
        method = "notifications/resources/updated"
        return [notification(method, {"_meta": self._meta, "uri": uri}) for uri in changed]

    async def _tell(self, stream: AnswerStream, messages: list[bytes]) -> None:
        if messages:
            await stream.send(b"".join(map(event, messages)))

    def _acknowledgement(self, lists: dict[str, str], watching: Watching) -> bytes:
        honoured: dict[str, JSON] = dict.fromkeys(lists, True)
        if watching.held:
            honoured[_SUBSCRIPTIONS] = list(watching.held.values())
        return notification(
            "notifications/subscriptions/acknowledged",
            {"_meta": self._meta, "notifications": honoured},
        )

    def _result(self) -> bytes:
        result = to_modern("subscriptions/listen", {})
        result["_meta"] |= self._meta
        return encode({"jsonrpc": "2.0", "id": self._inbound.id, "result": result})

    def _subscribe(self, uri: str) -> Call:
        return self._call(_SUBSCRIBE, owner=self._owner, name=uri)

    def _call(self, method: str, *, owner: str, name: str = "") -> Call:
        """Return a call that this stream makes by itself, for its owner and no other."""
        fresh = self._shared.arrivals.receive(self._arrival.request)
        return fresh.call(
            OPERATIONS[method],
            server=self._inbound.call.server,
            name=name,
            owner=owner,
            protocol=MODERN,
        )
