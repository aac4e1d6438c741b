"""The conformance server on the official SDK, over standard input and output. Argument: the era.

`legacy` answers `server/discover` as a server does that has never heard of it; the SDK itself would
take it for a modern client's first words.
"""

import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import anyio
import orjson

sys.path.insert(0, str(Path(__file__).parents[2]))
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPDeprecationWarning

from tests.conformance.fixture import build


def filter_input(lines: Any, passed: int) -> None:
    """Pass on what a legacy server understands, and refuse the rest on the real output."""
    with os.fdopen(passed, "wb", buffering=0) as pipe:
        for line in lines:
            message = orjson.loads(line)
            if message.get("method") != "server/discover":
                pipe.write(line)
                continue
            error = {"code": -32601, "message": "Method not found"}
            answer = {"jsonrpc": "2.0", "id": message["id"], "error": error}
            os.write(1, orjson.dumps(answer) + b"\n")


async def serve() -> None:
    server = build()
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def main() -> None:
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    if sys.argv[1] == "legacy":
        real = os.fdopen(os.dup(0), "rb")
        end, passed = os.pipe()
        os.dup2(end, 0)
        threading.Thread(target=filter_input, args=(real, passed), daemon=True).start()
    anyio.run(serve)


if __name__ == "__main__":
    main()
