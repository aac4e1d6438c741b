"""The short way of a call over HTTP: it is left as soon as something of it has changed, and what comes of it is what
comes of the long way."""

import asyncio
import gc
from types import FunctionType, ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.seals import SEALER
from tests.servers.mcp_http import HttpServer, Request, Writer, result_body, whole
from tests.yett.upstreams.scene import NOBODY, call, leasing, make, reach, text_of
from tests.yett.upstreams.test_http import bearer
from tests.yett.upstreams.test_http_mirroring import answer_with_schema
from tests.yett.upstreams.test_stage import armed
from yett.core.document import encode
from yett.core.errors import Fault
from yett.core.proofs import Armed
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams import Dispatcher, ParkingLot
from yett.upstreams.build import build_route
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import Begun, Transport

ERAS = pytest.mark.parametrize("era", ["modern", "legacy"])


def begin(transport: Transport, credential: Any = NOBODY, message: str = "x") -> Begun | None:
    shortcut = transport.shortcut("echo")
    assert shortcut is not None
    return shortcut(encode({"message": message}), credential, 5.0)


async def test_nothing_is_written_at_once_before_there_is_a_session() -> None:
    async with HttpServer() as server, reach(server) as transport:
        assert begin(transport) is None
        await call(transport, message="x")
        begun = begin(transport, message="y")
        assert begun is not None
        exchange = begun.read(await begun.answer)

    assert exchange is not None
    assert text_of(exchange) == "y"


@ERAS
async def test_both_ways_send_the_same(era: str) -> None:
    credential = bearer("50%-of-%d%b%(id)b")
    async with HttpServer(era) as server, reach(server, leasing(credential)) as transport:
        for shortly in (False, True):
            await call(transport, credential=credential, message="é %d", shortly=shortly)

    one, other = server.requests[-2:]
    assert one.raw_headers == other.raw_headers
    assert list(one.message) == list(other.message)
    assert {**one.message, "id": 0} == {**other.message, "id": 0}
    assert one.message["id"] != other.message["id"]


@ERAS
async def test_the_second_answer_is_read_by_comparing(era: str) -> None:
    async with HttpServer(era) as server, reach(server) as transport:
        seen = [await call(transport, message=text) for text in ("a", "b", "c")]

    assert [(text_of(one), one.is_text) for one in seen] == [
        ("a", False),
        ("b", False),
        ("c", True),
    ]


async def test_another_secret_is_not_sent_on_the_session_of_the_one_before() -> None:
    async with HttpServer("legacy") as server, reach(server) as transport:
        for _ in range(2):
            await call(transport, credential=bearer("old-secret"), message="x")
        assert begin(transport, bearer("new-secret")) is None
        begun = begin(transport, bearer("old-secret"))  # the same by its value
        assert begun is not None
        await begun.answer


@ERAS
async def test_a_secret_that_was_replaced_is_kept_for_no_tool(era: str) -> None:
    old, new = "old-secret-7f3a", "new-secret-9b2e"
    async with HttpServer(era) as server, reach(server) as transport:
        for _ in range(2):
            await call(transport, credential=bearer(old), message="x")
        assert what_holds(transport, old)  # by the tool that is not called any more

        listed = await transport.request(
            "tools/list", {}, credential=bearer(new), deadline_seconds=5.0
        )

        assert listed.error is None
        assert what_holds(transport, old) == []
        assert what_holds(transport, new)


@ERAS
async def test_a_tool_keeps_no_secret_for_a_server_that_went_away(era: str) -> None:
    secret = bearer("old-secret-7f3a")
    async with HttpServer(era, oddity=misbehave) as server, reach(server) as transport:
        for _ in range(2):
            await call(transport, credential=secret, message="x")
        with pytest.raises(Fault):
            await call(transport, credential=secret, message="drop")
        assert "PlainCalls" not in what_holds(transport, "old-secret-7f3a")


