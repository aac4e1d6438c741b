"""Make the call: the only step that leaves the process towards a tool."""

from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any, Final, final

import msgspec

from yett.core.bounds import ROUND_SECONDS_MAX
from yett.core.clock import Clock
from yett.core.errors import Fault
from yett.core.proofs import Answered, Armed
from yett.core.reasons import Reason
from yett.core.talk import INPUT_REQUIRED, Hear, Resumption, Talk
from yett.core.target import JSON
from yett.upstreams.breaker import Breaker
from yett.upstreams.parking import ParkingLot
from yett.upstreams.port import NO_WISHES, Ask, Beside, Exchange, Transport
from yett.upstreams.requests import method_and_params, own_uri
from yett.upstreams.wishes import wishes_of

_WATCH: Final = "resources/subscribe"

# Whose state it is that a caller brings back: a server's own, none, or a call's that is parked here.
_OWN: Final = "u:"
_PARKED: Final = "p:"
_PARKED_SECONDS_MAX: Final = 4 * ROUND_SECONDS_MAX


@final
class Route(msgspec.Struct, frozen=True):
    """How to reach one server. timeout_seconds: for one answer, all waiting included. may_ask: the
    client capabilities that it may make use of."""

    transport: Transport
    breaker: Breaker
    timeout_seconds: float
    may_ask: frozenset[str] = frozenset()


@final
class Dispatcher:
    """routes: by the server's configured name."""

    __slots__ = ("_monotonic", "_parking", "_routes")

    def __init__(self, routes: Mapping[str, Route], clock: Clock, parking: ParkingLot) -> None:
        self._routes = dict(routes)
        self._monotonic = clock.monotonic
        self._parking = parking

    async def send(self, armed: Armed, hear: Hear | None = None) -> Answered:
        """Ask the server and return what it said, untrusted. hear: takes what it says meanwhile.

        A result of the type `input_required` has a `requestState` that leads back here.

        Raises:
            Fault: see `Transport.request`; or the breaker is open.
            Denied: INVALID_STATE or RATE_LIMITED, see `ParkingLot`.
        """
        validated = armed.admitted.validated
        call = validated.permitted.call
        route = self._routes.get(validated.permitted.target.server)
        if route is None:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the configuration no longer has this server")
        monotonic = self._monotonic
        started = monotonic()
        with route.breaker:
            if call.talk is not None:
                exchange = await self._talk(route, armed, call.talk, hear)
            elif call.operation.method == _WATCH:
                exchange = await _watch(route, armed)
            else:
                method, params = method_and_params(validated)
                exchange = await route.transport.request(
                    method,
                    params,
                    credential=armed.credential,
                    deadline_seconds=route.timeout_seconds,
                )
        seconds = monotonic() - started
        return Answered(armed, exchange.result, exchange.error, exchange.bytes_received, seconds)

    async def _talk(self, route: Route, armed: Armed, talk: Talk, hear: Hear | None) -> Exchange:
        """Make a call whose caller and server may say more to each other than request and answer."""
        validated = armed.admitted.validated
        if validated.permitted.call.operation.method == _WATCH:
            return await _watch(route, armed)
        resumption = validated.resumption
        wishes = wishes_of(talk, route.may_ask)
        if resumption is not None and resumption.state.startswith(_PARKED):
            ticket = resumption.state.removeprefix(_PARKED)
            exchange, ticket = await self._parking.resume(
                ticket, resumption, hear=hear, seconds=route.timeout_seconds
            )
            return _led_back(exchange, ticket)
        method, params = method_and_params(validated)
        if resumption is not None:
            params = _with_inputs(params, resumption)
        plain = Beside(wishes=wishes, hear=hear, progress=talk.progress, trace=talk.trace)
        request = partial(route.transport.request, method, params, credential=armed.credential)
        if wishes.capabilities == NO_WISHES.capabilities:
            return await request(deadline_seconds=route.timeout_seconds, beside=plain)

        def start(ask: Ask, hear: Hear) -> Coroutine[Any, Any, Exchange]:
            beside = msgspec.structs.replace(plain, ask=ask, hear=hear)
            # Each round has its own deadline; this one ends what is parked and never resumed.
            return request(deadline_seconds=_PARKED_SECONDS_MAX, beside=beside)

        exchange, ticket = await self._parking.begin(
            start,
            owner=validated.permitted.principal.id,
            hear=hear,
            seconds=route.timeout_seconds,
        )
        return _led_back(exchange, ticket)


async def _watch(route: Route, armed: Armed) -> Exchange:
    """Nothing that the server answers to it concerns the caller."""
    exchange = await route.transport.watch(
        own_uri(armed.admitted.validated),
        credential=armed.credential,
        deadline_seconds=route.timeout_seconds,
    )
    return exchange if exchange.result is None else msgspec.structs.replace(exchange, result={})


def _with_inputs(params: dict[str, JSON], resumption: Resumption) -> dict[str, JSON]:
    """What a modern server is sent in the next round. What a caller refused cannot be said in it."""
    if resumption.failed:
        raise Fault(Reason.CANCELLED, "the caller did not give what was asked for", sent=True)
    state = resumption.state.removeprefix(_OWN)
    return (
        params | {"inputResponses": resumption.inputs} | ({"requestState": state} if state else {})
    )


def _led_back(exchange: Exchange, ticket: str) -> Exchange:
    """Say in the state of a question whose it is, so that the next round goes to the right place."""
    result = exchange.result
    if result is None or result.get("resultType") != INPUT_REQUIRED:
        return exchange
    state = result.get("requestState", "")
    if not isinstance(state, str):
        raise Fault(Reason.UPSTREAM_INVALID, "`requestState` is not a text", sent=True)
    led = _PARKED + ticket if ticket else _OWN + state
    return msgspec.structs.replace(exchange, result=result | {"requestState": led})
