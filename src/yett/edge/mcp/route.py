"""`/mcp` and `/mcp/{server}`: what each HTTP method means there."""

from typing import Final, final

import msgspec

from yett.core.call import Call, Reply
from yett.core.document import parse
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS, Operation
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.edge.arrival import EVENT_STREAM, Arrival, Arrivals, accepts, body_problem
from yett.edge.gate import Gate
from yett.edge.http.connection import Served, Stream, Way
from yett.edge.http.message import Request, Response
from yett.edge.mcp.changes import Changes
from yett.edge.mcp.inbound import Inbound, find_session, read_document, read_post
from yett.edge.mcp.legacy import Legacy
from yett.edge.mcp.listen import Listening, ListenStream
from yett.edge.mcp.modern_post import ModernPost
from yett.edge.mcp.outbound import respond
from yett.edge.mcp.plain import PlainCalls
from yett.edge.mcp.repeated import RepeatedCalls
from yett.edge.mcp.sessions import Session, Sessions
from yett.edge.mcp.versions import MODERN
from yett.edge.mcp.wording import Wordings

_INITIALIZE: Final = OPERATIONS["initialize"]
_FILTER_BYTES_MAX: Final = 64 * 1024
_LISTEN: Final = OPERATIONS["subscriptions/listen"]
_STREAM: Final = OPERATIONS["session/stream"]
_END: Final = OPERATIONS["session/end"]
_MODERN: Final = MODERN.encode()


