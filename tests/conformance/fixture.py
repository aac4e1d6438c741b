"""The server behind the gate in the conformance runs: everything that MCP has, on the official SDK.

    python -m tests.conformance.fixture --port 3101 --era both
    python -m tests.conformance.fixture                          # on standard input and output

`legacy` and `modern` refuse the other era as a server does that has never heard of it, or no
longer wants to.
"""

import argparse
import asyncio
import json
import warnings
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    UNSUPPORTED_PROTOCOL_VERSION,
    CallToolRequestParams,
    CompleteRequestParams,
    CreateMessageRequest,
    CreateMessageResult,
    ElicitRequest,
    ElicitResult,
    GetPromptRequestParams,
    JSONRPCMessage,
    ListRootsRequest,
    ListRootsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    RequestParams,
    SetLevelRequestParams,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.conformance import offer, tasks
from tests.conformance.tools import PROMPTS, TOOLS, Ask, Asked, Behaviour, Result

MODERN: Final = "2026-07-28"
ERAS: Final = ("both", "legacy", "modern")
RETRY_MILLISECONDS: Final = 100
Context = ServerRequestContext[Any, Any]
Handler = Callable[[Context, Any], Awaitable[Result]]
_ROUNDS_MAX: Final = 10
_CACHEABLE: Final = (
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
)
_REQUESTS: Final[dict[str, tuple[type[Any], type[BaseModel]]]] = {
    "elicitation/create": (ElicitRequest, ElicitResult),
    "sampling/createMessage": (CreateMessageRequest, CreateMessageResult),
    "roots/list": (ListRootsRequest, ListRootsResult),
}
BUS: Final = InMemorySubscriptionBus()
BOARD: Final = tasks.Board()
GREET_LATER: Final = "test_tool_with_task"


class Events(EventStore):
    """What was sent on each stream of a session, for those who come back. Ids are places in one list."""

    def __init__(self) -> None:
        self._sent: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self._sent.append((stream_id, message))
        return str(len(self._sent))

    async def replay_events_after(
        self, last_event_id: str, send_callback: EventCallback
    ) -> str | None:
        if not last_event_id.isdecimal() or not 0 < int(last_event_id) <= len(self._sent):
            return None
        place = int(last_event_id)
        stream = self._sent[place - 1][0]
        for number, (sent_on, message) in enumerate(self._sent[place:], place + 1):
            if sent_on == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


async def _behave(behaviour: Behaviour, context: Context, arguments: dict[str, Any]) -> Result:
    """Run a tool or prompt, with as many questions as it has."""
    params = dict(context.params or {})
    asked = Asked(
        context,
        arguments,
        BUS.publish,
        dict(params.get("inputResponses") or {}),
        params.get("requestState"),
    )
    outcome = await behaviour(asked)
    if context.protocol_version == MODERN:
        return _as_input_required(outcome) if isinstance(outcome, Ask) else outcome
    for _ in range(_ROUNDS_MAX):
        if not isinstance(outcome, Ask):
            break
        answers = {key: await _request(context, each) for key, each in outcome.requests.items()}
        outcome = await behaviour(Asked(context, arguments, BUS.publish, answers, outcome.state))
    assert not isinstance(outcome, Ask), "it asks without end"
    return outcome


def _as_input_required(ask: Ask) -> Result:
    found: Result = {"resultType": "input_required", "inputRequests": ask.requests}
    return found if ask.state is None else found | {"requestState": ask.state}


async def _request(context: Context, request: Result) -> Result:
    """Ask the agent on the stream of its own request, as the versions with a handshake do."""
    ask, answer = _REQUESTS[request["method"]]
    metadata = ServerMessageMetadata(related_request_id=context.request_id)
    got = await context.session.send_request(ask.model_validate(request), answer, metadata=metadata)
    return got.model_dump(by_alias=True, mode="json", exclude_none=True)


# -- handlers


async def list_tools(_: Context, __: PaginatedRequestParams) -> Result:
    return {"tools": [offer.tool(name) for name in (*TOOLS, *tasks.WORKS, GREET_LATER)]}


async def call_tool(context: Context, params: CallToolRequestParams) -> Result:
    name, arguments = params.name, params.arguments or {}
    if context.protocol_version == MODERN:
        tasks.check(name, context)
    if name == GREET_LATER:
        return await _greet_later(context)
    if name in tasks.WORKS:
        takes = tasks.declared(context)
        return (
            BOARD.begin(tasks.WORKS[name], arguments)
            if takes
            else await tasks.at_once(name, arguments)
        )
    behaviour = TOOLS.get(name)
    if behaviour is None:
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {name}")
    return await _behave(behaviour, context, arguments)


async def _greet_later(context: Context) -> Result:
    """Ask first, then go on as a task, if the agent takes one."""
    asked = await _behave(TOOLS["test_input_required_result_elicitation"], context, {})
    if "inputRequests" in asked or not tasks.declared(context):
        return asked
    return BOARD.begin(tasks.repeat, asked)


async def list_prompts(_: Context, __: PaginatedRequestParams) -> Result:
    return {"prompts": offer.PROMPTS}


async def get_prompt(context: Context, params: GetPromptRequestParams) -> Result:
    behaviour = PROMPTS.get(params.name)
    if behaviour is None:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {params.name}")
    return await _behave(behaviour, context, dict(params.arguments or {}))


async def list_resources(_: Context, __: PaginatedRequestParams) -> Result:
    return {"resources": offer.RESOURCES}


