"""Plays the agent for the client scenarios: lists everything, and uses everything that is listed.

    python -m tests.conformance.agent [--through-a-gate] URL

The suite starts it with the address of its own server, and judges what that server gets to see.
Through a gate, that is what the gate's back face sends.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
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
_STUBS: Final[dict[str, Any]] = {"string": "x", "boolean": False, "object": {}, "array": []}
_CATALOGUE_SECONDS_MAX: Final = 3.0


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
async def connected(url: str, key: str | None) -> AsyncIterator[Client]:
    version = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", MODERN)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        create_mcp_http_client(headers=headers) as http,
        Client(
            streamable_http_client(url, http_client=http),
            mode="auto" if version == MODERN else "legacy",
            sampling_callback=sample,
            elicitation_callback=elicit,
            list_roots_callback=roots,
        ) as client,
    ):
        yield client


async def use_everything(client: Client) -> None:
    """Call what the scenario says, or everything with what its schema requires.

    An answer that is an error, or that the SDK does not take, is the scenario's business.
    """
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    for name, arguments in _calls(tools):
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


def _calls(tools: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
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


async def play(url: str, key: str | None = None) -> None:
    async with connected(url, key) as client:
        await use_everything(client)


def through_a_gate(url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        gate = Gate(Path(folder), _CONFIGURATION.format(url=url))
        key = gate.key("agent", "reader")
        with running(gate):
            with contextlib.suppress(AssertionError):  # a server may have nothing to show
                wait_until(lambda: Agent(gate, key, REST).tools(), _CATALOGUE_SECONDS_MAX)
            asyncio.run(play(f"http://127.0.0.1:{gate.port}/mcp/suite", key.secret))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--through-a-gate", action="store_true")
    chosen = parser.parse_args()
    if chosen.through_a_gate:
        through_a_gate(chosen.url)
    else:
        asyncio.run(play(chosen.url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