@final
class McpRoute:
    def __init__(self, gate: Gate, changes: Changes, arrivals: Arrivals) -> None:
        self._gate = gate
        self._arrivals = arrivals
        self._sessions = Sessions()
        self._listening = Listening(gate, changes, arrivals, self._sessions)
        self._legacy = Legacy(gate, changes, self._listening, arrivals, self._sessions)

    def serve(self, arrival: Arrival, server: str | None) -> Served:
        """Answer one request to this endpoint; `server` None is the endpoint of all."""
        head = arrival.request.head
        if head.method == b"POST":
            return self._post(arrival, server)
        if head.headers.get(b"mcp-protocol-version") != _MODERN:  # which has nothing but POST
            if head.method == b"GET":
                return self._stream(arrival, server)
            if head.method == b"DELETE":
                return self._end(arrival, server)
        return self._not_allowed(arrival, server)

    def _post(self, arrival: Arrival, server: str | None) -> Served:
        head = arrival.request.head
        if not head.is_json_post:
            problem = body_problem(head)
            if problem is None and not accepts(head, b"application/json"):
                problem = Denied(Reason.NOT_ACCEPTABLE, "Accept")
            head.is_json_post = problem is None
            arrival = arrival.with_problem(problem)
        inbound = read_post(arrival, server, self._sessions)
        if head.way is None and inbound.refused is None:
            head.way = self._short_way(inbound, arrival.request)
        return self._take(inbound, arrival, server)

    def _short_way(self, inbound: Inbound, request: Request) -> Way | None:
        """Return where a header leads from now on, after a request with it took the full way."""
        session = inbound.session
        if session is not None:
            return PlainCalls(
                session,
                self._sessions,
                self._arrivals,
                hears=accepts(request.head, EVENT_STREAM),
                call=self._legacy.call,
                go_on=self._go_on,
            )
        if not inbound.may_be_repeated or not self._gate.knows(request.head.credential):
            return None  # of strangers nothing is kept
        wordings = Wordings()
        if not wordings.learn(parse(request.body), request.body):
            return _take_the_full_way  # and look for no wording each time
        return RepeatedCalls(wordings, inbound.call, self._arrivals, self._gate)

    def _go_on(self, request: Request, server: str | None, message: JSON) -> Served:
        """Answer a POST whose header was judged before, and whose body is parsed."""
        arrival = self._arrivals.receive(request)
        return self._take(read_document(arrival, server, message, self._sessions), arrival, server)

    def _take(self, inbound: Inbound, arrival: Arrival, server: str | None) -> Served:
        if inbound.session is not None:
            return self._legacy.post(inbound, inbound.session, arrival)
        return self._answer(inbound, arrival, server)

    async def _answer(
        self, inbound: Inbound, arrival: Arrival, server: str | None
    ) -> Response | Stream:
        """Answer a POST that belongs to no session."""
        if inbound.call.operation is _LISTEN and inbound.refused is None:
            return self._listen(inbound, arrival)
        talk = inbound.listens
        if talk is not None and accepts(arrival.request.head, EVENT_STREAM):
            return ModernPost(inbound, talk, self._gate)
        reply = await self._gate.handle(inbound.call, inbound.refused)
        session_id = None
        if inbound.call.operation is _INITIALIZE and reply.principal and not reply.refusal:
            session_id = self._legacy.open(reply.principal.id, inbound.params, server).id
        return respond(inbound, reply, session_id)

    async def close(self) -> None:
        """End all sessions, and the calls that go on without a connection."""
        await self._legacy.close()

    def _listen(self, inbound: Inbound, arrival: Arrival) -> Stream:
        """The modern stream of what belongs to no call. Its request is kept as long as it is open."""
        problem = None
        if len(arrival.request.body) > _FILTER_BYTES_MAX:
            shown = f"more than {_FILTER_BYTES_MAX} bytes to listen for"
            problem = Denied(Reason.MALFORMED_REQUEST, shown, shown=shown)
        elif not accepts(arrival.request.head, EVENT_STREAM):
            problem = Denied(Reason.NOT_ACCEPTABLE, "Accept")
        if problem is not None:
            inbound = msgspec.structs.replace(inbound, refused=problem)
        return ListenStream(inbound, arrival, self._listening)

    async def _stream(self, arrival: Arrival, server: str | None) -> Response | Stream:
        """GET: the legacy stream of server messages."""
        session, problem = find_session(arrival.request.head.headers, server, self._sessions)
        if problem is None and not accepts(arrival.request.head, EVENT_STREAM):
            problem = Denied(Reason.NOT_ACCEPTABLE, "Accept")
        if session and problem is None:
            problem = self._listening.too_many(session.owner)
        arrival = arrival.with_problem(problem)
        call = _call_of(session, _STREAM, arrival, server)
        if session is None:
            return _respond(call, arrival, await self._gate.handle(call, arrival.refused))
        return await self._legacy.stream(session, arrival, call)

    async def _end(self, arrival: Arrival, server: str | None) -> Response:
        """DELETE: the legacy end of a session; only its owner may."""
        session, problem = find_session(arrival.request.head.headers, server, self._sessions)
        arrival = arrival.with_problem(problem)
        call = _call_of(session, _END, arrival, server)
        reply = await self._gate.handle(call, arrival.refused)
        if session is not None and reply.refusal is None:
            self._sessions.end(session.id)
        return _respond(call, arrival, reply)

    async def _not_allowed(self, arrival: Arrival, server: str | None) -> Response:
        problem = Denied(Reason.METHOD_NOT_ALLOWED, "method", shown="POST")
        arrival = arrival.with_problem(problem)
        call = _call_of(None, _END, arrival, server)
        return _respond(call, arrival, await self._gate.handle(call, arrival.refused))


def _call_of(
    session: Session | None, operation: Operation, arrival: Arrival, server: str | None
) -> Call:
    owner, version = (None, MODERN) if session is None else (session.owner, session.version)
    return arrival.call(operation, server=server, owner=owner, protocol=version)


def _respond(call: Call, arrival: Arrival, reply: Reply) -> Response:
    """Answer what has no body."""
    return respond(Inbound(call, None, arrival.refused, version=call.protocol), reply)


def _take_the_full_way(_request: Request, _task: object) -> None:
    """A `Way` of who writes its calls so that the next cannot be known again."""
