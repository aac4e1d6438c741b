"""From a `Reply` to an HTTP answer: pure, in the caller's version."""

from typing import Final

from yett.core import tasks
from yett.core.call import Reply, RpcError
from yett.core.document import encode
from yett.core.errors import Refusal
from yett.core.operations import OPERATIONS
from yett.core.reasons import WIRE, Reason, public_reason
from yett.core.target import JSON
from yett.edge import refusals
from yett.edge.http.message import GOOD_JSON, Response
from yett.edge.mcp.inbound import Inbound
from yett.edge.mcp.translate import (
    MODERN_PREFIX,
    REWRITTEN,
    SERVER_INFO,
    SPLICED,
    TRANSLATED,
    splice_modern,
    to_version,
)
from yett.edge.mcp.versions import LEGACY, MODERN, NEWEST_LEGACY, OLDEST, SUPPORTED

_CALL_TOOL: Final = OPERATIONS["tools/call"]
_READ: Final = OPERATIONS["resources/read"]

_TO_MODERN: Final = {-32002: -32602, -32020: -32603, -32022: -32603}
"""-32002 must not be sent any more (MCP 2026-07-28, Error Codes). That headers or the version do not
please a server is between it and the gate."""
_TO_LEGACY: Final = {-32020: -32603, -32021: -32603, -32022: -32603}
_URL_ELICITATION_REQUIRED: Final = -32042
"""Who can be sent to a page was asked to go there (`upstreams/elsewhere.py`); nobody else is shown one."""
_MISSING_CAPABILITY: Final = -32021
_BAD_REQUEST: Final = frozenset({-32700, -32600, -32602, _MISSING_CAPABILITY})

# Answers that say nothing of JSON-RPC: nobody has been identified, or nothing was addressed.
_PLAIN: Final = frozenset({Reason.UNAUTHENTICATED, Reason.FORBIDDEN_ORIGIN, Reason.UNKNOWN_PATH})
_OK: Final = 200
_AS_TOOL_ERROR: Final = frozenset({"2025-11-25", MODERN})
"""Versions in which input that does not fit is a tool error (SEP-1303)."""

_CAPABILITIES: Final[dict[str, JSON]] = {
    "tools": {"listChanged": True},
    "resources": {"listChanged": True, "subscribe": True},
    "prompts": {"listChanged": True},
    "logging": {},
    "completions": {},
}
_EXTENSIONS: Final = ("io.modelcontextprotocol/ui", tasks.EXTENSION)
"""What the gate carries. It has no part in MCP Apps: they are tools and resources like others."""
_CORE_TASKS: Final[dict[str, JSON]] = {"tasks": {"cancel": {}, "requests": {"tools": {"call": {}}}}}
"""Of 2025-11-25 only. Which tools can be called so is said by each (`execution.taskSupport`)."""
_ENVELOPE: Final = b'{"jsonrpc":"2.0","id":%b,"result":%b}'
_ENVELOPE_BYTES: Final = len(_ENVELOPE % (b"", b""))
_WHOLE: Final = b"%bYett-Request-Id: %%b\r\nContent-Length: %%d\r\n\r\n%b" % (GOOD_JSON, _ENVELOPE)
_MODERN_WHOLE: Final = _WHOLE.removesuffix(b"%b}") + MODERN_PREFIX + b"%b}"
_MODERN_BYTES: Final = _ENVELOPE_BYTES + len(MODERN_PREFIX) - len(b"{")
"""What is spliced into a result goes into its first bracket."""
_INSTRUCTIONS: Final = (
    "Tools of several servers behind the Yett gateway. What is listed is what may be called; "
    "refusals name a reason and a request id."
)


