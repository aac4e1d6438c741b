"""An MCP server on standard input and output with two memos to watch and a tool `change` that changes one.
Argument: the era."""

import json
import sys
from typing import Any, Final

ERA: Final = sys.argv[1]
MODERN: Final = "2026-07-28"
META: Final = "io.modelcontextprotocol/"
CAPABILITIES: Final[dict[str, Any]] = {"tools": {}, "resources": {"subscribe": True}}
MEMOS: Final = ("memo://one", "memo://two")
CHANGE: Final = {
    "name": "change",
    "inputSchema": {"type": "object", "properties": {"uri": {"type": "string"}}},
    "annotations": {"readOnlyHint": True},
}
LISTS: Final[dict[str, dict[str, Any]]] = {
    "tools/list": {"tools": [CHANGE]},
    "resources/list": {"resources": [{"uri": uri, "name": uri[-3:]} for uri in MEMOS]},
    "resources/templates/list": {"resourceTemplates": []},
}
watched: set[str] = set()
listens: dict[Any, list[str]] = {}


def write(**message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def change(uri: str) -> None:
    method = "notifications/resources/updated"
    if uri in watched:
        write(method=method, params={"uri": uri})
    for identifier, uris in listens.items():
        if uri in uris:
            write(
                method=method, params={"uri": uri, "_meta": {f"{META}subscriptionId": identifier}}
            )


def result_of(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    match method:
        case "initialize" if ERA == "legacy":
            server = {"name": "memo", "version": "0"}
            return {"protocolVersion": "2025-06-18", "capabilities": CAPABILITIES, "serverInfo": server}  # fmt: skip
        case "server/discover" if ERA == "modern":
            return {"supportedVersions": [MODERN], "capabilities": CAPABILITIES}
        case "resources/subscribe":
            watched.add(params["uri"])
            return {}
        case "resources/unsubscribe":
            watched.discard(params["uri"])
            return {}
        case "tools/call":
            change(params["arguments"]["uri"])
            return {"content": [{"type": "text", "text": ", ".join(sorted(watched))}]}
        case _:
            return LISTS.get(method)


def listen(identifier: Any, wanted: dict[str, Any]) -> None:
    listens[identifier] = wanted.get("resourceSubscriptions", [])
    meta = {f"{META}subscriptionId": identifier}
    agreed = {"_meta": meta, "notifications": {"resourceSubscriptions": listens[identifier]}}
    write(method="notifications/subscriptions/acknowledged", params=agreed)


def take(message: dict[str, Any]) -> None:
    method, identifier, params = message.get("method"), message.get("id"), message.get("params", {})
    if method == "notifications/cancelled":
        listens.pop(params.get("requestId"), None)
    if method is None or identifier is None:
        return
    if method == "subscriptions/listen":
        listen(identifier, params["notifications"])
        return
    result = result_of(method, params)
    if result is None:
        write(id=identifier, error={"code": -32601, "message": "Method not found"})
    elif ERA == "modern":
        write(id=identifier, result={"resultType": "complete", "ttlMs": 0, "cacheScope": "private", **result})  # fmt: skip
    else:
        write(id=identifier, result=result)


if __name__ == "__main__":
    for line in sys.stdin:
        take(json.loads(line))
