"""`discovery: search`: three tools in place of a thousand definitions on `/mcp`.

An agent finds a tool, reads its definition, and calls it; each is the operation that it stands for,
a list or a call, with the same grants, the same road and the same records. Nothing is decided here.
"""

import re
from collections.abc import Coroutine
from typing import Final, final

import msgspec

from yett.core.call import Call, Reply
from yett.core.document import encode
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS
from yett.core.reasons import WIRE, Reason
from yett.core.target import JSON
from yett.edge.gate import Gate

SEARCH: Final = "search_tools"
DESCRIBE: Final = "describe_tool"
CALL: Final = "call_tool"

_LIST: Final = OPERATIONS["tools/list"]
_TOOL: Final = OPERATIONS["tools/call"]
_FOUND_MAX: Final = 50
_FOUND: Final = 10
_QUERY_CHARS_MAX: Final = 200
_SHOWN_CHARS_MAX: Final = 300
_WORD: Final = re.compile(r"\w+")
_IN_NAME: Final = 3
"""A word in the name of a tool says so many times as much as one in its description."""

_NAME: Final = {"type": "string", "description": "As search_tools gives it"}
DEFINITIONS: Final[list[dict[str, JSON]]] = [
    {
        "name": SEARCH,
        "description": "Find tools by words of their names and descriptions. An empty query lists some.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "maxLength": _QUERY_CHARS_MAX},
                "limit": {"type": "integer", "minimum": 1, "maximum": _FOUND_MAX},
            },
            "required": ["query"],
            "additionalProperties": False,
        },
        "annotations": {"readOnlyHint": True},
    },
    {
        "name": DESCRIBE,
        "description": "Show one tool's whole definition: what it does and which arguments it takes.",
        "inputSchema": {
            "type": "object",
            "properties": {"name": _NAME},
            "required": ["name"],
            "additionalProperties": False,
        },
        "annotations": {"readOnlyHint": True},
    },
    {
        "name": CALL,
        "description": "Call a tool with the arguments that its definition asks for.",
        "inputSchema": {
            "type": "object",
            "properties": {"name": _NAME, "arguments": {"type": "object"}},
            "required": ["name"],
            "additionalProperties": False,
        },
    },
]


@final
class SearchingGate:
    """Implements `Gate` over another one, for the endpoint of all servers."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.knows = gate.knows
        self.is_live = gate.is_live
        self.is_ready = gate.is_ready
        self.begin_once = gate.begin_once
        self.end_once = gate.end_once
        self.release = gate.release

    def handle(self, call: Call, refused: Denied | None = None) -> Coroutine[None, None, Reply]:
        if refused is None and call.server is None:
            if call.operation is _LIST:
                return self._list(call)
            if call.operation is _TOOL:
                if call.name == SEARCH:
                    return self._search(call)
                if call.name == DESCRIBE:
                    return self._describe(call)
                if call.name == CALL:
                    return self._call(call)
        return self._gate.handle(call, refused)

    async def _list(self, call: Call) -> Reply:
        """Who may call nothing is shown nothing."""
        reply = await self._gate.handle(call)
        if reply.result is None or not reply.result["tools"]:
            return reply
        return msgspec.structs.replace(reply, result={"tools": DEFINITIONS})

    async def _search(self, call: Call) -> Reply:
        query, limit = call.arguments.get("query"), call.arguments.get("limit", _FOUND)
        if (
            not call.arguments.keys() <= {"query", "limit"}
            or not isinstance(query, str)
            or len(query) > _QUERY_CHARS_MAX
            or type(limit) is not int
            or not 1 <= limit <= _FOUND_MAX
        ):
            return await self._refuse(call, f"a query and a limit from 1 to {_FOUND_MAX}")
        reply = await self._take_all(call)
        if reply.result is None:
            return reply
        tools = rank(reply.result["tools"], query)
        shown = [_short(tool) for tool in tools[:limit]]
        return _answer(call, reply, {"tools": shown, "found": len(tools)})

    async def _describe(self, call: Call) -> Reply:
        name = call.arguments.get("name")
        if call.arguments.keys() != {"name"} or not isinstance(name, str):
            return await self._refuse(call, "the name of a tool")
        reply = await self._take_all(call)
        if reply.result is None:
            return reply
        found = [tool for tool in reply.result["tools"] if tool["name"] == name]
        if not found:  # the list was granted and recorded; this name is not on it
            text = {"type": "text", "text": WIRE[Reason.UNKNOWN_TOOL].text}
            result: dict[str, JSON] = {"content": [text], "isError": True}
            return Reply(call=call, principal=reply.principal, result=result)
        return _answer(call, reply, found[0])

    async def _call(self, call: Call) -> Reply:
        name, arguments = call.arguments.get("name"), call.arguments.get("arguments", {})
        if (
            not call.arguments.keys() <= {"name", "arguments"}
            or not isinstance(name, str)
            or not isinstance(arguments, dict)
            or name in {SEARCH, DESCRIBE, CALL}
        ):
            return await self._refuse(call, "the name of a tool and its arguments")
        # Its headers belong to this tool, which mirrors nothing.
        meant = msgspec.structs.replace(
            call, name=name, arguments=arguments, encoded=b"", mirrored=None
        )
        return await self._gate.handle(meant)

    def _take_all(self, call: Call) -> Coroutine[None, None, Reply]:
        meant = msgspec.structs.replace(
            call,
            operation=_LIST,
            name="",
            arguments={},
            encoded=b"",
            params={"whole": True},
            talk=None,
        )
        return self._gate.handle(meant)

    def _refuse(self, call: Call, wanted: str) -> Coroutine[None, None, Reply]:
        shown = f"`{call.name}` takes {wanted}"
        return self._gate.handle(call, Denied(Reason.INVALID_INPUT, shown, shown=shown))


def rank(tools: list[dict[str, JSON]], query: str) -> list[dict[str, JSON]]:
    """Return the tools in which a word of the query occurs, best first; all, if it has no words."""
    words = set(_WORD.findall(query.casefold()))
    if not words:
        return tools
    scores = [_score(tool, words) for tool in tools]
    order = sorted(range(len(tools)), key=lambda index: -scores[index])
    return [tools[index] for index in order if scores[index]]


def _score(tool: dict[str, JSON], words: set[str]) -> int:
    name = str(tool["name"]).casefold()
    description = str(tool.get("description", "")).casefold()
    return sum(_IN_NAME * (word in name) + (word in description) for word in words)


def _short(tool: dict[str, JSON]) -> dict[str, JSON]:
    return {
        "name": tool["name"],
        "description": str(tool.get("description", ""))[:_SHOWN_CHARS_MAX],
    }


def _answer(call: Call, listed: Reply, content: dict[str, JSON]) -> Reply:
    text = {"type": "text", "text": encode(content).decode()}
    result: dict[str, JSON] = {"content": [text], "structuredContent": content}
    return Reply(call=call, principal=listed.principal, result=result)