def respond(inbound: Inbound, reply: Reply, session_id: str | None = None) -> Response:
    """Return the answer to one POST."""
    refusal = reply.refusal
    if refusal is not None:
        return _refusal(inbound, reply, refusal)
    if inbound.id is None:
        # The official client takes a 202 at the end of a session for a failure.
        status = 200 if inbound.call.operation.method == "session/end" else 202
        return Response(status, headers=_headers(reply), content_type=b"")
    if reply.error is not None:
        return _upstream_error(inbound, reply, reply.error)
    headers = _headers(reply)
    if session_id is not None:
        headers += b"Mcp-Session-Id: %b\r\n" % session_id.encode()
    return Response(200, _result(inbound, reply), headers=headers)


def write_plain(inbound: Inbound, reply: Reply) -> bytes | None:
    """Return all bytes of the answer to a call of a tool in a session, where the result needs no translation, as nearly
    none does. None: `respond` makes the answer."""
    encoded, result, identifier, call = reply.encoded, reply.result, inbound.id, inbound.call
    if (
        not encoded
        or result is None
        or type(identifier) is not int
        or call.operation is not _CALL_TOOL
        or inbound.version in REWRITTEN
        or not TRANSLATED.isdisjoint(result)
    ):
        return None
    shown = b"%d" % identifier
    length = _ENVELOPE_BYTES + len(shown) + len(encoded)
    return _WHOLE % (call.id.encode(), length, shown, encoded)


def write_modern(identifier: int, reply: Reply) -> bytes | None:
    """Return all bytes of the answer to a call of a tool in 2026-07-28, as `write_plain` does."""
    encoded, result = reply.encoded, reply.result
    if not encoded or not result or not SPLICED.isdisjoint(result):
        return None
    shown = b"%d" % identifier
    length = _MODERN_BYTES + len(shown) + len(encoded)
    return _MODERN_WHOLE % (reply.call.id.encode(), length, shown, encoded[1:])


def capabilities(inbound: Inbound) -> dict[str, JSON]:
    """Return what this gate serves; of extensions what the caller declared as well."""
    talk = inbound.call.talk
    declared = None if talk is None else talk.capabilities.get("extensions")
    if not isinstance(declared, dict):
        return _CAPABILITIES
    carried: dict[str, JSON] = {name: {} for name in _EXTENSIONS if name in declared}
    return _CAPABILITIES | {"extensions": carried} if carried else _CAPABILITIES


def negotiated(requested: JSON) -> str:
    """Return the version that `initialize` settles on: the client's if known, else our newest."""
    return requested if isinstance(requested, str) and requested in LEGACY else NEWEST_LEGACY


def _result(inbound: Inbound, reply: Reply) -> bytes:
    method, version = reply.call.operation.method, inbound.version
    encoded = None
    if reply.encoded and method == "tools/call":
        encoded = _ready(version, reply.result or {}, reply.encoded)
    if encoded is None:
        result = _own(inbound) if reply.result == {} else reply.result
        encoded = encode(to_version(version, method, result or {}))
    return _ENVELOPE % (encode(inbound.id), encoded)


def _ready(version: str, result: dict[str, JSON], encoded: bytes) -> bytes | None:
    """Return bytes that need no translation; almost every result of almost every server. encoded: compact JSON
    of `result`."""
    if version == MODERN:
        return splice_modern(result, encoded)
    return encoded if version not in REWRITTEN and TRANSLATED.isdisjoint(result) else None


def _own(inbound: Inbound) -> dict[str, JSON]:
    """Answer what concerns the caller only; the pipeline has said that it may ask."""
    match inbound.call.operation.method:
        case "initialize":
            version = negotiated(inbound.params.get("protocolVersion"))
            own_tasks = _CORE_TASKS if version == NEWEST_LEGACY else {}
            return {
                "protocolVersion": version,
                "capabilities": _known_to(version) | own_tasks,
                "serverInfo": SERVER_INFO,
                "instructions": _INSTRUCTIONS,
            }
        case "server/discover":
            return {
                "supportedVersions": list(SUPPORTED),
                "capabilities": capabilities(inbound),
                "instructions": _INSTRUCTIONS,
            }
        case _:
            return {}


def _known_to(version: str) -> dict[str, JSON]:
    """2024-11-05 has no capability for completions, though it has completions."""
    if version != OLDEST:
        return _CAPABILITIES
    return {name: value for name, value in _CAPABILITIES.items() if name != "completions"}


