"""An MCP server that answers each call with its own word, late and out of order, and tells progress in that
word, too. `python echoing.py modern|legacy` serves standard input and output; a port as well serves HTTP."""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

MODERN: Final = "2026-07-28"
_DELAY_SECONDS_MAX: Final = 0.03
_TOOL: Final = {
    "name": "echo",
    "inputSchema": {"type": "object", "properties": {"word": {"type": "string"}}},
    "annotations": {"readOnlyHint": True},
}


async def answers(message: dict[str, Any], *, modern: bool) -> AsyncIterator[dict[str, Any]]:
    """Yield what is sent for one request; the answer is the last."""
    identifier, params = message["id"], message.get("params", {})
    meta = params.get("_meta", {})
    is_modern = meta.get("io.modelcontextprotocol/protocolVersion") == MODERN
    if is_modern != modern and message["method"] in ("server/discover", "initialize"):
        yield {"jsonrpc": "2.0", "id": identifier, "error": {"code": -32601, "message": "Method not found"}}  # fmt: skip
        return
    if message["method"] == "tools/call":
        word = params["arguments"]["word"]
        for part in (1, 2):
            await asyncio.sleep(random.uniform(0, _DELAY_SECONDS_MAX / 2))
            if "progressToken" in meta:
                told = {"progressToken": meta["progressToken"], "progress": part, "message": word}
                yield {"jsonrpc": "2.0", "method": "notifications/progress", "params": told}
    result = _result(message["method"], params)
    if modern:
        result = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private", **result}
    yield {"jsonrpc": "2.0", "id": identifier, "result": result}


def _result(method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method == "tools/call":
        return {"content": [{"type": "text", "text": params["arguments"]["word"]}]}
    named: dict[str, dict[str, Any]] = {
        "server/discover": {"supportedVersions": [MODERN], "capabilities": {"tools": {}}},
        "initialize": {
            "protocolVersion": params.get("protocolVersion"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "echoing", "version": "1"},
        },
        "tools/list": {"tools": [_TOOL]},
    }
    return named.get(method, {})


# -- over standard input and output


async def serve_pipes(*, modern: bool) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        while line := await reader.readline():
            message = json.loads(line)
            if "id" in message and "method" in message:
                tasks.create_task(_answer_line(message, modern=modern))


async def _answer_line(message: dict[str, Any], *, modern: bool) -> None:
    async for found in answers(message, modern=modern):
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


# -- over HTTP


async def serve_http(port: int, *, modern: bool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await _exchange(reader, writer, modern=modern)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port)
    await server.serve_forever()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, modern: bool
) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next((line[15:] for line in head.split("\r\n") if line.startswith("content-length:")), "0")  # fmt: skip
    body = await reader.readexactly(int(length))
    message = json.loads(body) if body else {}
    if "id" not in message or "method" not in message:
        status = b"405 No stream here" if head.startswith("get ") else b"202 Accepted"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)
        return
    found = [item async for item in answers(message, modern=modern)]
    if len(found) == 1:
        kind, data = b"application/json", json.dumps(found[0]).encode()
    else:
        kind = b"text/event-stream"
        data = b"".join(b"data: %b\n\n" % json.dumps(item).encode() for item in found)
    head_of_answer = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    writer.write(head_of_answer % (kind, len(data)) + data)
    await writer.drain()


if __name__ == "__main__":
    is_modern = sys.argv[1] == "modern"
    if len(sys.argv) > 2:
        asyncio.run(serve_http(int(sys.argv[2]), modern=is_modern))
    else:
        asyncio.run(serve_pipes(modern=is_modern))