def what_holds(start: object, secret: str) -> list[str]:
    """Which objects that can be reached from here hold the text; not by way of code and the event loop, in which
    calls under way may last."""
    passed_over = (type, ModuleType, FunctionType, asyncio.AbstractEventLoop, asyncio.Handle)
    reached, found, waiting = {id(start)}, [], [start]
    while waiting:
        holder = waiting.pop()
        for held in gc.get_referents(holder):
            text = held.reveal() if isinstance(held, Secret) else held
            if isinstance(text, bytes | str):
                if secret in (text if isinstance(text, str) else text.decode("latin-1")):
                    found.append(type(holder).__name__)
            elif id(held) not in reached and not isinstance(held, passed_over):
                reached.add(id(held))
                waiting.append(held)
    return found


@ERAS
async def test_a_session_that_is_over_is_left(era: str) -> None:
    async with HttpServer(era, oddity=misbehave) as server, reach(server) as transport:
        kept = asyncio.create_task(call(transport, message="slow", odd="wait", seconds=0.05))
        await asyncio.sleep(0.02)
        await call(transport, message="x")
        with pytest.raises(Fault):
            await call(transport, message="drop")  # the server is another one now, perhaps
        await kept  # which leaves a connection
        assert begin(transport) is None
        exchange = await call(transport, message="y")

    assert text_of(exchange) == "y"


async def test_in_another_session_answers_are_read_from_their_beginning_again() -> None:
    async with HttpServer("modern") as server, reach(server) as transport:
        for _ in range(3):
            await call(transport, credential=bearer("old-secret"), message="x")
        new = bearer("new-secret")
        seen = [await call(transport, credential=new, message=text) for text in ("a", "b", "c")]

    assert [(text_of(one), one.is_text) for one in seen] == [
        ("a", False),
        ("b", False),
        ("c", True),
    ]


async def test_a_late_answer_of_another_session_is_no_example() -> None:
    old, new = bearer("old-secret"), bearer("new-secret")
    async with HttpServer("modern") as server, reach(server) as transport:
        await asyncio.gather(call(transport, credential=old), call(transport, credential=old))
        late = asyncio.create_task(
            call(transport, credential=old, message="late", odd="wait", seconds=0.05)
        )
        await asyncio.sleep(0.01)
        await call(transport, credential=new, message="a")
        later = asyncio.create_task(
            call(transport, credential=new, message="b", odd="wait", seconds=0.1)
        )
        seen = [await late, await later, await call(transport, credential=new, message="c")]

    assert [(text_of(one), one.is_text) for one in seen] == [
        ("late", False),
        ("b", False),
        ("c", True),
    ]


async def test_a_tool_whose_arguments_are_repeated_in_headers_has_no_short_way() -> None:
    async with (
        HttpServer("modern", oddity=answer_with_schema) as server,
        reach(server) as transport,
    ):
        await call(transport, message="x")
        shortcut = transport.shortcut("echo")
        assert shortcut is not None
        begun = shortcut(b"{}", NOBODY, 5.0)
        assert begun is not None
        await begun.answer

        await transport.discover(NOBODY)  # now it is known

        assert shortcut(b"{}", NOBODY, 5.0) is None
        assert begin(transport) is None


@ERAS
async def test_who_stops_waiting_ends_the_call_at_the_server(era: str) -> None:
    asked = asyncio.Event()

    async def oddity(request: Request, _: Writer) -> bool:
        if request.message.get("params", {}).get("arguments", {}).get("message") != "slow":
            return False
        asked.set()
        return True

    async with HttpServer(era, oddity=oddity) as server, reach(server) as transport:
        await call(transport, message="x")
        waiting = asyncio.create_task(call(transport, message="slow"))
        await asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        after = await call(transport, message="next")
        await asyncio.sleep(0.02)
        slow = next(r for r in server.requests if "slow" in str(r.message))

    assert text_of(after) == "next"
    told = [r.message["params"] for r in server.requests if r.method == "notifications/cancelled"]
    expected = [slow.message["id"]] if era == "legacy" else []
    assert [params["requestId"] for params in told] == expected


# the stage


