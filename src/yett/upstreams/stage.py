"""Make the call: the only step that leaves the process towards a tool."""

from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any, Final, final

import msgspec

from yett.core.bounds import ROUND_SECONDS_MAX
from yett.core.call import RpcError
from yett.core.clock import Clock
from yett.core.errors import Denied, Fault
from yett.core.operations import Kind
from yett.core.proofs import Answered, Armed, Credential, Permitted, Validated
from yett.core.reasons import Reason
from yett.core.seal import Sealer, SealError
from yett.core.talk import INPUT_REQUIRED, Hear, Resumption, Talk
from yett.core.target import JSON
from yett.core.tasks import EXTENSION, TASK, TaskAsked
from yett.upstreams import tasks
from yett.upstreams.breaker import Breaker, Breakers
from yett.upstreams.elsewhere import ELSEWHERE, as_question, check_been_there
from yett.upstreams.parking import ParkingLot
from yett.upstreams.port import NO_WISHES, Ask, Begin, Beside, Exchange, Transport, Wishes
from yett.upstreams.requests import method_and_params, own_uri
from yett.upstreams.retrying import Retries
from yett.upstreams.wishes import may_be_asked, wishes_of

_WATCH: Final = "resources/subscribe"

# Whose state it is that a caller brings back: a server's own, none, or a call's that is parked here.
_OWN: Final = "u:"
_PARKED: Final = "p:"
_PARKED_SECONDS_MAX: Final = 4 * ROUND_SECONDS_MAX

# JSON-RPC 2.0, invalid params (MCP 2025-11-25, Elicitation: Error Handling).
_NOT_OFFERED: Final = RpcError(-32602, "This was not offered to be asked")


@final
class Route(msgspec.Struct, frozen=True):
    """How to reach one server. timeout_seconds: for one answer, all waiting included. may_ask: the
    client capabilities that it may make use of. acts_for_callers: it is one of ours that has to know who
    is calling. idempotent: tools that may be called twice, which `retries` does where it helps."""

    transport: Transport
    breakers: Breakers
    timeout_seconds: float
    may_ask: frozenset[str] = frozenset()
    acts_for_callers: bool = False
    idempotent: frozenset[str] = frozenset()
    retries: Retries | None = None


@final
class _Way(msgspec.Struct, frozen=True, kw_only=True):
    """How the calls of one caller reach one target. routes: those that it is of. failing: see `Breaker`. is_plain: a
    call besides which nothing passes can be made by `Transport.call`; begin: and in a short way; None: there is none.
    retries: how it may be made twice; None: it may not."""

    routes: Mapping[str, Route]
    route: Route
    breaker: Breaker
    failing: set[Breaker]
    begin: Begin | None
    tool: str
    timeout_seconds: float
    is_plain: bool
    retries: Retries | None


