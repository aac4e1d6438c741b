"""What the test servers answer: raw JSON-RPC of both eras, no SDK."""

from typing import Any

TOOLS = [
    {"name": "echo", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}},
    {"name": "wait", "inputSchema": {"type": "object"}},
    {"name": "third", "inputSchema": {"type": "object"}},
]
PROMPTS = [{"name": "greet"}]
RESOURCES = [{"uri": "memo://one", "name": "one"}]
TEMPLATES = [{"uriTemplate": "memo://{name}", "name": "memo"}]
MODERN = "2026-07-28"
CAPABILITIES: dict[str, Any] = {"tools": {"listChanged": True}, "prompts": {}, "resources": {}}


class Refused(Exception):
    """Becomes a JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


def answer(method: str, params: dict[str, Any], *, modern: bool) -> dict[str, Any]:
    """Return the result of one request."""
    result = _result(method, params, modern=modern)
    return {"resultType": "complete", **result} if modern else result


def _result(method: str, params: dict[str, Any], *, modern: bool) -> dict[str, Any]:
    if method == "server/discover" and modern:
        return {"supportedVersions": [MODERN], "capabilities": CAPABILITIES}
    if method == "initialize" and not modern:
        return {"protocolVersion": params["protocolVersion"], "capabilities": CAPABILITIES}
    if method == "tools/list" and params.get("cursor") is None:  # two pages
        return {"tools": TOOLS[:2], "nextCursor": ""}
    if method in LISTS:
        return LISTS[method]
    return _use(method, params)


LISTS: dict[str, dict[str, Any]] = {
    "tools/list": {"tools": TOOLS[2:]},
    "prompts/list": {"prompts": PROMPTS},
    "resources/list": {"resources": RESOURCES},
    "resources/templates/list": {"resourceTemplates": TEMPLATES},
}


def _use(method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method == "tools/call":
        return call_tool(params["name"], params.get("arguments") or {})
    if method in ("resources/subscribe", "resources/unsubscribe"):
        return {}
    if method == "resources/read":
        return {"contents": [{"uri": params["uri"], "text": "memo"}]}
    if method == "prompts/get":
        return {"messages": [{"role": "user", "content": {"type": "text", "text": params["name"]}}]}
    raise Refused(-32601, "Method not found")


def call_tool(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    if name in ("echo", "wait"):
        text = str(arguments.get("message", ""))
        return {"content": [{"type": "text", "text": text}], "isError": False}
    raise Refused(-32602, f"Unknown tool: {name}", {"tool": name})