class LongWay:
    """The same transport, without its short way."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def shortcut(self, tool: str) -> None:
        """There is none."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def misbehave(request: Request, writer: Writer) -> bool:
    match request.message.get("params", {}).get("arguments", {}).get("message"):
        case "drop":
            writer.transport.abort()
        case "break":
            writer.write(whole(b"{}"))
        case "cut":
            writer.write(whole(result_body(request))[:-5])
            await writer.drain()
            writer.transport.close()
        case "error":
            body = b'{"jsonrpc":"2.0","id":%d,"error":{"code":-32000,"message":"no"}}'
            writer.write(whole(body % request.message["id"]))
        case "forget":
            writer.write(whole(b"", 404, None))
        case _:
            return False
    return True


STEPS = st.lists(
    st.sampled_from(["well", "well", "drop", "break", "cut", "error", "forget", "wait"]), max_size=8
)


async def outcomes(steps: list[str], era: str, *, shortly: bool) -> Any:
    """Return what came of each step, whether the breakers let the next one through, and what the server was asked."""
    seen: list[Any] = []
    clock = HandClock()
    async with HttpServer(era, oddity=misbehave) as server:
        config = UpstreamConfig(
            name="s",
            url=server.url,
            timeout_seconds=2.0,
            breaker_failures=2,
            breaker_cooldown_seconds=10.0,
        )
        transport = make(config)
        route = build_route(config, transport if shortly else LongWay(transport), clock)
        stage, one = Dispatcher({"s": route}, clock, ParkingLot(), SEALER), armed()
        for step in ["well", *steps]:
            if step == "wait":
                clock.pass_seconds(11.0)
                continue
            seen.append(await outcome(stage, saying(one, step)))
            await asyncio.sleep(0.002)  # what was dropped is seen to be
        await transport.close()
        return seen, len(route.breakers.failing), server.methods.count("tools/call")


async def outcome(stage: Dispatcher, one: Armed) -> Any:
    try:
        answered = await stage.send(one)
    except Fault as fault:
        return fault.reason, fault.sent, fault.private, fault.retry_after_seconds
    return answered.untrusted, answered.error


def saying(one: Armed, message: str, **more: Any) -> Armed:
    """Return the same call, from the same standing, with other arguments."""
    arguments = {"message": message, **more}
    validated = msgspec.structs.replace(
        one.admitted.validated, arguments=arguments, encoded=encode(arguments)
    )
    return Armed(msgspec.structs.replace(one.admitted, validated=validated), NOBODY)


@settings(max_examples=30, deadline=None)
@given(steps=STEPS, era=st.sampled_from(["modern", "legacy"]))
def test_whatever_a_server_does_both_ways_end_alike(steps: list[str], era: str) -> None:
    short, long = (asyncio.run(outcomes(steps, era, shortly=how)) for how in (True, False))

    assert short == long


@pytest.mark.parametrize("shortly", [True, False])
async def test_an_answer_that_comes_after_a_failure_heals_it(*, shortly: bool) -> None:
    async with HttpServer(oddity=misbehave) as server:
        config = UpstreamConfig(name="s", url=server.url, timeout_seconds=2.0, breaker_failures=2)
        transport = make(config)
        route = build_route(config, transport if shortly else LongWay(transport), HandClock())
        stage, one = Dispatcher({"s": route}, HandClock(), ParkingLot(), SEALER), armed()
        await asyncio.gather(*(stage.send(saying(one, "well")) for _ in range(2)))
        for _ in range(2):
            slow = saying(one, "well", odd="wait", seconds=0.05)
            waiting = asyncio.create_task(stage.send(slow))
            await asyncio.sleep(0.01)
            with pytest.raises(Fault):
                await stage.send(saying(one, "break"))
            assert route.breakers.failing
            await waiting
            assert not route.breakers.failing
        await transport.close()


async def test_failures_in_the_short_way_open_the_breaker_and_an_answer_heals_it() -> None:
    steps = ["well", "break", "break", "well", "wait", "well", "well"]

    seen, failing, asked = await outcomes(steps, "modern", shortly=True)

    refused = [one[0] for one in seen if isinstance(one[0], Reason)]
    assert refused == [
        Reason.UPSTREAM_INVALID, Reason.UPSTREAM_INVALID, Reason.UPSTREAM_UNREACHABLE,
    ]  # fmt: skip
    assert failing == 0
    assert asked == len(seen) - 1
