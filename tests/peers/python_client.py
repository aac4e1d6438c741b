"""One visit of the official Python SDK's client, in this process. Order and account: see visit.py."""

import asyncio
import warnings
from collections.abc import Awaitable, Callable
from typing import Any, Final

from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import (
    CreateMessageResult,
    ElicitResult,
    ListRootsResult,
    PromptReference,
    ResourceTemplateReference,
)
from pydantic import BaseModel

_ANSWERS: Final[dict[str, tuple[str, str, type[BaseModel]]]] = {
    "elicitation": ("elicitation_callback", "elicitation/create", ElicitResult),
    "sampling": ("sampling_callback", "sampling/createMessage", CreateMessageResult),
    "roots": ("list_roots_callback", "roots/list", ListRootsResult),
}


def plain(found: Any) -> Any:
    """As it is on the wire."""
    if isinstance(found, BaseModel):
        return found.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


async def visit(order: dict[str, Any]) -> dict[str, Any]:
    account: dict[str, Any] = {
        "version": "", "outcomes": [], "progress": [], "notifications": [], "asked": [], "complaints": [],
    }  # fmt: skip

    async def heard(message: Any) -> None:
        if isinstance(message, Exception):
            account["complaints"].append(str(message))
        elif isinstance(message, BaseModel):
            account["notifications"].append({"params": {}, **plain(message)})

    callbacks: dict[str, Any] = {
        _ANSWERS[kind][0]: _answering(kind, found, account["asked"])
        for kind, found in order["answers"].items()
    }
    headers = {"Authorization": f"Bearer {order['key']}"}
    async with (
        create_mcp_http_client(headers=headers) as http,
        Client(
            streamable_http_client(order["url"], http_client=http),
            mode=order["mode"],
            message_handler=heard,
            read_timeout_seconds=20,
            **callbacks,
        ) as client,
    ):
        account["version"] = client.protocol_version
        for step in order["steps"]:
            account["outcomes"].append(await _take(client, step, account))
    return account


def _answering(
    kind: str, found: dict[str, Any], asked: list[Any]
) -> Callable[..., Awaitable[BaseModel]]:
    _, method, model = _ANSWERS[kind]

    async def answer(_context: Any, params: Any = None) -> BaseModel:
        asked.append({"method": method, "params": plain(params) or {}})
        return model.model_validate(found)

    return answer


async def _take(client: Client, step: dict[str, Any], account: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(step.get("pause", 0))
    try:
        return {"result": plain(await _ask(client, step, account))}
    except MCPError as error:
        return {"error": plain(error.error)}


async def _ask(client: Client, step: dict[str, Any], account: dict[str, Any]) -> Any:
    async def progressed(progress: float, total: float | None, message: str | None) -> None:
        found = {"progress": progress, "total": total, "message": message}
        account["progress"].append(
            {name: value for name, value in found.items() if value is not None}
        )

    params = step["params"]
    match step["method"]:
        case "tools/list":
            return await client.list_tools(**params)
        case "tools/call":
            told = progressed if step.get("progress") else None
            return await client.call_tool(
                params["name"], params["arguments"], progress_callback=told
            )
        case "resources/list":
            return await client.list_resources(**params)
        case "resources/templates/list":
            return await client.list_resource_templates(**params)
        case "resources/read":
            return await client.read_resource(**params)
        case "prompts/list":
            return await client.list_prompts(**params)
        case "prompts/get":
            return await client.get_prompt(**params)
        case method:
            return await _ask_more(client, method, params)


async def _ask_more(client: Client, method: str, params: dict[str, Any]) -> Any:
    match method:
        case "completion/complete":
            of_prompt = params["ref"]["type"] == "ref/prompt"
            kind = PromptReference if of_prompt else ResourceTemplateReference
            reference = kind.model_validate(params["ref"])
            context = params.get("context", {}).get("arguments")
            return await client.complete(reference, params["argument"], context_arguments=context)
        case "resources/subscribe" | "resources/unsubscribe" | "logging/setLevel" | "ping":
            return await _ask_old(client, method, params)
        case _:
            raise AssertionError(method)


async def _ask_old(client: Client, method: str, params: dict[str, Any]) -> Any:
    """What the newest version has no more, and the client warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        match method:
            case "resources/subscribe":
                return await client.subscribe_resource(**params)
            case "resources/unsubscribe":
                return await client.unsubscribe_resource(**params)
            case "logging/setLevel":
                return await client.set_logging_level(**params)
            case _:
                return await client.send_ping()
