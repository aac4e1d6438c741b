"""A server on the official SDK whose resource changes when a tool is called: `legacy|modern PORT`."""

import sys
import warnings
from typing import Any

import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import (
    CallToolRequestParams,
    PaginatedRequestParams,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    UnsubscribeRequestParams,
)

from tests.conformance.fixture import OneEra

Context = ServerRequestContext[Any, Any]
BUS = InMemorySubscriptionBus()
URI = "memo://one"


async def tools(_: Context, __: PaginatedRequestParams) -> dict[str, Any]:
    return complete({"tools": [{"name": "touch", "inputSchema": {"type": "object"}}]})


async def resources(_: Context, __: PaginatedRequestParams) -> dict[str, Any]:
    return complete({"resources": [{"uri": URI, "name": "one"}]})


async def touch(context: Context, _: CallToolRequestParams) -> dict[str, Any]:
    await context.session.send_resource_updated(URI)
    await BUS.publish(ResourceUpdated(URI))
    return complete({"content": [{"type": "text", "text": "touched"}]})


async def nothing(_: Context, __: Any) -> dict[str, Any]:
    return {}


def complete(result: dict[str, Any]) -> dict[str, Any]:
    hints = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    return result | hints if sys.argv[1] == "modern" else result


def main() -> None:
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    server: Server[Any] = Server("watched", version="1")
    server.add_request_handler("tools/list", PaginatedRequestParams, tools)
    server.add_request_handler("tools/call", CallToolRequestParams, touch)
    server.add_request_handler("resources/list", PaginatedRequestParams, resources)
    server.add_request_handler("resources/subscribe", SubscribeRequestParams, nothing)
    server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, nothing)
    server.add_request_handler(
        "subscriptions/listen", SubscriptionsListenRequestParams, ListenHandler(BUS)
    )
    application = OneEra(server.streamable_http_app(), sys.argv[1])
    uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")


if __name__ == "__main__":
    main()
