"""The official client listens through the gate to servers on the official SDK (MCP 2026-07-28)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import Subscription
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.subscriptions import ResourceUpdated, ServerEvent, ToolsListChanged
from mcp_types import TextContent

from tests.outside.gate import REST, Agent, Gate, Key, running
from tests.outside.sdk import serving
from tests.outside.upstream import MODERN, wait_until

ALL = "yett://shelf/shelf%3A%2F%2Fall"
OTHER = "yett://shelf/shelf%3A%2F%2Fother"


def shelf_server() -> MCPServer[Any]:
    """Its resources and its list of tools change when it is told to."""
    server: MCPServer[Any] = MCPServer("shelf")

    @server.resource("shelf://all")
    def shelf() -> str:
        return "all books"

    @server.resource("shelf://other")
    def other() -> str:
        return "the others"

    @server.tool()
    async def touch(uri: str, context: Context) -> str:
        await context.notify_resource_updated(uri)
        return "touched"

    @server.tool()
    async def change(context: Context) -> str:
        await context.notify_tools_changed()
        return "changed"

    @server.tool()
    async def work(steps: int, context: Context) -> str:
        for step in range(steps):
            await context.report_progress(step + 1, steps, f"step {step + 1}")
        return "done"

    return server


@dataclass
class Place:
    gate: Gate
    key: Key
    url: str

    def configure(self, *grants: str, more: str = "") -> None:
        shown = ", ".join(f'"{grant}"' for grant in grants)
        self.gate.configure(f"servers:\n  shelf: {{url: {self.url}{more}}}\nroles: {{reader: [{shown}]}}\n")  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with standing(tmp_path_factory.mktemp("listening")) as found:
        yield found


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[Place]:
    """A place of one's own, to be configured anew."""
    with standing(tmp_path) as found:
        yield found


@contextlib.contextmanager
def standing(folder: Path) -> Iterator[Place]:
    with serving(shelf_server().streamable_http_app(stateless_http=True)) as url:
        found = Place(Gate(folder, "servers: {}\n"), Key("", "", ""), url)
        found.configure("shelf.*:read", "shelf.*:write")
        found.key = found.gate.key("agent")
        with running(found.gate):
            wait_until(lambda: Agent(found.gate, found.key, REST).tools(), 15)
            yield found


@contextlib.asynccontextmanager
async def client(place: Place) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {place.key.secret}"}
    url = f"http://127.0.0.1:{place.gate.port}/mcp"
    async with (
        create_mcp_http_client(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=MODERN) as opened,
    ):
        yield opened


async def sees(condition: Callable[[], object]) -> None:
    """Wait beside the loop, which has streams to read."""
    await asyncio.to_thread(wait_until, condition, 20.0, each=0.5)


async def next_of(subscription: Subscription, seconds: float = 10.0) -> ServerEvent:
    async with asyncio.timeout(seconds):
        return await anext(aiter(subscription))


async def test_the_official_client_hears_what_it_asked_for(place: Place) -> None:
    async with (
        client(place) as agent,
        agent.listen(tools_list_changed=True, resource_subscriptions=[ALL]) as subscription,
    ):
        await agent.call_tool("shelf__touch", {"uri": "shelf://other"})
        await agent.call_tool("shelf__touch", {"uri": "shelf://all"})
        updated = await next_of(subscription)
        await agent.call_tool("shelf__change", {})
        changed = await next_of(subscription)

    assert updated == ResourceUpdated(uri=ALL)
    assert isinstance(changed, ToolsListChanged)


async def test_two_listeners_hear_their_own_and_one_who_leaves_takes_nothing_along(
    place: Place,
) -> None:
    async with (
        client(place) as first,
        client(place) as second,
        second.listen(resource_subscriptions=[ALL, OTHER]) as staying,
    ):
        async with first.listen(resource_subscriptions=[ALL]) as leaving:
            await first.call_tool("shelf__touch", {"uri": "shelf://all"})
            heard = [await next_of(leaving), await next_of(staying)]
        await asyncio.sleep(0.5)
        await second.call_tool("shelf__touch", {"uri": "shelf://other"})
        later = await next_of(staying)

    assert heard == [ResourceUpdated(uri=ALL)] * 2
    assert later == ResourceUpdated(uri=OTHER)


async def test_a_grant_that_is_taken_away_ends_what_is_heard(changing: Place) -> None:
    async with (
        client(changing) as agent,
        agent.listen(resource_subscriptions=[ALL]) as subscription,
    ):
        changing.configure("shelf.touch:write")
        await sees(lambda: changing.gate.records("--text", "resources/subscribe", "--decision", "denied"))  # fmt: skip
        await agent.call_tool("shelf__touch", {"uri": "shelf://all"})
        with pytest.raises(TimeoutError):
            await next_of(subscription, 2.0)


async def test_a_listener_outlives_the_connection_to_its_server(changing: Place) -> None:
    async with (
        client(changing) as agent,
        agent.listen(resource_subscriptions=[ALL]) as subscription,
    ):
        changing.configure("shelf.*:read", "shelf.*:write", more=", timeout: 20s")
        await sees(lambda: changing.gate.events("configuration.reloaded"))
        missed = await next_of(subscription, 15)  # nobody looked for a while
        await asyncio.sleep(1)
        await agent.call_tool("shelf__touch", {"uri": "shelf://all"})
        heard = await next_of(subscription)

    assert missed == heard == ResourceUpdated(uri=ALL)


async def test_progress_comes_while_the_call_is_under_way(place: Place) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))

    async with client(place) as agent:
        result = await agent.call_tool("shelf__work", {"steps": 3}, progress_callback=hear)
        again = await agent.call_tool("shelf__work", {"steps": 2})
    [block] = result.content

    assert isinstance(block, TextContent)
    assert block.text == "done"
    assert heard == [(1, 3, "step 1"), (2, 3, "step 2"), (3, 3, "step 3")]
    assert not again.is_error


async def test_who_may_not_call_may_not_listen(place: Place) -> None:
    stranger = Place(place.gate, Key("x", "x", "yett_live_no"), place.url)
    with pytest.raises((MCPError, ExceptionGroup)):
        async with client(stranger) as agent, agent.listen(tools_list_changed=True):
            pass
