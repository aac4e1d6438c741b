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
from yett.edge.mcp.inbound import Inbound
from yett.edge.mcp.line import AnswerStream, event, notification
from yett.edge.mcp.outbound import respond
from yett.edge.mcp.params import LISTENABLE
from yett.edge.mcp.sessions import Sessions
from yett.edge.mcp.streams import Changes
from yett.edge.mcp.translate import to_modern
from yett.edge.mcp.versions import META_SUBSCRIPTION, MODERN
from yett.edge.mcp.watching import Tally, Watching

_SUBSCRIPTIONS: Final = "resourceSubscriptions"
_SUBSCRIBE: Final = OPERATIONS["resources/subscribe"]
JUDGE_AGAIN_SECONDS: Final = 3.0
"""Not more often, however often something changes: each time costs a call for each watched resource. With
the second until a stream looks up, it is within the five of promise 11."""
_PAUSE_SECONDS: Final = 0.1
"""Between two messages about resources, however often a server says that one has changed."""


@final
class Listening:
    """What all listen streams share."""

    def __init__(
        self, gate: Gate, changes: Changes, arrivals: Arrivals, sessions: Sessions
    ) -> None:
        self.gate = gate
        self.changes = changes
        self.arrivals = arrivals
        self.tally = Tally()
        self._sessions = sessions

    def streams_of(self, owner: str) -> int:
        return self.tally.streams[owner] + self._sessions.streams_of(owner)

    def too_many(self, owner: str) -> Denied | None:
        """Streams hold a connection each; one key must not take those of all."""
        if self.streams_of(owner) < bounds.STREAMS_PER_PRINCIPAL_MAX:
            return None
        return Denied(Reason.RATE_LIMITED, "streams of this key", retry_after_seconds=5)


@final
class ListenStream:
    """Acknowledges what it honours, tells of it, and ends with a result when the gate or the owner's
    credential ends (promise 11)."""

    def __init__(self, inbound: Inbound, arrival: Arrival, shared: Listening) -> None:
        self._inbound = inbound
        self._arrival = arrival
        self._shared = shared
        self._meta: dict[str, JSON] = {META_SUBSCRIPTION: inbound.id}
        self._wake: asyncio.Future[None] | None = None
        self._woken = False

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
        owner = reply.principal.id
        shared.tally.streams[owner] += 1
        watching = Watching(owner, shared.gate, shared.changes, shared.tally, self._ring)
        headers = b"Yett-Request-Id: %b\r\n" % inbound.call.id.encode()
        stream = AnswerStream(connection, headers, last=True)
        try:
            await self._serve(connection, stream, watching, owner)
        finally:
            stream.close()
            watching.close()
            shared.tally.give_back(shared.tally.streams, owner)
        return None

    async def _serve(
        self, connection: Connection, stream: AnswerStream, watching: Watching, owner: str
    ) -> None:
        gate, changes = self._shared.gate, self._shared.changes
        wanted = self._inbound.call.params
        lists = {name: method for name, method in LISTENABLE.items() if wanted.get(name) is True}
        seen, judged_at = changes.count, monotonic()
        judged = seen

        def subscribe(uri: str) -> Call:
            return self._call(_SUBSCRIBE.method, owner=owner, name=uri)

        await watching.add(wanted.get(_SUBSCRIPTIONS, ()), subscribe)
        await stream.send(event(self._acknowledgement(lists, watching)))
        while gate.is_live(owner) and not connection.is_draining:
            await self._rest()
            if changes.count != seen:
                seen = changes.count
                await self._tell(
                    stream, [notification(m, {"_meta": self._meta}) for m in lists.values()]
                )
            is_due = changes.count != judged or watching.has_lost
            if is_due and monotonic() - judged_at >= JUDGE_AGAIN_SECONDS:
                judged = changes.count
                await watching.judge_again(subscribe)
                judged_at = monotonic()
            if watching.changed:
                await self._tell(stream, self._updates(watching))
                await asyncio.sleep(_PAUSE_SECONDS)
        await stream.finish(event(self._result()))

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

    # -- waiting

    def _ring(self) -> None:
        """There is something to do."""
        self._woken = True
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _rest(self) -> None:
        """Return when there is something to do, or after a second: the owner may be gone."""
        if not self._woken:
            loop = asyncio.get_running_loop()
            self._wake = loop.create_future()
            alarm = loop.call_later(bounds.STREAM_CHECK_SECONDS, self._ring)
            try:
                await self._wake
            finally:
                alarm.cancel()
                self._wake = None
        self._woken = False
