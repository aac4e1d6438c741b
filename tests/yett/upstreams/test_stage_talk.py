"""The dispatcher, where more passes than a request and its answer: rounds, notices and watched resources."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from tests.clock import HandClock
from tests.said import Said
from tests.yett.upstreams.test_stage import SECRET, validated
from yett.core.call import RpcError
from yett.core.document import parse
from yett.core.errors import Denied, Fault
from yett.core.identity import DEFAULT_TENANT
from yett.core.notices import Notice
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Admitted, Answered, Armed
from yett.core.reasons import Reason
from yett.core.seal import KEY_BYTES, Sealer
from yett.core.talk import Resumption, Talk
from yett.upstreams import Dispatcher, ParkingLot, Route
from yett.upstreams.backends.memory import MemoryTransport
from yett.upstreams.breaker import Breakers
from yett.upstreams.port import Beside, Exchange
from yett.upstreams.requests import method_and_params

Behaviour = Callable[[dict[str, Any], Beside | None], Awaitable[Exchange]]
ALL = frozenset({"elicitation", "sampling", "roots"})
CAPABLE: dict[str, Any] = {"roots": {}, "elicitation": {}}
DONE = Exchange({"content": []}, None, 2)


def question(method: str = "roots/list", state: str | None = "s", **params: Any) -> Exchange:
    result: dict[str, Any] = {
        "resultType": "input_required",
        "inputRequests": {"q": {"method": method, "params": params}},
    }
    return Exchange(result | ({} if state is None else {"requestState": state}), None, 2)


class Scripted:
    """Stands for a transport: each request goes to the behaviour."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.asked: list[tuple[str, dict[str, Any], Beside | None, float]] = []

    async def call(self, tool: str, arguments: bytes, credential: Any, seconds: float) -> Exchange:
        params = {"name": tool, "arguments": parse(arguments)}
        return await self.request(
            "tools/call", params, credential=credential, deadline_seconds=seconds
        )

    def shortcut(self, tool: str) -> None:
        """There is none."""

    async def request(
        self,
        method: str,
        params: dict[str, Any],
        *,
        credential: Any,
        deadline_seconds: float,
        beside: Beside | None = None,
    ) -> Exchange:
        assert credential is SECRET
        self.asked.append((method, params, beside, deadline_seconds))
        return await self.behaviour(params, beside)


class House:
    def __init__(self, behaviour: Behaviour, may_ask: frozenset[str] = ALL) -> None:
        self.clock = HandClock()
        self.sealer = Sealer(bytes(KEY_BYTES), self.clock)
        self.parking = ParkingLot()
        self.transport = Scripted(behaviour)
        self.breakers = Breakers(failures=2, cooldown_seconds=10.0, clock=self.clock)
        route = Route(self.transport, self.breakers, 0.3, may_ask)  # type: ignore[arg-type]  # it requests, and that is all
        self.stage = Dispatcher({"s": route}, self.clock, self.parking, self.sealer)

    async def send(
        self, talk: Talk | None = None, resumption: Resumption | None = None, hear: Any = None
    ) -> Answered:
        before = validated()
        call = msgspec.structs.replace(
            before.permitted.call, talk=talk or Talk(capabilities=CAPABLE)
        )
        permitted = msgspec.structs.replace(before.permitted, call=call)
        proof = msgspec.structs.replace(before, permitted=permitted, resumption=resumption)
        return await self.stage.send(Armed(Admitted(proof), SECRET), hear)

    def resumption(self, state: str, **inputs: Any) -> Resumption:
        seal = self.sealer.seal(state, owner="k", purpose="p", seconds=600.0)
        return Resumption(inputs, state=state, seal=seal, continues="r0")


def state_of(answered: Answered) -> str:
    assert answered.untrusted is not None
    return str(answered.untrusted["requestState"])


async def test_a_modern_server_gets_its_own_state_back_with_the_answers() -> None:
    async def behave(params: dict[str, Any], _: Beside | None) -> Exchange:
        return DONE if "inputResponses" in params else question()

    house = House(behave)
    first = await house.send()
    second = await house.send(None, house.resumption(state_of(first), q={"roots": []}))

    assert state_of(first) == "u:s"
    assert second.untrusted == {"content": []}
    assert house.transport.asked[1][1] == {
        "name": "echo",
        "arguments": {"message": "x"},
        "inputResponses": {"q": {"roots": []}},
        "requestState": "s",
    }


async def test_a_server_without_a_state_is_sent_none() -> None:
    async def behave(params: dict[str, Any], _: Beside | None) -> Exchange:
        return DONE if "inputResponses" in params else question(state=None)

    house = House(behave)
    await house.send(None, house.resumption(state_of(await house.send()), q={}))

    assert "requestState" not in house.transport.asked[1][1]


