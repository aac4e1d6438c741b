"""A raw MCP server on standard input and output that says and asks what its arguments tell it.

Arguments: the era, then what is odd about it. Tools: `state` (what it knows), `ask` (requests of the
client; returns the answers), `say` (messages before and after its answer; TOKEN is the progress
token), `update` (a resource), `stop_listening`, `silent`, `die`.
"""

import json
import os
import queue
import sys
import threading
import time
from typing import Any

ERA, ODDITIES = sys.argv[1], set(sys.argv[2:])
MODERN = "2026-07-28"
TOOLS = ("state", "ask", "say", "update", "stop_listening", "silent", "die")
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
CAPABILITIES: dict[str, Any] = {"tools": {}, "resources": {"subscribe": True}, "logging": {}}
state: dict[str, Any] = {"pid": os.getpid(), "heard": [], "subscribed": [], "offered": None, "level": None}  # fmt: skip
listens: dict[int, dict[str, Any]] = {}
answers: dict[str, "queue.Queue[dict[str, Any]]"] = {}
_writing = threading.Lock()


def write(**message: Any) -> None:
    with _writing:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def ask(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask everything at once; with `withdraw`, lose interest in it."""
    first = len(answers)
    names = [f"s{first + number}" for number in range(len(requests))]
    for name, request in zip(names, requests, strict=True):
        answers[name] = queue.Queue()
        write(id=name, method=request["method"], params=request.get("params", {}))
        if request.get("withdraw"):
            time.sleep(0.2)
            write(method="notifications/cancelled", params={"requestId": name})
            answers[name].put({"withdrawn": True})
    return [answers[name].get() for name in names]


def say(messages: list[dict[str, Any]], token: Any) -> None:
    for message in messages:
        params = message.get("params") or {}
        if params.get("progressToken") == "TOKEN":
            params["progressToken"] = token
        write(**message)


def update(uri: str) -> None:
    note = {"uri": uri}
    if ERA == "legacy":
        write(method="notifications/resources/updated", params=note)
    for identifier, wanted in list(listens.items()):
        if uri in wanted.get("resourceSubscriptions", []):
            params = note | {"_meta": {SUBSCRIPTION: identifier}}
            write(method="notifications/resources/updated", params=params)


def call(name: str, arguments: dict[str, Any], meta: dict[str, Any]) -> Any:
    if name == "ask":
        return ask(arguments["requests"])
    if name == "say":
        say(arguments.get("before", []), meta.get("progressToken"))
    elif name == "update":
        update(arguments["uri"])
    elif name == "stop_listening":
        for identifier in list(listens):
            del listens[identifier]
            write(id=identifier, result={"resultType": "complete"})
    elif name == "die":
        os._exit(7)
    return state | {"meta": meta, "listens": listens}


def answer_call(identifier: Any, name: str, arguments: dict[str, Any], meta: Any) -> None:
    if name == "silent":
        return
    text = {"content": [{"type": "text", "text": json.dumps(call(name, arguments, meta))}]}
    write(id=identifier, result={"resultType": "complete", **text})
    say(arguments.get("after", []), meta.get("progressToken"))


def initialize(offered: dict[str, Any]) -> None:
    state["offered"] = offered
    if "starts-slowly" in ODDITIES and offered:
        time.sleep(1.0)


def listen(identifier: int, wanted: dict[str, Any]) -> None:
    listens[identifier] = wanted
    uris = [uri for uri in wanted.get("resourceSubscriptions", []) if "secret" not in uri]
    agreed = {
        "_meta": {SUBSCRIPTION: identifier},
        "notifications": {"resourceSubscriptions": uris},
    }
    if "never-agrees" not in ODDITIES:
        write(method="notifications/subscriptions/acknowledged", params=agreed)


def serve(identifier: Any, method: str, params: dict[str, Any]) -> None:
    meta = params.get("_meta") or {}
    match method:
        case "server/discover":
            found = {"supportedVersions": [MODERN], "capabilities": CAPABILITIES}
            write(id=identifier, result={"resultType": "complete", **found})
        case "initialize":
            initialize(params["capabilities"])
            version = params["protocolVersion"]
            write(id=identifier, result={"protocolVersion": version, "capabilities": CAPABILITIES})
        case "logging/setLevel":
            state["level"] = params["level"]
            write(id=identifier, result={})
        case "resources/subscribe" | "resources/unsubscribe":
            state["subscribed"].append((method, params["uri"]))
            if params["uri"] == "memo://secret":
                write(id=identifier, error={"code": -32002, "message": "Resource not found"})
            else:
                write(id=identifier, result={})
        case "subscriptions/listen":
            listen(identifier, params["notifications"])
        case "tools/list":
            schema = {"type": "object", "additionalProperties": True}
            tools = [{"name": name, "inputSchema": schema} for name in TOOLS]
            write(id=identifier, result={"resultType": "complete", "tools": tools})
        case "tools/call":
            answer_call(identifier, params["name"], params["arguments"], meta)
        case _:
            write(id=identifier, error={"code": -32601, "message": "Method not found"})


def take(message: dict[str, Any]) -> None:
    method, identifier = message.get("method"), message.get("id")
    if method is None:
        answers[message["id"]].put(message)
    elif identifier is None:
        state["heard"].append(message)
        if method == "notifications/cancelled":
            listens.pop(message["params"]["requestId"], None)
        if method == "notifications/initialized" and "asks-at-once" in ODDITIES:
            roots: list[dict[str, Any]] = [{"method": "roots/list"}]
            threading.Thread(target=lambda: state.update(roots=ask(roots)), daemon=True).start()
    elif method == "server/discover" and ERA == "legacy":
        write(id=identifier, error={"code": -32601, "message": "Method not found"})
    elif method == "tools/call":
        arguments = (identifier, method, message["params"])
        threading.Thread(target=serve, args=arguments, daemon=True).start()
    else:
        serve(identifier, method, message.get("params") or {})


if __name__ == "__main__":
    for line in sys.stdin:
        take(json.loads(line))
    if "stays" in ODDITIES:
        time.sleep(60)
