"""Attacks on who watches resources, by others who do: a server has one subscription for all of them (MCP
2026-07-28, Subscriptions), and some refuse the whole of it for one URI that a caller made up."""

import asyncio
from collections.abc import Callable

from tests.servers.mcp_http import LISTENING, HttpServer, Request, Writer, whole
from tests.yett.upstreams.scene import NOBODY, reach
from yett.upstreams.port import Exchange, Transport

UPDATED = "notifications/resources/updated"


async def until(condition: Callable[[], object], seconds: float = 3.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def watch(transport: Transport, uri: str) -> Exchange:
    return await transport.watch(uri, credential=NOBODY, deadline_seconds=3.0)


async def test_a_uri_that_a_server_refuses_ends_nobody_elses_subscription() -> None:
    async def oddity(request: Request, writer: Writer) -> bool:
        filter_ = request.message["params"].get("notifications", {})
        if request.method != LISTENING or "memo://bad" not in filter_.get(
            "resourceSubscriptions", ()
        ):
            return False
        body = b'{"jsonrpc":"2.0","id":%d,"error":{"code":-32602,"message":"no such resource"}}'
        writer.write(whole(body % request.message["id"], 400))
        return True

    server = HttpServer("modern", announces=True, oddity=oddity)
    async with server, reach(server) as transport:
        heard: list[str] = []
        transport.on_updated = heard.append
        assert (await watch(transport, "memo://one")).error is None
        for _ in range(3):
            assert (await watch(transport, "memo://bad")).error is not None
        await asyncio.sleep(0.3)
        alive = [writer for writer in server.ears if not writer.transport.is_closing()]
        server.tell(UPDATED, uri="memo://one")
        await until(lambda: heard)
        other = await watch(transport, "memo://two")

    assert len(alive) == 1
    assert heard == ["memo://one"]
    assert other.error is None
