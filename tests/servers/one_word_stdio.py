"""An MCP server on standard input and output that answers whatever it is asked as if a tool had been called."""

import json
import sys
from typing import Any, Final

LISTS: Final[dict[str, Any]] = {
    "initialize": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {}, "resources": {}, "prompts": {}},
        "serverInfo": {"name": "one-word", "version": "0"},
    },
    "tools/list": {
        "tools": [
            {
                "name": "say",
                "inputSchema": {"type": "object"},
                "annotations": {"readOnlyHint": True},
            }
        ]
    },
    "resources/list": {"resources": [{"uri": "memo://one", "name": "one"}]},
    "resources/templates/list": {"resourceTemplates": []},
    "prompts/list": {"prompts": [{"name": "greet"}]},
}
WORD: Final = {"content": [{"type": "text", "text": "word"}]}

for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        result = LISTS.get(message["method"], WORD)
        answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        print(json.dumps(answer, separators=(",", ":")), flush=True)
