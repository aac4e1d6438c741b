"""`/execute`, `/v1/execute`, `/v1/tools`, `/v1/key`, `/v1/usage`."""

from functools import partial
from typing import Final, final
from urllib.parse import parse_qs

from yett.core.call import Reply, Usage
from yett.core.document import DocumentError, encode, parse
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS
from yett.core.quantities import Money
from yett.core.reasons import Reason
from yett.core.target import JSON, SEPARATOR
from yett.edge import rate_headers, refusals
from yett.edge.arrival import Arrival, body_problem
from yett.edge.gate import Gate
from yett.edge.http.message import Response
from yett.edge.mcp.translate import plain
from yett.edge.rest import once
from yett.edge.rest.formats import FORMATS, render

_EXECUTE: Final = OPERATIONS["tools/call"]
_LIST: Final = OPERATIONS["tools/list"]
_OWN: Final = {b"/v1/key": OPERATIONS["yett/key"], b"/v1/usage": OPERATIONS["yett/usage"]}
_QUERY_FIELDS_MAX: Final = 8
_MEMBERS: Final = frozenset({"tool", "operation", "input"})

PATHS: Final = frozenset({b"/execute", b"/v1/execute", b"/v1/tools", b"/v1/key", b"/v1/usage"})


@final
class RestRoute:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def serve(self, arrival: Arrival) -> Response:
        """Answer one request to a path of `PATHS`."""
        path = arrival.request.head.path
        if path in _OWN:
            arrival = arrival.with_problem(_only(b"GET", arrival))
            call = arrival.call(_OWN[path], protocol="rest", door="rest")
            reply = await self._gate.handle(call, arrival.refused)
            return _respond(reply, reply.result)
        if path == b"/v1/tools":
            return await self._tools(arrival)
        return await self._execute(arrival)

    async def _execute(self, arrival: Arrival) -> Response:
        arrival = arrival.with_problem(
            _only(b"POST", arrival) or body_problem(arrival.request.head)
        )
        server = tool = ""
        arguments: dict[str, JSON] = {}
        if arrival.refused is None:
            server, tool, arguments, problem = _read(arrival.request.body)
            arrival = arrival.with_problem(problem)
        call = arrival.call(
            _EXECUTE,
            server=server or None,
            name=tool,
            arguments=arguments,
            protocol="rest",
            door="rest",
        )
        head = arrival.request.head
        if arrival.refused is None and once.HEADER in head.headers:
            respond = partial(_executed, server, tool)
            return await once.execute_once(self._gate, call, head, respond)
        return _executed(server, tool, await self._gate.handle(call, arrival.refused))

    async def _tools(self, arrival: Arrival) -> Response:
        form, wanted = _read_query(arrival.request.head.query)
        problem = _only(b"GET", arrival)
        if form not in FORMATS:
            shown = f"`format` is one of {', '.join(FORMATS)}"
            problem = Denied(Reason.MALFORMED_REQUEST, shown, shown=shown)
        arrival = arrival.with_problem(problem)
        call = arrival.call(_LIST, params={"whole": True}, protocol="rest", door="rest")
        reply = await self._gate.handle(call, arrival.refused)
        tools = [] if reply.result is None else reply.result["tools"]
        return _respond(reply, render(tools, form=form, query=wanted) if not problem else None)


def _executed(server: str, tool: str, reply: Reply) -> Response:
    if reply.error is not None:
        return _upstream_error(reply)
    return _respond(
        reply,
        {
            "id": reply.call.id,
            **_called(server, tool, reply),
            "output": None if reply.result is None else plain(reply.result),
            "usage": _usage(reply.usage),
        },
    )


def _read_query(query: bytes) -> tuple[str, str]:
    """Return `format` and `q`; a query with more in it than anybody asks names no format."""
    try:
        found = parse_qs(query.decode("latin-1"), max_num_fields=_QUERY_FIELDS_MAX)
    except ValueError:
        return "", ""
    return found.get("format", ["mcp"])[-1], found.get("q", [""])[-1]


def _only(method: bytes, arrival: Arrival) -> Denied | None:
    if arrival.request.head.method == method:
        return None
    return Denied(Reason.METHOD_NOT_ALLOWED, "method", shown=method.decode())


def _read(body: bytes) -> tuple[str, str, dict[str, JSON], Denied | None]:
    """Return server, tool and input, or why the body is malformed."""
    try:
        document = parse(body)
    except DocumentError as error:
        return "", "", {}, _malformed(f"body: {error}")
    if not isinstance(document, dict) or not document.keys() <= _MEMBERS:
        return "", "", {}, _malformed('expected {"tool", "operation", "input"}')
    tool, operation = document.get("tool"), document.get("operation")
    arguments = document.get("input", {})
    server, name = _names(tool, operation)
    if not isinstance(name, str) or not name:
        return "", "", {}, _malformed('name the server in "tool" and its tool in "operation"')
    if not isinstance(arguments, dict):
        return server, name, {}, _malformed('"input" must be an object')
    return server, name, arguments, None


def _names(tool: JSON, operation: JSON) -> tuple[str, JSON]:
    """Return server and tool; no server if the two are said by one public name, or by the alias that a
    model provider gives back. The second is None if they are not said at all."""
    if not isinstance(tool, str) or not tool:
        return "", None
    if operation is not None:
        return tool, operation
    server, slash, name = tool.partition("/")
    if slash:
        return server, name if server else None
    return "", tool if SEPARATOR in tool else None


def _called(server: str, tool: str, reply: Reply) -> dict[str, JSON]:
    """Say server and tool; who called by one public name learns the two that it stands for."""
    if not server:
        server, _, tool = reply.target.partition("/")
    return {"tool": server, "operation": tool}


def _malformed(shown: str) -> Denied:
    return Denied(Reason.MALFORMED_REQUEST, shown, shown=shown)


def _respond(reply: Reply, body: JSON) -> Response:
    if reply.refusal is not None:
        return refusals.problem(reply, reply.refusal)
    headers = b"Yett-Request-Id: %b\r\n" % reply.call.id.encode()
    headers += rate_headers.of_usage(reply.usage)
    return Response(200, encode(body), headers=headers)


def _upstream_error(reply: Reply) -> Response:
    """The server answered with a JSON-RPC error: its words, already cleaned, in our form."""
    error = reply.error
    body = {
        "type": "about:blank",
        "title": "The tool's server answered with an error",
        "status": 502,
        "reason": "upstream_error",
        "detail": error.message if error else "",
        "code": error.code if error else 0,
        "request_id": reply.call.id,
    }
    headers = b"Yett-Request-Id: %b\r\n" % reply.call.id.encode()
    return Response(502, encode(body), b"application/problem+json", headers)


def _usage(usage: Usage) -> dict[str, JSON]:
    remaining = usage.remaining_micros
    return {
        "cost": str(Money(usage.cost_micros, usage.currency)),
        "budget_remaining": None if remaining is None else str(Money(remaining, usage.currency)),
    }
