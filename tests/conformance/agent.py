"""Plays the agent for the client scenarios: lists everything, and uses everything that is listed.

The suite's own server sees what comes of it, and judges. Through a gate, that is what the gate's
back face sends.
"""

import asyncio
import contextlib
import json
import socketserver
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import (
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequestParams,
    ElicitResult,
    ListRootsResult,
    TextContent,
)
from pydantic import ValidationError

from tests.outside.gate import REST, Agent, Gate, running
from tests.outside.upstream import MODERN, wait_until

_CONFIGURATION: Final = """
servers: {{suite: {{url: "{url}", may_ask: [elicitation, sampling, roots]}}}}
roles: {{reader: ["suite.*:read", "suite.*:write"]}}
limits: {{breaker: {{failures: 100000}}}}
"""
_CALLING: Final = Path(__file__).with_name("calling.py")
_STUBS: Final[dict[str, Any]] = {"string": "x", "boolean": False, "object": {}, "array": []}
_SHOW_NO_TOOL: Final = ("initialize", "request-metadata", "json-schema-ref-no-deref")
"""Scenarios without tools, or without one that the gate shows: what cannot be judged is not shown."""
_CATALOGUE_SECONDS_MAX: Final = 20.0
_QUIET_SECONDS: Final = 4.0


@dataclass(frozen=True)
class Task:
    """url: of the server to use, in this scenario. version: to speak. context: what the scenario wants to be called."""

    scenario: str
    url: str
    version: str
    context: dict[str, Any]
    key: str = ""


async def sample(
    context: ClientRequestContext, params: CreateMessageRequestParams
) -> CreateMessageResult:
    return CreateMessageResult(role="assistant", content=TextContent(text="yes"), model="none")


async def elicit(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    """Fill a form in with its defaults, and agree to everything else."""
    schema: dict[str, Any] = getattr(params, "requested_schema", {})
    content: dict[str, Any] = {
        name: each.get("default", True if each.get("type") == "boolean" else None)
        for name, each in schema.get("properties", {}).items()
    }
    filled = {name: value for name, value in content.items() if value is not None}
    return ElicitResult(action="accept", content=filled)


async def roots(context: ClientRequestContext) -> ListRootsResult:
    return ListRootsResult(roots=[])


@contextlib.asynccontextmanager
async def connected(task: Task) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {task.key}"} if task.key else {}
    async with (
        create_mcp_http_client(headers=headers) as http,
        Client(
            streamable_http_client(task.url, http_client=http),
            mode="auto" if task.version == MODERN else "legacy",
            sampling_callback=sample,
            elicitation_callback=elicit,
            list_roots_callback=roots,
        ) as client,
    ):
        yield client


async def use_everything(client: Client, task: Task) -> None:
    """Call what the scenario says, or everything with what its schema requires.

    An answer that is an error, or that the SDK does not take, is the scenario's business.
    """
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    for name, arguments in _calls(tools, task.context):
        with contextlib.suppress(MCPError, ValidationError):
            await client.call_tool(name, arguments)
    if client.server_capabilities.resources:
        for resource in (await client.list_resources()).resources:
            with contextlib.suppress(MCPError):
                await client.read_resource(resource.uri)
    if client.server_capabilities.prompts:
        for prompt in (await client.list_prompts()).prompts:
            with contextlib.suppress(MCPError):
                await client.get_prompt(prompt.name)


def _calls(tools: dict[str, Any], context: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if wanted := context.get("toolCalls"):
        for call in wanted:  # a null is what "not there" looks like; a schema may not allow it
            arguments = call["arguments"].items()
            yield call["name"], {name: value for name, value in arguments if value is not None}
        return
    for name, tool in tools.items():
        schema = tool.input_schema
        properties = schema.get("properties", {})
        arguments = {
            each: _STUBS.get(properties.get(each, {}).get("type"), 1)
            for each in schema.get("required", properties)
        }
        if name == "json_schema_echo":  # to be shown what came of the other tool's schema
            arguments = {"schema": tools["json_schema_2020_12_tool"].input_schema}
        yield name, arguments


def play(task: Task) -> None:
    async def playing() -> None:
        async with connected(task) as client:
            await use_everything(client, task)

    asyncio.run(playing())


def play_through_a_gate(task: Task) -> None:
    with tempfile.TemporaryDirectory() as folder:
        gate = Gate(Path(folder), _CONFIGURATION.format(url=task.url))
        key = gate.key("agent", "reader")
        with running(gate):
            if task.scenario in _SHOW_NO_TOOL:
                time.sleep(_QUIET_SECONDS)
            else:
                wait_until(lambda: Agent(gate, key, REST).tools(), _CATALOGUE_SECONDS_MAX)
            url = f"http://127.0.0.1:{gate.port}/mcp/suite"
            play(replace(task, url=url, key=key.secret))


@contextlib.contextmanager
def waiting(player: Callable[[Task], None]) -> Iterator[str]:
    """Wait for tasks; yield the command that hands one over (see calling.py)."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                player(Task(**json.loads(self.rfile.readline())))
            except BaseException:  # noqa: BLE001 - whatever it is, the suite is to hear of it
                self.wfile.write(traceback.format_exc().encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"{sys.executable} -I {_CALLING} {server.server_address[1]}"
        finally:
            server.shutdown()
