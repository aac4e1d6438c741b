"""The transport and servers on the official SDK before version 2: HTTP with SSE, and Streamable HTTP
with questions on the stream of the session."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.stand import listens
from tests.needs import needs
from tests.outside.gate import free_port
from tests.said import Said
from tests.yett.upstreams.scene import NOBODY, make, text_of
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import Beside, Exchange, Transport, Wishes

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".peers" / "bin" / "python"
SCRIPT = ROOT / "tests" / "servers" / "sdk_of_before.py"
PATHS = {"sse": "/sse", "streamable-http": "/mcp"}

pytestmark = needs(PYTHON)


@pytest.fixture(name="server", scope="module", params=PATHS)
def _server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    port = free_port()
    command = [str(PYTHON), str(SCRIPT), request.param, str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 20.0
            while not listens(port) and time.monotonic() < until:
                time.sleep(0.05)
            yield request.param, f"http://127.0.0.1:{port}{PATHS[request.param]}"
        finally:
            process.kill()


@pytest.fixture(name="kind")
def _kind(server: tuple[str, str]) -> str:
    return server[0]


@pytest.fixture(name="transport")
async def _transport(server: tuple[str, str]) -> AsyncIterator[Transport]:
    transport = make(UpstreamConfig(name="s", url=server[1]))
    yield transport
    await transport.close()


async def use(
    transport: Transport, name: str, beside: Beside | None = None, **arguments: Any
) -> Exchange:
    return await transport.request(
        "tools/call",
        {"name": name, "arguments": arguments},
        credential=NOBODY,
        deadline_seconds=10.0,
        beside=beside,
    )


async def test_it_is_found_out_listed_and_called(transport: Transport, kind: str) -> None:
    found = await transport.discover(NOBODY)
    answers = await asyncio.gather(
        *(use(transport, "echo", message=str(number)) for number in range(50))
    )

    assert [tool["name"] for tool in found.tools] == ["echo", "steps", "roots", "log"]
    assert [resource["uri"] for resource in found.resources] == ["memo://one"]
    assert [text_of(answer) for answer in answers] == [str(number) for number in range(50)]
    assert transport.version in ("2024-11-05", "2025-11-25")


async def test_progress_is_heard(transport: Transport) -> None:
    heard = Said()

    await use(transport, "steps", Beside(progress=True, hear=heard.hear))

    assert [notice.params["progress"] for notice in heard] == [0, 1, 2]


async def test_what_it_asks_on_the_stream_of_the_session_is_answered(
    transport: Transport, kind: str
) -> None:
    async def ask(method: str, params: dict[str, Any]) -> Exchange:
        return Exchange({"roots": [{"uri": "file:///work"}]}, None, 0)

    beside = Beside(owner="ann", wishes=Wishes(b'{"roots":{}}'), ask=ask)
    offered = await use(transport, "roots", beside)
    plain = await use(transport, "roots")

    assert ("file:///work" in text_of(offered)) is (kind == "streamable-http")
    assert plain.result is not None
    assert plain.result["isError"]


async def test_what_it_logs_on_either_stream_is_heard(transport: Transport, kind: str) -> None:
    heard = Said()

    beside = Beside(owner="ann", wishes=Wishes(b'{"roots":{}}', "info"), hear=heard.hear)
    await use(transport, "log", beside)
    await asyncio.sleep(0.1)

    levels = {notice.params["level"] for notice in heard}
    assert levels == ({"warning", "info"} if kind == "streamable-http" else set())
