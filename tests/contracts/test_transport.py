"""What every `Transport` must do. A new backend is added to BACKENDS and to nothing else."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers.mcp_answers import PROMPTS, RESOURCES, TEMPLATES, TOOLS, Refused, answer
from tests.servers.mcp_http import HttpServer, Request, Writer, chunk, whole
from tests.servers.mcp_old_http import OldServer
from tests.yett.upstreams.scene import lease_nothing
from yett.core.call import RpcError
from yett.core.document import encode
from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams.backends.memory import MemoryTransport
from yett.upstreams.build import build
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import Beside, Era, Exchange, Transport, Wishes
from yett.upstreams.rpc import InvalidAnswer

SERVER = Path(__file__).parents[1] / "servers" / "mcp_stdio.py"
NOBODY = Credential()


async def no_secrets() -> dict[str, Secret]:
    return {}


def build_for_test(config: UpstreamConfig) -> Transport:
    async def command() -> tuple[str, ...]:
        return config.command

    def no_tls() -> Any:
        raise AssertionError("no TLS here")

    return build(
        config,
        command=command,
        environment=no_secrets,
        lease=lease_nothing,
        base_environment={"PATH": os.environ["PATH"]},
        ssl_context_factory=no_tls,
    )


@asynccontextmanager
async def memory() -> AsyncIterator[Transport]:
    async def reply(
        method: str, params: dict[str, Any], credential: Credential
    ) -> dict[str, Any] | RpcError:
        arguments = params.get("arguments") or {}
        match arguments.get("odd"):
            case "wait":
                await asyncio.sleep(float(arguments["seconds"]))
            case "die":
                raise ConnectionResetError("gone")
            case "raw":
                raise InvalidAnswer("broken")
            case _:
                pass
        try:
            return answer(method, params, modern=True)
        except Refused as refused:
            return RpcError(refused.code, str(refused), refused.data)

    yield MemoryTransport(reply)


def stdio(era: str) -> Callable[[], AbstractAsyncContextManager[Transport]]:
    @asynccontextmanager
    async def make() -> AsyncIterator[Transport]:
        yield build_for_test(UpstreamConfig(name="s", command=(sys.executable, str(SERVER), era)))

    return make


def http(era: str, *, stream: bool) -> Callable[[], AbstractAsyncContextManager[Transport]]:
    @asynccontextmanager
    async def make() -> AsyncIterator[Transport]:
        async def oddity(request: Request, writer: Writer) -> bool:
            arguments = request.message.get("params", {}).get("arguments") or {}
            if arguments.get("odd") == "die":
                writer.transport.abort()
                return True
            if arguments.get("odd") == "raw":
                writer.write(whole(arguments["bytes"].encode()))
                return True
            return False

        async with HttpServer(era, stream=stream, oddity=oddity) as server:
            yield build_for_test(UpstreamConfig(name="s", url=server.url))

    return make


@asynccontextmanager
async def old_http() -> AsyncIterator[Transport]:
    async def oddity(request: Request, writer: Writer) -> bool:
        arguments = request.message.get("params", {}).get("arguments") or {}
        if arguments.get("odd") == "die":
            old.streams[-1].transport.abort()
        elif arguments.get("odd") == "raw":
            old.streams[-1].write(chunk(b"data: " + arguments["bytes"].encode() + b"\n\n"))
        else:
            return False
        return True

    old = OldServer(oddity=oddity)
    async with old.server as server:
        yield build_for_test(UpstreamConfig(name="s", url=server.url))


BACKENDS = {
    "memory": memory,
    "stdio-legacy": stdio("legacy"),
    "stdio-modern": stdio("modern"),
    "http-legacy": http("legacy", stream=False),
    "http-legacy-stream": http("legacy", stream=True),
    "http-modern": http("modern", stream=False),
    "http-modern-stream": http("modern", stream=True),
    "http-old": old_http,
}


@pytest.fixture(params=BACKENDS, name="transport")
async def _transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    async with BACKENDS[request.param]() as transport:
        yield transport
        await transport.close()


async def call(
    transport: Transport,
    *,
    deadline: float = 5.0,
    beside: Beside | None = None,
    **arguments: object,
) -> Exchange:
    if beside is None:
        return await transport.call("echo", encode(dict(arguments)), NOBODY, deadline)
    return await transport.request(
        "tools/call",
        {"name": "echo", "arguments": dict(arguments)},
        credential=NOBODY,
        deadline_seconds=deadline,
        beside=beside,
    )


def text_of(exchange: Exchange) -> str:
    assert exchange.result is not None
    return str(exchange.result["content"][0]["text"])


async def test_a_call_returns_what_the_server_answered(transport: Transport) -> None:
    exchange = await call(transport, message="héllo ☃")

    assert text_of(exchange) == "héllo ☃"
    assert exchange.error is None
    assert exchange.bytes_received > 20


async def test_a_call_is_a_request_and_its_bytes_are_those_of_its_result(
    transport: Transport,
) -> None:
    arguments = {"message": 'he said "resultType":"complete" \\ \u0000 ☃', "n": [1, -0.5, None]}
    params = {"name": "echo", "arguments": arguments}

    asked = await transport.request("tools/call", params, credential=NOBODY, deadline_seconds=5.0)
    called = await transport.call("echo", encode(arguments), NOBODY, 5.0)

    assert called.result == asked.result
    assert called.encoded in (b"", encode(called.result))


async def test_resources_and_prompts_are_answered_too(transport: Transport) -> None:
    read = await transport.request(
        "resources/read", {"uri": "memo://ü"}, credential=NOBODY, deadline_seconds=5.0
    )
    prompt = await transport.request(
        "prompts/get",
        {"name": "greet", "arguments": {}},
        credential=NOBODY,
        deadline_seconds=5.0,
    )

    assert read.result is not None
    assert read.result["contents"][0]["uri"] == "memo://ü"
    assert prompt.result is not None
    assert prompt.result["messages"][0]["content"]["text"] == "greet"


async def test_an_error_of_the_server_keeps_its_code_text_and_data(transport: Transport) -> None:
    exchange = await transport.request(
        "tools/call",
        {"name": "absent", "arguments": {}},
        credential=NOBODY,
        deadline_seconds=5.0,
    )

    assert exchange.result is None
    assert exchange.error == RpcError(-32602, "Unknown tool: absent", {"tool": "absent"})


async def test_discovery_returns_every_page_of_every_list(transport: Transport) -> None:
    found = await transport.discover(NOBODY)

    assert found.tools == tuple(TOOLS)
    assert found.prompts == tuple(PROMPTS)
    assert found.resources == tuple(RESOURCES)
    assert found.resource_templates == tuple(TEMPLATES)


async def test_the_era_is_known_after_the_first_contact(transport: Transport) -> None:
    before = transport.era, transport.version
    await call(transport, message="x")

    assert before == (None, None)
    assert (transport.era, transport.version) in (
        (Era.LEGACY, "2024-11-05"),
        (Era.LEGACY, "2025-11-25"),
        (Era.MODERN, "2026-07-28"),
    )


async def test_last_words_can_be_asked_for_at_any_time(transport: Transport) -> None:
    before = transport.last_words()
    await call(transport, message="x")

    assert before == ()
    assert all(word.isprintable() for word in transport.last_words())


async def test_two_hundred_calls_at_once_get_their_own_answers(transport: Transport) -> None:
    canaries = [f"canary-{number}" for number in range(200)]

    answers = await asyncio.gather(*(call(transport, message=canary) for canary in canaries))

    assert [text_of(exchange) for exchange in answers] == canaries


async def test_an_answer_that_comes_too_late_is_a_timeout_and_goes_to_nobody(
    transport: Transport,
) -> None:
    await call(transport, message="warm")
    began = asyncio.get_running_loop().time()

    with pytest.raises(Fault) as caught:
        await call(transport, deadline=0.1, message="late", odd="wait", seconds=0.3)
    took = asyncio.get_running_loop().time() - began
    after = await call(transport, message="next")

    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT
    assert caught.value.sent
    assert took < 0.5
    assert text_of(after) == "next"


async def test_a_server_that_dies_with_the_call_leaves_its_outcome_unknown(
    transport: Transport,
) -> None:
    await call(transport, message="warm")

    with pytest.raises(Fault) as caught:
        await call(transport, odd="die")
    after = await call(transport, message="again")

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert caught.value.sent
    assert text_of(after) == "again"


async def test_an_answer_that_is_not_json_is_invalid_and_the_next_call_is_fine(
    transport: Transport,
) -> None:
    await call(transport, message="warm")

    with pytest.raises(Fault) as caught:
        await call(transport, odd="raw", bytes='{"jsonrpc":"2.0","id":1,"result":{}\n')
    after = await call(transport, message="again")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert caught.value.sent
    assert text_of(after) == "again"


async def test_a_caller_who_hangs_up_harms_no_other(transport: Transport) -> None:
    await call(transport, message="warm")
    waiting = asyncio.create_task(call(transport, message="never", odd="wait", seconds=0.2))
    await asyncio.sleep(0.02)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert text_of(await call(transport, message="mine")) == "mine"


BESIDES = {
    "progress": Beside(progress=True),
    "messages": Beside(owner="ann", wishes=Wishes(b"{}", "debug")),
    "questions": Beside(owner="ann", wishes=Wishes(b'{"elicitation":{}}')),
}


@pytest.mark.parametrize("beside", BESIDES.values(), ids=BESIDES)
async def test_what_passes_beside_a_call_does_not_change_its_answer(
    transport: Transport, beside: Beside
) -> None:
    first = await call(transport, beside=beside, message="x", deadline=15.0)
    plain = await call(transport, message="y")
    second = await call(transport, beside=beside, message="z", deadline=15.0)

    assert [text_of(exchange) for exchange in (first, plain, second)] == ["x", "y", "z"]


@pytest.mark.parametrize("beside", BESIDES.values(), ids=BESIDES)
async def test_many_calls_beside_which_something_passes_get_their_own_answers(
    transport: Transport, beside: Beside
) -> None:
    canaries = [f"canary-{number}" for number in range(20)]

    answers = await asyncio.gather(
        *(call(transport, beside=beside, message=canary, deadline=30.0) for canary in canaries)
    )

    assert [text_of(exchange) for exchange in answers] == canaries


@pytest.mark.parametrize("beside", BESIDES.values(), ids=BESIDES)
async def test_a_call_beside_which_something_passes_ends_in_time_and_harms_no_other(
    transport: Transport, beside: Beside
) -> None:
    await call(transport, beside=beside, message="warm", deadline=15.0)

    with pytest.raises(Fault) as caught:
        await call(transport, deadline=0.2, beside=beside, message="late", odd="wait", seconds=0.5)
    hung_up = asyncio.create_task(
        call(transport, beside=beside, message="gone", odd="wait", seconds=0.3)
    )
    await asyncio.sleep(0.05)
    hung_up.cancel()
    await asyncio.wait({hung_up})
    after = await call(transport, beside=beside, message="next", deadline=15.0)

    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT
    assert caught.value.sent
    assert text_of(after) == "next"


async def test_what_is_watched_can_be_let_go_of_and_what_is_not_as_well(
    transport: Transport,
) -> None:
    uri = "memo://one"
    first, second = await asyncio.gather(
        *(transport.watch(uri, credential=NOBODY, deadline_seconds=15.0) for _ in range(2))
    )
    for _ in range(3):
        transport.unwatch(uri)
    transport.unwatch("memo://never")

    assert (first.error is None) == (second.error is None)
    assert text_of(await call(transport, message="x")) == "x"


async def test_last_words_never_hold_a_control_character(transport: Transport) -> None:
    await call(transport, message="x")

    assert all(line.isprintable() for line in transport.last_words())


async def test_a_closed_transport_sends_nothing(transport: Transport) -> None:
    await transport.close()
    await transport.close()

    with pytest.raises(Fault) as caught:
        await call(transport, message="x")
    for beside in BESIDES.values():
        with pytest.raises(Fault):
            await call(transport, beside=beside, message="x")
    with pytest.raises(Fault):
        await transport.watch("memo://one", credential=NOBODY, deadline_seconds=1.0)
    transport.unwatch("memo://one")

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert not caught.value.sent