@final
class Dispatcher:
    """routes: by the server's configured name."""

    __slots__ = ("_monotonic", "_parking", "_routes", "_sealer")

    def __init__(
        self, routes: Mapping[str, Route], clock: Clock, parking: ParkingLot, sealer: Sealer
    ) -> None:
        self._routes = dict(routes)
        self._monotonic = clock.monotonic
        self._parking = parking
        self._sealer = sealer

    async def send(self, armed: Armed, hear: Hear | None = None) -> Answered:
        """Ask the server and return what it said, untrusted. hear: takes what it says meanwhile.

        A result of the type `input_required` has a `requestState` that leads back here.

        Raises:
            Fault: see `Transport.request`; or the breaker is open.
            Denied: INVALID_STATE, the round has been had already, or the call was given up.
        """
        validated = armed.admitted.validated
        permitted = validated.permitted
        way: _Way | None = permitted.standing.upstreams
        if way is None or way.routes is not self._routes:
            way = self._prepare(permitted)
        call, begin, encoded = permitted.call, way.begin, validated.encoded
        started = self._monotonic()
        if (
            begin is None
            or call.talk is not None
            or call.task is not None
            or call.once is not None
            or way.failing  # then the breaker has to be asked
            or not encoded
        ):
            begun = None
        else:
            begun = begin(encoded, armed.credential, way.timeout_seconds)
        if begun is None:
            with way.breaker:
                exchange = await self._send(way, armed, hear)
        else:
            try:
                exchange = begun.read(await begun.answer) or await begun.finish()
            except BaseException as trouble:  # noqa: BLE001 - it is raised again, in the words of the port
                error = begun.explain(trouble)
                way.breaker.hear(error)
                raise error from None
            if way.failing:  # since it was written
                way.breaker.hear(None)
        seconds = self._monotonic() - started
        # What is one text is fit to leave as it is only where a tool was called.
        is_text = begun is not None and exchange.is_text
        return Answered(
            armed, exchange.result, exchange.error, exchange.bytes_received, seconds, exchange.encoded, is_text
        )  # fmt: skip

    def _prepare(self, permitted: Permitted) -> _Way:
        target = permitted.target
        route = self._routes.get(target.server)
        if route is None:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the configuration no longer has this server")
        is_tool, breakers = target.kind is Kind.TOOL, route.breakers
        is_plain = is_tool and not route.acts_for_callers
        retries = route.retries if is_tool and target.name in route.idempotent else None
        way = permitted.standing.upstreams = _Way(
            routes=self._routes,
            route=route,
            breaker=breakers.of(permitted.principal.tenant, target.name if is_tool else ""),
            failing=breakers.failing,
            begin=route.transport.shortcut(target.name) if is_plain and retries is None else None,
            tool=target.name,
            timeout_seconds=route.timeout_seconds,
            is_plain=is_plain,
            retries=retries,
        )
        return way

    async def _send(self, way: _Way, armed: Armed, hear: Hear | None) -> Exchange:
        """As `send`, for whatever it is."""
        validated, route = armed.admitted.validated, way.route
        call = validated.permitted.call
        if call.once is not None:
            call.once.sent = True
        if call.task is not None:
            return await self._about_task(route, armed, call.task, hear)
        if call.talk is not None:
            return await self._talk(route, armed, call.talk, hear)
        if call.operation.method == _WATCH:
            return await _watch(route, armed)
        if way.is_plain and validated.encoded:
            return await _call(way, validated.encoded, armed.credential)
        method, params = method_and_params(validated)
        return await route.transport.request(
            method,
            params,
            credential=armed.credential,
            deadline_seconds=route.timeout_seconds,
            beside=_caller_of(validated) if route.acts_for_callers else None,
        )

    async def _about_task(
        self, route: Route, armed: Armed, task: TaskAsked, hear: Hear | None
    ) -> Exchange:
        """Begin a task, or ask about one. A server that makes none is asked for its answer at once."""
        validated, transport = armed.admitted.validated, route.transport
        permitted, talk = validated.permitted, validated.permitted.call.talk
        seconds = route.timeout_seconds
        principal = permitted.principal
        beside = Beside(principal=principal, owner=principal.id, hear=hear, extensions=(EXTENSION,))
        if task.id:
            method, params = tasks.follow_up(validated, task, transport.era)
            if method == tasks.RESULT:
                seconds = ROUND_SECONDS_MAX  # it is answered when the task has ended
        elif tasks.wants_task(task, permitted.target, transport.era):
            method, params = method_and_params(validated)
            params = params | tasks.creation(task)
        else:
            return await self._talk(route, armed, talk or Talk(), hear)
        exchange = await transport.request(
            method, params, credential=armed.credential, deadline_seconds=seconds, beside=beside
        )
        if exchange.result is not None:
            wishes = wishes_of(talk or Talk(), route.may_ask)
            _check_offered(tasks.questions_of(exchange.result), wishes)
        return exchange

    async def _talk(self, route: Route, armed: Armed, talk: Talk, hear: Hear | None) -> Exchange:
        """Make a call whose caller and server may say more to each other than request and answer."""
        validated = armed.admitted.validated
        if validated.permitted.call.operation.method == _WATCH:
            return await _watch(route, armed)
        resumption = validated.resumption
        owner = validated.permitted.principal.id
        wishes = wishes_of(talk, route.may_ask)
        if resumption is not None and resumption.state.startswith(_PARKED):
            exchange, ticket = await self._parking.resume(
                resumption.state.removeprefix(_PARKED),
                resumption,
                record=validated.permitted.call.id,
                hear=hear,
                seconds=route.timeout_seconds,
            )
            return _led_back(exchange, ticket, wishes)
        method, params = method_and_params(validated)
        if resumption is not None:
            self._spend(resumption, owner)
            params = _with_inputs(params, resumption)
        plain = Beside(
            principal=validated.permitted.principal,
            owner=owner,
            wishes=wishes,
            hear=hear,
            progress=talk.progress,
            trace=talk.trace,
            extensions=tasks.extensions_of(talk),
        )
        request = partial(route.transport.request, method, params, credential=armed.credential)
        if wishes.capabilities == NO_WISHES.capabilities:
            beside = plain if route.acts_for_callers or _passes_something(plain) else None
            exchange = await request(deadline_seconds=route.timeout_seconds, beside=beside)
            return _led_back(exchange, "", wishes)

        def start(ask: Ask, hear: Hear) -> Coroutine[Any, Any, Exchange]:
            beside = msgspec.structs.replace(plain, ask=_only_offered(ask, wishes), hear=hear)
            # Each round has its own deadline; this one ends what is parked and never resumed.
            return request(deadline_seconds=_PARKED_SECONDS_MAX, beside=beside)

        exchange, ticket = await self._parking.begin(
            start,
            owner=owner,
            record=validated.permitted.call.id,
            hear=hear,
            seconds=route.timeout_seconds,
        )
        return _led_back(exchange, ticket, wishes)

    def _spend(self, resumption: Resumption, owner: str) -> None:
        """A round is had once. Only now is it used up, that a call refused before can be tried again.
        That of a parked call is as well, with its ticket."""
        if not resumption.seal:
            return
        try:
            self._sealer.spend(resumption.seal, owner=owner, seconds=ROUND_SECONDS_MAX)
        except SealError:
            raise Denied(Reason.INVALID_STATE, "the request state was used before") from None


