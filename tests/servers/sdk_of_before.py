"""A server on the official SDK before version 2: `python sdk_of_before.py sse|streamable-http PORT`.

Runs in the folder `.peers`, with nothing of Yett in reach.
"""

import importlib
import sys
from typing import Any

fastmcp: Any = importlib.import_module("mcp.server.fastmcp")  # not there in the SDK of the tests
Context: Any = fastmcp.Context
server = fastmcp.FastMCP("before", port=int(sys.argv[2]))


@server.tool()  # type: ignore[untyped-decorator]  # of that other SDK
async def echo(message: str) -> str:
    return message


@server.tool()  # type: ignore[untyped-decorator]  # of that other SDK
async def steps(context: Context) -> str:
    for step in range(3):
        await context.report_progress(step, 3)
    return "done"


@server.tool()  # type: ignore[untyped-decorator]  # of that other SDK
async def roots(context: Context) -> str:
    """The SDK asks for roots on the stream of the session: it cannot say which call they are for."""
    found = await context.session.list_roots()
    return ",".join(str(root.uri) for root in found.roots)


@server.tool()  # type: ignore[untyped-decorator]  # of that other SDK
async def log(context: Context) -> str:
    await context.session.send_log_message("warning", "on the stream of the session")
    await context.info("on the stream of the call")
    return "logged"


@server.resource("memo://one")  # type: ignore[untyped-decorator]  # as above
async def memo() -> str:
    return "memo"


server.run(transport=sys.argv[1])
