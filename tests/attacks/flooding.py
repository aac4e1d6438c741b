"""An MCP server of 2025-11-25 on standard input and output that says far more than it was asked:
`flood` tells its progress five hundred times, thirty kilobytes each, before it answers."""

import json
import sys
from typing import Any, Final

TIMES: Final = 500
CHARACTERS: Final = 30_000
_TOOL: Final = {
    "name": "flood",
    "inputSchema": {"type": "object"},
    "annotations": {"readOnlyHint": True},
}


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")


def result_of(message: dict[str, Any]) -> dict[str, Any]:
    params = message.get("params", {})
    match message["method"]:
        case "initialize":
            server = {"name": "flooding", "version": "0"}
            return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": server}  # fmt: skip
        case "tools/list":
            return {"tools": [_TOOL]}
        case "tools/call":
            token = params.get("_meta", {}).get("progressToken")
            for number in range(TIMES if token is not None else 0):
                told = {"progressToken": token, "progress": number, "message": "x" * CHARACTERS}
                say({"method": "notifications/progress", "params": told})
            return {"content": [{"type": "text", "text": "done"}]}
        case _:
            return {}


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        if message["method"] == "server/discover":
            say({"id": message["id"], "error": {"code": -32601, "message": "no such method"}})
        else:
            say({"id": message["id"], "result": result_of(message)})
        sys.stdout.flush()


if __name__ == "__main__":
    main()