def _upstream_error(inbound: Inbound, reply: Reply, error: RpcError) -> Response:
    """Pass on what a server answered: its code as the caller's version has it."""
    modern = inbound.version == MODERN
    code = (_TO_MODERN if modern else _TO_LEGACY).get(error.code, error.code)
    shown: dict[str, JSON] = {"code": code, "message": error.message}
    if error.data is not None:
        shown["data"] = error.data
    if code == _URL_ELICITATION_REQUIRED and modern:
        code = shown["code"] = _MISSING_CAPABILITY
        shown["data"] = {"requiredCapabilities": {"elicitation": {"url": {}}}}
    elif code == _URL_ELICITATION_REQUIRED:
        shown = {"code": -32603, "message": error.message}
    return _error(inbound, reply, shown, 400 if modern and code in _BAD_REQUEST else 200)


def _refusal(inbound: Inbound, reply: Reply, refusal: Refusal) -> Response:
    if refusal.question is not None and inbound.version == MODERN:
        asked = Reply(call=reply.call, result=refusal.question)
        return Response(200, _result(inbound, asked), headers=_headers(reply))
    if refusal.reason in _PLAIN:
        return refusals.problem(reply, refusal)
    if refusal.reason is Reason.UNKNOWN_METHOD and inbound.id is None:
        return Response(202, headers=_headers(reply), content_type=b"")
    wire, data = WIRE[refusal.reason], refusals.details(refusal, reply.call.id)
    if refusal.reason is Reason.INVALID_INPUT and _is_tool_error(inbound, refusal):
        return _tool_error(inbound, reply, refusal, data)
    if refusal.reason is Reason.UNSUPPORTED_VERSION:
        data |= {"supported": list(SUPPORTED), "requested": inbound.requested}
    if refusal.reason is Reason.MISSING_CAPABILITY:
        data["requiredCapabilities"] = {"extensions": {refusal.shown or "": {}}}
    if public_reason(refusal.reason) is Reason.UNKNOWN_TOOL and inbound.call.operation is _READ:
        data["uri"] = inbound.call.name
    code = inbound.code if inbound.refused is refusal and inbound.code is not None else wire.rpc
    status = wire.mcp_http[inbound.version == MODERN]
    if inbound.id is None and status == _OK:  # a body is for who waits for it
        status = wire.http
    return _error(
        inbound,
        reply,
        {"code": code, "message": data["detail"], "data": data},
        status,
        refusals.headers(refusal, reply.call.id),
    )


def _is_tool_error(inbound: Inbound, refusal: Refusal) -> bool:
    """What a model wrote it can write better; answers to questions are not its own (SEP-2322)."""
    return (
        inbound.call.operation.method == "tools/call"
        and inbound.version in _AS_TOOL_ERROR
        and not (refusal.pointer or "").startswith("/inputResponses")
    )


def _tool_error(
    inbound: Inbound, reply: Reply, refusal: Refusal, data: dict[str, JSON]
) -> Response:
    where = f" (at `{refusal.pointer}`)" if refusal.pointer is not None else ""
    result = to_version(
        inbound.version,
        "tools/call",
        {
            "content": [{"type": "text", "text": f"{data['detail']}{where}"}],
            "isError": True,
            "_meta": {"yett/refusal": data},
        },
    )
    return Response(200, _ENVELOPE % (encode(inbound.id), encode(result)), headers=_headers(reply))


def _error(
    inbound: Inbound,
    reply: Reply,
    error: dict[str, JSON],
    status: int,
    headers: bytes | None = None,
) -> Response:
    body = encode({"jsonrpc": "2.0", "id": inbound.id, "error": error})
    return Response(
        status,
        body,
        headers=_headers(reply) if headers is None else headers,
        close=status == 413,  # noqa: PLR2004 - the rest of the body is not read
    )


def _headers(reply: Reply) -> bytes:
    return b"Yett-Request-Id: %b\r\n" % reply.call.id.encode()