async def list_templates(_: Context, __: PaginatedRequestParams) -> Result:
    return {"resourceTemplates": offer.TEMPLATES}


async def read_resource(context: Context, params: ReadResourceRequestParams) -> Result:
    content = offer.content_of(str(params.uri))
    if content is None:
        code = INVALID_PARAMS if context.protocol_version == MODERN else -32002
        raise MCPError(code, "Resource not found", {"uri": str(params.uri)})
    return {"contents": [content]}


async def nothing(_: Context, __: BaseModel) -> Result:
    """Accept a level or a subscription."""
    return {}


async def complete(_: Context, params: CompleteRequestParams) -> Result:
    known = ("paris", "park", "party", "rome")
    values = [word for word in known if word.startswith(params.argument.value)]
    return {"completion": {"values": values, "total": len(values), "hasMore": False}}


class Fixture(Server[Any]):
    """It says that its lists change, in the older versions too."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        changing = notification_options or NotificationOptions(
            prompts_changed=True, resources_changed=True, tools_changed=True
        )
        return super().create_initialization_options(
            changing, experimental_capabilities, extensions
        )


_HANDLERS: Final[dict[str, tuple[type[BaseModel], Handler]]] = {
    "tools/list": (PaginatedRequestParams, list_tools),
    "tools/call": (CallToolRequestParams, call_tool),
    "prompts/list": (PaginatedRequestParams, list_prompts),
    "prompts/get": (GetPromptRequestParams, get_prompt),
    "resources/list": (PaginatedRequestParams, list_resources),
    "resources/templates/list": (PaginatedRequestParams, list_templates),
    "resources/read": (ReadResourceRequestParams, read_resource),
    "resources/subscribe": (SubscribeRequestParams, nothing),
    "resources/unsubscribe": (UnsubscribeRequestParams, nothing),
    "logging/setLevel": (SetLevelRequestParams, nothing),
    "completion/complete": (CompleteRequestParams, complete),
    "tasks/get": (RequestParams, BOARD.get),
    "tasks/update": (RequestParams, BOARD.update),
    "tasks/cancel": (RequestParams, BOARD.cancel),
}


def _complete(handler: Handler) -> Handler:
    """Add what every result of the modern version has to have."""

    async def whole(context: Context, params: Any) -> Result:
        result = await handler(context, params)
        if context.protocol_version != MODERN or "resultType" in result:
            return result
        hints = {"ttlMs": 1000, "cacheScope": "public"} if context.method in _CACHEABLE else {}
        return {"resultType": "complete", **hints, **result}

    return whole


def build() -> Server[Any]:
    server = Fixture(
        "yett-conformance-fixture",
        version="1",
        get_tool_input_schema=lambda name: offer.tool(name)["inputSchema"],
    )
    for method, (params, handler) in _HANDLERS.items():
        server.add_request_handler(method, params, _complete(handler))
    server.add_request_handler(
        "subscriptions/listen", SubscriptionsListenRequestParams, ListenHandler(BUS)
    )
    server.extensions[tasks.EXTENSION] = {}
    security = RequestStateSecurity.ephemeral()
    server.middleware.append(RequestStateBoundary(security, default_audience=server.name))
    return server


# -- one era only


class OneEra:
    """Stands before the application and refuses what a server of one era refuses."""

    def __init__(self, application: ASGIApp, era: str) -> None:
        self._application = application
        self._era = era

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        version = dict(scope["headers"]).get(b"mcp-protocol-version", b"").decode()
        if self._era == "legacy" and version == MODERN:
            error = {"code": -32000, "message": f"Bad Request: unsupported version {version}"}
            await _refuse(send, 400, None, error)
        elif self._era == "modern" and scope["method"] != "POST":
            await _refuse(send, 405, None, {"code": METHOD_NOT_FOUND, "message": "Only POST"})
        elif self._era == "modern" and version != MODERN:
            await self._refuse_handshake(receive, send, version)
        else:
            await self._application(scope, receive, send)

    async def _refuse_handshake(self, receive: Receive, send: Send, version: str) -> None:
        message = json.loads(await _body(receive))
        requested = message.get("params", {}).get("protocolVersion", version or "none")
        error = {
            "code": UNSUPPORTED_PROTOCOL_VERSION,
            "message": "Unsupported protocol version",
            "data": {"supported": [MODERN], "requested": requested},
        }
        await _refuse(send, 400, message.get("id"), error)


async def _body(receive: Receive) -> bytes:
    whole = b""
    while True:
        part: Message = await receive()
        whole += bytes(part.get("body", b""))
        if not part.get("more_body"):
            return whole


async def _refuse(send: Send, status: int, identifier: Any, error: dict[str, Any]) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": identifier, "error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int)
    parser.add_argument("--era", choices=ERAS, default="both")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    if chosen.port is None:
        asyncio.run(talk(build()))
    else:
        serve(build(), chosen.port, chosen.era)


async def talk(server: Server[Any]) -> None:
    """Serve whoever started this program, in the era in which it speaks first."""
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def serve(server: Server[Any], port: int, era: str) -> None:
    application: ASGIApp = server.streamable_http_app(
        event_store=Events(), retry_interval=RETRY_MILLISECONDS
    )
    if era != "both":
        application = OneEra(application, era)
    uvicorn.run(application, host="127.0.0.1", port=port, log_level="warning", http="h11")


if __name__ == "__main__":
    main()
