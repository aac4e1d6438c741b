"""The transport and a server on the official SDK, in either era, without a gate between them."""

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.conformance.stand import fixture
from tests.outside.gate import ROOT, free_port
from tests.said import Said
from tests.yett.upstreams.asked import answer, use
from tests.yett.upstreams.scene import NOBODY, make, text_of
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import Beside, Era, Transport, Wishes

EVERYTHING = Wishes(b'{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}},"roots":{}}')


@pytest.fixture(name="server", scope="module", params=["legacy", "modern"])
def _server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    with fixture(request.param) as port:
        yield request.param, f"http://127.0.0.1:{port}/mcp"


@pytest.fixture(name="era")
def _era(server: tuple[str, str]) -> str:
    return server[0]


@pytest.fixture(name="transport")
async def _transport(server: tuple[str, str]) -> AsyncIterator[Transport]:
    transport = make(UpstreamConfig(name="s", url=server[1]))
    yield transport
    await transport.close()


ASKED = Beside(wishes=EVERYTHING, ask=answer)


async def test_its_era_is_found_out(transport: Transport, era: str) -> None:
    found = await transport.discover(NOBODY)

    assert transport.era is Era(era)
    assert len(found.tools) > 20


async def test_progress_is_heard(transport: Transport) -> None:
    found = Said()

    beside = Beside(progress=True, hear=found.hear)
    exchange = await use(transport, "test_tool_with_progress", beside)

    assert text_of(exchange) == "went from 0 to 100"
    assert [notice.params["progress"] for notice in found] == [0, 50, 100]


@pytest.mark.parametrize(("level", "expected"), [("info", 3), ("error", 0)])
async def test_messages_are_heard(transport: Transport, level: str, expected: int) -> None:
    found = Said()

    beside = Beside(wishes=Wishes(b"{}", level), hear=found.hear)
    await use(transport, "test_tool_with_logging", beside)

    assert len(found) == expected


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("test_elicitation", {"message": "Sure?"}, "action=accept"),
        ("test_sampling", {"prompt": "Capital of France?"}, "LLM response: Paris"),
        ("test_input_required_result_list_roots", {}, "Roots: file:///work"),
        ("test_input_required_result_multiple_inputs", {}, "three answers"),
    ],
)
async def test_it_may_ask_what_was_offered(
    transport: Transport, tool: str, arguments: dict[str, Any], said: str
) -> None:
    exchange = await use(transport, tool, ASKED, **arguments)

    assert said in text_of(exchange), json.dumps(exchange.result)


async def test_what_was_not_offered_is_not_asked(transport: Transport) -> None:
    tool = "test_input_required_result_capabilities"

    assert text_of(await use(transport, tool, Beside(progress=True))) == "nothing may be asked"
    assert text_of(await use(transport, tool, ASKED)) == "answered"


async def test_a_stream_that_it_closes_in_the_middle_is_continued(
    transport: Transport,
) -> None:
    plain = await transport.request(
        "tools/call",
        {"name": "test_reconnection", "arguments": {}},
        credential=NOBODY,
        deadline_seconds=10.0,
    )
    beside = await use(transport, "test_reconnection", ASKED)

    assert text_of(plain) == text_of(beside) == "said after the stream was closed"


async def test_a_changed_list_is_heard_of(transport: Transport) -> None:
    changed = asyncio.Event()
    await transport.discover(NOBODY)
    await asyncio.sleep(0.3)
    transport.on_changed = changed.set

    await use(transport, "test_trigger_tool_change", Beside())

    await asyncio.wait_for(changed.wait(), 3.0)


async def test_an_argument_is_repeated_where_it_wants_it(transport: Transport) -> None:
    await transport.discover(NOBODY)

    exchange = await use(transport, "test_mirrored_argument", Beside(), region="süd")

    assert text_of(exchange) == "region: süd"


async def test_a_resource_can_be_watched(transport: Transport) -> None:
    exchange = await transport.watch(
        "test://watched-resource", credential=NOBODY, deadline_seconds=5.0
    )
    transport.unwatch("test://watched-resource")

    assert exchange.error is None


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_a_watched_resource_that_changes_is_told_of(era: str) -> None:
    port = free_port()
    command = [sys.executable, "-m", "tests.servers.sdk_watched", era, str(port)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    transport = make(UpstreamConfig(name="s", url=f"http://127.0.0.1:{port}/mcp"))
    told: asyncio.Queue[str] = asyncio.Queue()
    transport.on_updated = told.put_nowait
    try:
        async with asyncio.timeout(20.0):
            while not listens(port):
                await asyncio.sleep(0.05)
        await use(transport, "touch", Beside())
        exchange = await transport.watch("memo://one", credential=NOBODY, deadline_seconds=5.0)
        await asyncio.sleep(0.3)
        before = told.qsize()
        await use(transport, "touch", Beside())
        uri = await asyncio.wait_for(told.get(), 3.0)
        transport.unwatch("memo://one")
        await asyncio.sleep(0.3)
        await use(transport, "touch", Beside())
        await asyncio.sleep(0.3)
    finally:
        await transport.close()
        process.kill()
        await process.wait()

    assert exchange.error is None
    assert (before, uri, told.qsize()) == (0, "memo://one", 0)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
