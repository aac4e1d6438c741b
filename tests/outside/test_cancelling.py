"""A modern agent that hangs up cancels its call, and a server of either era is told (MCP, Cancellation)."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

from tests.conformance.fixture import OneEra
from tests.outside.gate import REST, Agent, Gate, Key, meta, running
from tests.outside.sdk import serving
from tests.outside.upstream import MODERN, wait_until

ERAS = ("legacy", "modern")


@dataclass
class Place:
    gate: Gate
    key: Key
    cancelled: list[str] = field(default_factory=list)
    """Eras of the servers whose work was ended."""


def slow_server(era: str, cancelled: list[str]) -> MCPServer[None]:
    server: MCPServer[None] = MCPServer("slow")

    @server.tool()
    async def wait(context: Context) -> str:
        await context.report_progress(1, 2)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.append(era)
            raise
        return "done"

    return server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    cancelled: list[str] = []
    with contextlib.ExitStack() as stack:
        servers = {}
        for era in ERAS:
            application = slow_server(era, cancelled).streamable_http_app()
            servers[era] = {"url": stack.enter_context(serving(OneEra(application, era)))}
        grants = [f"{era}.wait:write" for era in ERAS]
        folder = tmp_path_factory.mktemp("cancelling")
        gate = Gate(folder, f"servers: {json.dumps(servers)}\nroles: {{reader: {json.dumps(grants)}}}\n")  # fmt: skip
        found = Place(gate, gate.key("agent"), cancelled)
        stack.enter_context(running(gate))
        wait_until(lambda: len(Agent(gate, found.key, REST).tools()) == len(ERAS), 15)
        yield found


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("hears", [True, False])
def test_who_hangs_up_ends_the_work(era: str, hears: bool, place: Place) -> None:  # noqa: FBT001 - a parameter of the table
    place.cancelled.clear()
    path = f"/mcp/{era}"
    params = {"name": "wait", "arguments": {}, "_meta": meta() | ({"progressToken": 1} if hears else {})}  # fmt: skip
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()  # fmt: skip
    fields = Agent(place.gate, place.key, MODERN, path).headers("tools/call", params) | {
        "Host": f"127.0.0.1:{place.gate.port}", "Authorization": f"Bearer {place.key.secret}",
        "Content-Type": "application/json", "Accept": "application/json, text/event-stream", "Content-Length": str(len(body)),
    }  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with socket.create_connection(("127.0.0.1", place.gate.port), 10) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        if hears:
            received = b""
            while b"notifications/progress" not in received:
                received += connection.recv(65536)
        else:
            time.sleep(1.0)
    wait_until(lambda: place.cancelled, 5)
    wait_until(lambda: place.gate.records("--reason", "cancelled", "--server", era), 5)
    [*_, record] = place.gate.records("--reason", "cancelled", "--server", era)

    assert place.cancelled == [era]
    assert record["status"] == "unknown"
