"""A raw MCP server of 2024-11-05 (HTTP with SSE), in the test's own loop."""

import asyncio
import json
from typing import Any

from tests.servers.mcp_answers import Refused, answer
from tests.servers.mcp_http import (
    ANNOUNCING,
    HttpServer,
    Oddity,
    Request,
    Writer,
    chunk,
    head,
    whole,
)

VERSION = "2024-11-05"


class OldServer:
    """status: of what is posted to the address of the stream. address: what it wants to be posted to.
    before: said on the stream before each answer."""

    def __init__(
        self,
        address: str = "/messages?session=1",
        *,
        status: int = 405,
        oddity: Oddity | None = None,
    ) -> None:
        self.address = address
        self.oddity = oddity
        self.status = status
        self.before: list[dict[str, Any]] = []
        self.silent: set[str] = set()
        self.refusal = 0
        self.streams: list[Writer] = []
        self.posted: list[Request] = []
        self._replies: set[asyncio.Task[None]] = set()
        self.server = HttpServer("legacy", oddity=self.serve)

    async def serve(self, request: Request, writer: Writer) -> bool:
        if self.oddity is not None and await self.oddity(request, writer):
            return True
        if request.verb == "GET" and request.path == "/mcp":
            writer.write(head(200, "text/event-stream", Transfer_Encoding="chunked"))
            writer.write(chunk(f"event: endpoint\ndata: {self.address}\n\n".encode()))
            self.streams.append(writer)
        elif request.path == "/mcp":
            writer.write(whole(b"", self.status, None))
        else:
            self.posted.append(request)
            status = self.refusal if self.refusal and request.method == "tools/call" else 202
            writer.write(whole(b"Accepted", status, "text/plain"))
            if status == 202 and "id" in request.message and request.method:
                task = asyncio.create_task(self.reply(request))
                self._replies.add(task)
                task.add_done_callback(self._replies.discard)
        return True

    async def reply(self, request: Request) -> None:
        arguments = request.message.get("params", {}).get("arguments") or {}
        if request.method in self.silent:
            return
        for message in self.before:
            self.say(message)
        if "seconds" in arguments:
            await asyncio.sleep(arguments["seconds"])
        identifier = request.message["id"]
        try:
            params = request.message.get("params", {})
            result = answer(request.method, params, modern=False)
            if request.method == "initialize":
                result = {"protocolVersion": VERSION, "capabilities": ANNOUNCING}
            self.say({"id": identifier, "result": result})
        except Refused as refused:
            error = {"code": refused.code, "message": str(refused), "data": refused.data}
            self.say({"id": identifier, "error": error})

    def say(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":"))
        self.streams[-1].write(chunk(f"event: message\ndata: {body}\n\n".encode()))

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.posted]
