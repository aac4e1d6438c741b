"""Which path leads where. A path is compared as it came: nothing is decoded, nothing normalised."""

import re
from typing import Final, final

from yett.core import bounds
from yett.core.clock import Clock
from yett.core.errors import Denied
from yett.core.operations import UNKNOWN
from yett.core.reasons import Reason
from yett.edge import refusals
from yett.edge.arrival import Arrival, Arrivals
from yett.edge.gate import Gate
from yett.edge.http.connection import Served
from yett.edge.http.message import Request, Response
from yett.edge.mcp.changes import Changes
from yett.edge.mcp.route import McpRoute
from yett.edge.mcp.searching import SearchingGate
from yett.edge.origin import OriginPolicy
from yett.edge.rest.route import PATHS as REST_PATHS
from yett.edge.rest.route import RestRoute

_MCP: Final = b"/mcp"
_SERVER: Final = re.compile(rb"/mcp/([a-z0-9_-]{1,64})")
_OK: Final = Response(200, b"ok\n", b"text/plain")
_NOT_READY: Final = Response(503, b"not ready\n", b"text/plain")


@final
class Router:
    """The handler of the data listener."""

    def __init__(
        self, gate: Gate, clock: Clock, origins: OriginPolicy, *, searching: bool = False
    ) -> None:
        """searching: on `/mcp`, three tools to find the others with stand for all of them."""
        self.changes = Changes()
        self.arrivals = Arrivals(clock, origins)
        self._gate = gate
        mcp_gate = SearchingGate(gate) if searching else gate
        self._mcp = McpRoute(mcp_gate, self.changes, self.arrivals)
        self._rest = RestRoute(gate)

    def __call__(self, request: Request) -> Served:
        arrival = self.arrivals.receive(request)
        if len(request.body) > bounds.STRANGER_BODY_BYTES_MAX:
            arrival = self._doubt(arrival)
        path = request.head.path
        if path == _MCP:
            return self._mcp.serve(arrival, None)
        found = _SERVER.fullmatch(path)
        if found:
            return self._mcp.serve(arrival, found[1].decode())
        if path in REST_PATHS:
            return self._rest.serve(arrival)
        if path in _HEALTH and request.head.method == b"GET" and request.unfit is None:
            return self._say_how_it_is(path)
        return self._nothing_here(arrival)

    async def close(self) -> None:
        """End what goes on without a connection: the gate is about to end."""
        await self._mcp.close()

    async def _say_how_it_is(self, path: bytes) -> Response:
        return _OK if path == b"/healthz" or self._gate.is_ready() else _NOT_READY

    def _doubt(self, arrival: Arrival) -> Arrival:
        """Parsing a large document takes time that belongs to everybody: not for a stranger."""
        if self._gate.knows(arrival.request.head.credential):
            return arrival
        return arrival.with_problem(Denied(Reason.UNAUTHENTICATED, "a large body of a stranger"))

    async def _nothing_here(self, arrival: Arrival) -> Response:
        arrival = arrival.with_problem(Denied(Reason.UNKNOWN_PATH, "path"))
        call = arrival.call(UNKNOWN, protocol="http", door="rest")
        reply = await self._gate.handle(call, arrival.refused)
        assert reply.refusal is not None  # noqa: S101 - it was refused before it was handed in
        return refusals.problem(reply, reply.refusal)


_HEALTH: Final = frozenset({b"/healthz", b"/readyz"})
