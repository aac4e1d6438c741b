"""Make the call: the only step that leaves the process towards a tool."""

from collections.abc import Mapping
from typing import final

import msgspec

from yett.core.clock import Clock
from yett.core.errors import Fault
from yett.core.proofs import Answered, Armed
from yett.core.reasons import Reason
from yett.upstreams.breaker import Breaker
from yett.upstreams.port import Transport
from yett.upstreams.requests import method_and_params


@final
class Route(msgspec.Struct, frozen=True):
    """How to reach one server. timeout_seconds: for one answer, all waiting included."""

    transport: Transport
    breaker: Breaker
    timeout_seconds: float


@final
class Dispatcher:
    """routes: by the server's configured name."""

    __slots__ = ("_monotonic", "_routes")

    def __init__(self, routes: Mapping[str, Route], clock: Clock) -> None:
        self._routes = dict(routes)
        self._monotonic = clock.monotonic

    async def send(self, armed: Armed) -> Answered:
        """Ask the server and return what it said, untrusted.

        Raises:
            Fault: see `Transport.request`; or the breaker is open.
        """
        validated = armed.admitted.validated
        route = self._routes.get(validated.permitted.target.server)
        if route is None:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the configuration no longer has this server")
        method, params = method_and_params(validated)
        monotonic = self._monotonic
        started = monotonic()
        with route.breaker:
            exchange = await route.transport.request(
                method,
                params,
                credential=armed.credential,
                deadline_seconds=route.timeout_seconds,
            )
        seconds = monotonic() - started
        return Answered(armed, exchange.result, exchange.error, exchange.bytes_received, seconds)