async def _call(way: _Way, arguments: bytes, credential: Credential) -> Exchange:
    attempt = partial(way.route.transport.call, way.tool, arguments, credential)
    if way.retries is None:
        return await attempt(way.timeout_seconds)
    return await way.retries.ask(attempt, way.timeout_seconds)


async def _watch(route: Route, armed: Armed) -> Exchange:
    """Nothing that the server answers to it concerns the caller."""
    exchange = await route.transport.watch(
        own_uri(armed.admitted.validated),
        credential=armed.credential,
        deadline_seconds=route.timeout_seconds,
    )
    return (
        exchange
        if exchange.result is None
        else msgspec.structs.replace(exchange, result={}, encoded=b"")
    )


def _caller_of(validated: Validated) -> Beside:
    principal = validated.permitted.principal
    return Beside(principal=principal, owner=principal.id)


def _passes_something(beside: Beside) -> bool:
    """Most callers could say and hear more than they do; then their call is one like any other."""
    return bool(
        beside.progress or beside.trace or beside.extensions or beside.wishes is not NO_WISHES
    )


def _with_inputs(params: dict[str, JSON], resumption: Resumption) -> dict[str, JSON]:
    """What a modern server is sent in the next round. What a caller refused cannot be said in it."""
    if resumption.state == ELSEWHERE:
        check_been_there(resumption)
        return params
    if resumption.failed:
        raise Fault(Reason.CANCELLED, "the caller did not give what was asked for", sent=True)
    state = resumption.state.removeprefix(_OWN)
    inputs: dict[str, JSON] = {"inputResponses": resumption.inputs} if resumption.inputs else {}
    return params | inputs | ({"requestState": state} if state else {})


def _only_offered(ask: Ask, wishes: Wishes) -> Ask:
    async def ask_if_offered(method: str, params: dict[str, JSON]) -> Exchange:
        if may_be_asked(wishes, method, params):
            return await ask(method, params)
        return Exchange(None, _NOT_OFFERED, 0)

    return ask_if_offered


def _led_back(exchange: Exchange, ticket: str, wishes: Wishes) -> Exchange:
    """Say in the state of a question whose it is, so that the next round goes to the right place.

    Raises:
        Fault: UPSTREAM_INVALID, it asks nothing, or what it was not offered.
    """
    question = as_question(exchange.error, wishes)
    if question is not None:
        return msgspec.structs.replace(exchange, result=question, error=None, encoded=b"")
    result = exchange.result
    if result is None or result.get("resultType") != INPUT_REQUIRED:
        if result is not None and result.get("resultType") == TASK:
            _check_offered(tasks.questions_of(result), wishes)
        return exchange
    state = result.get("requestState", "")
    if not isinstance(state, str) or not result.keys() & {"requestState", "inputRequests"}:
        raise Fault(Reason.UPSTREAM_INVALID, "a question without a question", sent=True)
    if ticket:  # each question was looked at when it was asked
        led = _PARKED + ticket
    else:
        _check_offered(result.get("inputRequests", {}), wishes)
        led = _OWN + state
    return msgspec.structs.replace(exchange, result=result | {"requestState": led}, encoded=b"")


def _check_offered(requests: JSON, wishes: Wishes) -> None:
    for request in requests.values() if isinstance(requests, dict) else ():
        method, params = _question_in(request)
        if not may_be_asked(wishes, method, params):
            raise Fault(Reason.UPSTREAM_INVALID, "it asks what it was not offered", sent=True)


def _question_in(request: JSON) -> tuple[str, dict[str, JSON]]:
    """Return method and parameters; empty ones stand for what sanitising would refuse anyway."""
    request = request if isinstance(request, dict) else {}
    method, params = request.get("method"), request.get("params", {})
    return (
        method if isinstance(method, str) else "",
        params if isinstance(params, dict) else {},
    )
