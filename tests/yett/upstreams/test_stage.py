"""The dispatcher and its breaker, over the memory transport."""

import asyncio
from typing import Any

import msgspec
import pytest

from tests.clock import HandClock
from tests.seals import SEALER
from yett.core.call import Call, RpcError
from yett.core.errors import Denied, Fault
from yett.core.identity import DEFAULT_TENANT, Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Admitted, Armed, Credential, Permitted, Validated
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.standing import Standing
from yett.core.target import Target
from yett.upstreams import Dispatcher, ParkingLot, Route
from yett.upstreams.backends.memory import MemoryTransport
from yett.upstreams.build import build_route
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.requests import method_and_params

SECRET = Credential((("Authorization", Secret("Bearer x")),), ("token",))


class Server:
    """Answers, fails or waits as a test says, and remembers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], Credential]] = []
        self.failing: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def answer(
        self, method: str, params: dict[str, Any], credential: Credential
    ) -> dict[str, Any] | RpcError:
        self.asked.append((method, params, credential))
        await self.gate.wait()
        if self.failing is not None:
            raise self.failing
        if params.get("name") == "refused":
            return RpcError(-32002, "Resource not found")
        return {"content": []}


def validated(kind: Kind = Kind.TOOL, name: str = "echo", server: str = "s") -> Validated:
    methods = {Kind.TOOL: "tools/call", Kind.PROMPT: "prompts/get"}
    call = Call(
        id="1",
        operation=OPERATIONS[methods.get(kind, "resources/read")],
        server=None,
        name=f"s__{name}" if kind in methods else "memo://filled-in",
        params={"_meta": {"progressToken": 7, "traceparent": "x"}},
        credential=None,
        peer="127.0.0.1",
        door="mcp",
        protocol="2026-07-28",
        received_at=0.0,
        started=0.0,
    )
    principal = Principal(id="k", name="laptop")
    target = Target(kind=kind, server=server, name=name, public_name=f"s__{name}")
    return Validated(
        Permitted(call, principal, target, (), "v", Standing(principal, target)), {"message": "x"}
    )


def armed(**wishes: Any) -> Armed:
    return Armed(Admitted(validated(**wishes)), SECRET)


def dispatcher(
    server: Server, clock: HandClock, *, failures: int = 3, cooldown: float = 10.0
) -> tuple[Dispatcher, Route]:
    config = UpstreamConfig(
        name="s",
        url="http://127.0.0.1/",
        timeout_seconds=0.1,
        breaker_failures=failures,
        breaker_cooldown_seconds=cooldown,
    )
    route = build_route(config, MemoryTransport(server.answer), clock)
    return Dispatcher({"s": route}, clock, ParkingLot(), SEALER), route


async def test_the_answer_comes_with_its_size_and_its_time() -> None:
    server, clock = Server(), HandClock()
    stage, _ = dispatcher(server, clock)
    one = armed()

    answered = await stage.send(one)

    assert answered.armed is one
    assert answered.untrusted == {"content": []}
    assert answered.error is None
    assert answered.bytes_received == len('{"content":[]}')
    assert answered.seconds == 0.0
    assert server.asked == [("tools/call", {"name": "echo", "arguments": {"message": "x"}}, SECRET)]


async def test_an_error_of_the_server_is_an_answer_with_its_own_code() -> None:
    server, clock = Server(), HandClock()
    stage, route = dispatcher(server, clock, failures=1)

    answered = await stage.send(armed(name="refused"))

    assert answered.untrusted is None
    assert answered.error == RpcError(-32002, "Resource not found")
    assert not route.breakers.of(DEFAULT_TENANT).is_open


async def test_what_another_stage_kept_leads_to_no_server_of_its_own() -> None:
    old, new, one = Server(), Server(), armed()
    await dispatcher(old, HandClock())[0].send(one)
    await dispatcher(new, HandClock())[0].send(one)

    assert (len(old.asked), len(new.asked)) == (1, 1)


async def test_a_server_that_left_the_configuration_is_unreachable() -> None:
    stage, _ = dispatcher(Server(), HandClock())

    with pytest.raises(Fault) as caught:
        await stage.send(armed(server="gone"))

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert not caught.value.sent


@pytest.mark.parametrize(
    ("kind", "method", "params"),
    [
        (Kind.TOOL, "tools/call", {"name": "echo", "arguments": {"message": "x"}}),
        (Kind.PROMPT, "prompts/get", {"name": "echo", "arguments": {"message": "x"}}),
        (Kind.RESOURCE, "resources/read", {"uri": "echo"}),
        (Kind.RESOURCE_TEMPLATE, "resources/read", {"uri": "memo://filled-in"}),
    ],
)
def test_a_server_is_asked_for_its_own_name_and_hears_nothing_else(
    kind: Kind, method: str, params: dict[str, Any]
) -> None:
    assert method_and_params(validated(kind)) == (method, params)


async def test_failures_in_a_row_open_the_breaker_and_nothing_is_sent() -> None:
    server, clock = Server(), HandClock()
    stage, route = dispatcher(server, clock)
    server.failing = ConnectionResetError("gone")
    for _ in range(3):
        with pytest.raises(Fault):
            await stage.send(armed())

    with pytest.raises(Fault) as caught:
        await stage.send(armed())

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert not caught.value.sent
    assert caught.value.retry_after_seconds == 10.0
    assert len(server.asked) == 3
    assert route.breakers.of(DEFAULT_TENANT).is_open


async def test_one_tenants_failures_do_not_end_anothers_calls() -> None:
    server, clock = Server(), HandClock()
    stage, route = dispatcher(server, clock)
    server.failing = ConnectionResetError("gone")
    for _ in range(3):
        with pytest.raises(Fault):
            await stage.send(armed())
    server.failing = None

    assert route.breakers.of(DEFAULT_TENANT).is_open
    assert not route.breakers.of("another").is_open
    other = armed()
    permitted = other.admitted.validated.permitted
    principal = msgspec.structs.replace(permitted.principal, tenant="another")
    permitted = msgspec.structs.replace(permitted, principal=principal)
    validated = msgspec.structs.replace(other.admitted.validated, permitted=permitted)
    admitted = msgspec.structs.replace(other.admitted, validated=validated)
    await stage.send(msgspec.structs.replace(other, admitted=admitted))


async def test_an_answer_in_between_starts_the_count_again() -> None:
    server, clock = Server(), HandClock()
    stage, route = dispatcher(server, clock)
    for _ in range(2):
        server.failing = ConnectionResetError("gone")
        for _ in range(2):
            with pytest.raises(Fault):
                await stage.send(armed())
        server.failing = None
        await stage.send(armed())

    assert not route.breakers.of(DEFAULT_TENANT).is_open


async def test_after_the_cooldown_one_call_at_a_time_tries_and_heals() -> None:
    server, clock = Server(), HandClock()
    stage, route = dispatcher(server, clock, failures=1)
    server.failing = ConnectionResetError("gone")
    with pytest.raises(Fault):
        await stage.send(armed())
    server.failing = None
    clock.pass_seconds(10.1)
    server.gate.clear()
    probe = asyncio.create_task(stage.send(armed()))
    await asyncio.sleep(0.01)

    with pytest.raises(Fault) as caught:
        await stage.send(armed())
    server.gate.set()
    await probe
    await stage.send(armed())

    assert caught.value.retry_after_seconds == 1.0
    assert len(server.asked) == 3
    assert not route.breakers.of(DEFAULT_TENANT).is_open


async def test_a_failed_try_opens_it_again_for_the_whole_cooldown() -> None:
    server, clock = Server(), HandClock()
    stage, _ = dispatcher(server, clock, failures=1)
    server.failing = ConnectionResetError("gone")
    with pytest.raises(Fault):
        await stage.send(armed())
    clock.pass_seconds(10.1)
    with pytest.raises(Fault):
        await stage.send(armed())
    clock.pass_seconds(9.0)

    with pytest.raises(Fault) as caught:
        await stage.send(armed())

    assert len(server.asked) == 2
    assert caught.value.retry_after_seconds == pytest.approx(1.0)


@pytest.mark.parametrize(
    "ours",
    [
        Fault(Reason.INTERNAL_ERROR, "the vault"),
        Denied(Reason.NOT_PERMITTED, "no"),
        ValueError("a bug"),
    ],
)
async def test_what_the_server_did_not_cause_does_not_count(ours: Exception) -> None:
    server, clock = Server(), HandClock()
    stage, route = dispatcher(server, clock, failures=1)
    server.failing = ours

    with pytest.raises(type(ours)):
        await stage.send(armed())

    assert not route.breakers.of(DEFAULT_TENANT).is_open


async def test_a_try_that_was_cancelled_makes_room_for_the_next() -> None:
    server, clock = Server(), HandClock()
    stage, route = dispatcher(server, clock, failures=1)
    server.failing = ConnectionResetError("gone")
    with pytest.raises(Fault):
        await stage.send(armed())
    server.failing = None
    clock.pass_seconds(10.1)
    server.gate.clear()
    probe = asyncio.create_task(stage.send(armed()))
    await asyncio.sleep(0.01)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    server.gate.set()

    await stage.send(armed())

    assert not route.breakers.of(DEFAULT_TENANT).is_open


async def test_a_timeout_counts() -> None:
    server, clock = Server(), HandClock()
    stage, route = dispatcher(server, clock, failures=1)
    server.gate.clear()

    with pytest.raises(Fault) as caught:
        await stage.send(armed())

    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT
    tool = armed().admitted.validated.permitted.target.name
    assert route.breakers.of(DEFAULT_TENANT, tool).is_open
    assert not route.breakers.of(DEFAULT_TENANT).is_open


def armed_for(tool: str) -> Armed:
    other = armed()
    permitted = other.admitted.validated.permitted
    target = msgspec.structs.replace(permitted.target, name=tool)
    permitted = msgspec.structs.replace(permitted, target=target)
    validated = msgspec.structs.replace(other.admitted.validated, permitted=permitted)
    admitted = msgspec.structs.replace(other.admitted, validated=validated)
    return msgspec.structs.replace(other, admitted=admitted)


async def test_a_tool_that_never_answers_ends_no_call_of_another() -> None:
    server, clock = Server(), HandClock()
    stage, route = dispatcher(server, clock, failures=2)
    server.gate.clear()
    for _ in range(2):
        with pytest.raises(Fault):
            await stage.send(armed_for("slow"))
    server.gate.set()

    with pytest.raises(Fault) as caught:
        await stage.send(armed_for("slow"))
    assert not caught.value.sent
    await stage.send(armed_for("quick"))
    clock.pass_seconds(10.1)
    await stage.send(armed_for("slow"))
    assert not route.breakers.of(DEFAULT_TENANT, "slow").is_open


async def test_a_server_that_cannot_be_reached_is_closed_as_a_whole() -> None:
    server, clock = Server(), HandClock()
    stage, _ = dispatcher(server, clock, failures=2)
    server.failing = ConnectionResetError("gone")
    for tool in ("one", "two"):
        with pytest.raises(Fault):
            await stage.send(armed_for(tool))
    server.failing = None

    with pytest.raises(Fault) as caught:
        await stage.send(armed_for("three"))
    assert not caught.value.sent
    clock.pass_seconds(10.1)
    await stage.send(armed_for("three"))
    await stage.send(armed_for("one"))