async def test_a_state_without_questions_may_be_brought_back_without_answers() -> None:
    async def behave(params: dict[str, Any], _: Beside | None) -> Exchange:
        only_state = {"resultType": "input_required", "requestState": "busy"}
        return DONE if "requestState" in params else Exchange(only_state, None, 2)

    house = House(behave)
    await house.send(None, house.resumption(state_of(await house.send())))

    assert "inputResponses" not in house.transport.asked[1][1]


async def test_a_legacy_server_waits_while_its_caller_is_asked() -> None:
    async def behave(_: dict[str, Any], beside: Beside | None) -> Exchange:
        assert beside is not None
        assert beside.ask is not None
        answer = await beside.ask("roots/list", {})
        assert answer.result == {"roots": []}
        return DONE

    house = House(behave)
    first = await house.send()
    second = await house.send(None, house.resumption(state_of(first), q1={"roots": []}))

    assert state_of(first).startswith("p:")
    assert second.untrusted == {"content": []}
    assert len(house.transport.asked) == 1
    assert len(house.parking) == 0


async def test_a_parked_call_goes_on_whatever_its_caller_declares_now() -> None:
    async def behave(_: dict[str, Any], beside: Beside | None) -> Exchange:
        assert beside is not None
        assert beside.ask is not None
        for _number in range(2):
            await beside.ask("roots/list", {})
        return DONE

    house = House(behave)
    state = state_of(await house.send())
    state = state_of(await house.send(Talk(), house.resumption(state, q1={})))
    await house.send(Talk(), house.resumption(state, q2={}))

    assert len(house.parking) == 0


async def test_a_round_is_had_once() -> None:
    async def behave(params: dict[str, Any], _: Beside | None) -> Exchange:
        return DONE if "inputResponses" in params else question()

    house = House(behave)
    again = house.resumption(state_of(await house.send()), q={})
    await house.send(None, again)
    with pytest.raises(Denied) as caught:
        await house.send(None, again)

    assert caught.value.reason is Reason.INVALID_STATE
    assert len(house.transport.asked) == 2
    assert not house.breakers.of(DEFAULT_TENANT).is_open


async def test_a_parked_call_that_was_given_up_is_an_invalid_state() -> None:
    house = House(_never)

    with pytest.raises(Denied) as caught:
        await house.send(None, house.resumption("p:gone", q1={}))

    assert caught.value.reason is Reason.INVALID_STATE


async def test_a_round_that_the_breaker_refuses_can_be_had_later() -> None:
    async def behave(params: dict[str, Any], _: Beside | None) -> Exchange:
        if "inputResponses" in params:
            return DONE
        if house.failing:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "gone")
        return question()

    class Failing(House):
        failing = False

    house = Failing(behave)
    going_on = house.resumption(state_of(await house.send()), q={})
    house.failing = True
    for _ in range(2):
        with pytest.raises(Fault):
            await house.send()
    with pytest.raises(Fault):
        await house.send(None, going_on)
    house.clock.pass_seconds(11.0)

    assert (await house.send(None, going_on)).untrusted == {"content": []}


@pytest.mark.parametrize(
    ("answer", "may_ask", "capabilities"),
    [
        (question("sampling/createMessage"), ALL, CAPABLE),
        (question("roots/list"), frozenset({"elicitation"}), CAPABLE),
        (question("roots/list"), ALL, {}),
        (question("elicitation/create", mode="url"), ALL, CAPABLE),
        (question("tools/call"), ALL, CAPABLE),
        (Exchange({"resultType": "input_required"}, None, 2), ALL, CAPABLE),
        (Exchange({"resultType": "input_required", "requestState": 7}, None, 2), ALL, CAPABLE),
        (
            Exchange({"resultType": "input_required", "inputRequests": {"q": "x"}}, None, 2),
            ALL,
            CAPABLE,
        ),
    ],
)
async def test_what_was_not_offered_is_not_asked(
    answer: Exchange, may_ask: frozenset[str], capabilities: dict[str, Any]
) -> None:
    async def behave(_: dict[str, Any], __: Beside | None) -> Exchange:
        return answer

    house = House(behave, may_ask)
    with pytest.raises(Fault) as caught:
        await house.send(Talk(capabilities=capabilities))

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert caught.value.sent


async def test_a_legacy_server_is_refused_what_was_not_offered() -> None:
    async def behave(_: dict[str, Any], beside: Beside | None) -> Exchange:
        assert beside is not None
        assert beside.ask is not None
        answer = await beside.ask("elicitation/create", {"mode": "url"})
        assert answer.error is not None
        assert answer.error.code == -32602
        return DONE

    assert (await House(behave).send()).untrusted == {"content": []}


async def test_what_a_caller_would_not_give_ends_the_call_of_a_modern_server() -> None:
    house = House(_never)
    refused = Resumption({}, ("q",), "u:s", house.resumption("u:s").seal, "r0")

    with pytest.raises(Fault) as caught:
        await house.send(None, refused)

    assert caught.value.reason is Reason.CANCELLED
    assert house.transport.asked == []


async def test_answers_that_nobody_asked_for_are_the_servers_to_judge() -> None:
    async def behave(_: dict[str, Any], __: Beside | None) -> Exchange:
        return DONE

    house = House(behave)
    await house.send(None, Resumption({"q": {"roots": []}}))

    assert house.transport.asked[0][1]["inputResponses"] == {"q": {"roots": []}}


async def test_what_a_call_may_do_beside_is_told_to_the_transport() -> None:
    heard = Said()

    async def behave(_: dict[str, Any], beside: Beside | None) -> Exchange:
        assert beside is not None
        assert beside.hear is not None
        beside.hear(Notice("notifications/progress", {"progress": 1}))
        return DONE

    for capabilities in ({}, CAPABLE):
        house = House(behave)
        trace = {"traceparent": "00-x"}
        talk = Talk(progress=True, log_level="info", trace=trace, capabilities=capabilities)
        await house.send(talk, hear=heard.hear)
        _, params, beside, deadline = house.transport.asked[0]

        assert "_meta" not in params
        assert beside is not None
        assert (beside.owner, beside.progress, beside.trace) == ("k", True, trace)
        assert beside.wishes.log_level == "info"
        assert (beside.ask is None) is (deadline == 0.3) is (capabilities == {})

    assert len(heard) == 2


async def test_a_legacy_call_that_takes_too_long_is_cancelled() -> None:
    ended = asyncio.Event()

    async def behave(_: dict[str, Any], __: Beside | None) -> Exchange:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return DONE

    with pytest.raises(Fault) as caught:
        await House(behave).send()
    await ended.wait()

    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT


@pytest.mark.parametrize("talk", [None, Talk(progress=True)])
async def test_a_subscription_ends_at_the_transport(talk: Talk | None) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    async def answer(method: str, params: dict[str, Any], _: Any) -> dict[str, Any] | RpcError:
        asked.append((method, params))
        return RpcError(-32002, "no") if "bad" in params["uri"] else {"more": "than nothing"}

    clock = HandClock()
    breakers = Breakers(failures=2, cooldown_seconds=10.0, clock=clock)
    route = Route(MemoryTransport(answer), breakers, 0.3)
    stage = Dispatcher({"s": route}, clock, ParkingLot(), Sealer(bytes(KEY_BYTES), clock))
    found = []
    for uri in ("memo://one", "memo://bad"):
        before = validated(Kind.RESOURCE, uri)
        call = msgspec.structs.replace(
            before.permitted.call, operation=OPERATIONS["resources/subscribe"], talk=talk
        )
        permitted = msgspec.structs.replace(before.permitted, call=call)
        proof = msgspec.structs.replace(before, permitted=permitted)
        found.append(await stage.send(Armed(Admitted(proof), SECRET)))

    assert asked[0] == ("resources/subscribe", {"uri": "memo://one"})
    assert (found[0].untrusted, found[0].error) == ({}, None)
    assert found[1].error == RpcError(-32002, "no")


async def _never(_: dict[str, Any], __: Beside | None) -> Exchange:
    raise AssertionError


@pytest.mark.parametrize(
    ("kind", "name", "reference"),
    [
        (Kind.PROMPT, "greet", {"type": "ref/prompt", "name": "greet"}),
        (
            Kind.RESOURCE_TEMPLATE,
            "memo://{name}",
            {"type": "ref/resource", "uri": "memo://{name}"},
        ),
    ],
)
def test_a_completion_is_asked_for_in_the_servers_own_words(
    kind: Kind, name: str, reference: dict[str, str]
) -> None:
    before = validated(kind, name)
    call = msgspec.structs.replace(
        before.permitted.call, operation=OPERATIONS["completion/complete"]
    )
    permitted = msgspec.structs.replace(before.permitted, call=call)
    argument: dict[str, Any] = {"argument": {"name": "who", "value": "A"}}
    asked = msgspec.structs.replace(before, permitted=permitted, arguments=argument)

    assert method_and_params(asked) == ("completion/complete", {"ref": reference, **argument})
