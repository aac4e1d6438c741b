"""An agent of an older version: one session, its requests, its streams."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from tests.yett.edge.messages import CALL
from tests.yett.edge.scripted import KEY, Answer, Events, Server
from yett.core.call import Call, Reply
from yett.core.identity import Principal
from yett.core.notices import Notice

ALL: Final[dict[str, Any]] = {
    "sampling": {"tools": {}},
    "elicitation": {"form": {}, "url": {}},
    "roots": {},
}
FORM: Final = {"message": "Who?", "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}}}  # fmt: skip
ELICIT: Final = {"method": "elicitation/create", "params": FORM}
PROGRESS: Final = Notice("notifications/progress", {"progress": 1, "message": "half"})


class Old:
    """server: the gate. version: as it was agreed."""

    def __init__(self, server: Server, version: str, session: str, key: str, path: str) -> None:
        self.server = server
        self.version = version
        self.session = session
        self.key = key
        self.path = path

    @classmethod
    async def open(
        cls,
        server: Server,
        version: str = "2025-11-25",
        capabilities: dict[str, Any] | None = None,
        *,
        key: str = KEY,
        path: str = "/mcp",
    ) -> "Old":
        params = {"protocolVersion": version, "capabilities": capabilities or {}}
        answer = await server.request("POST", path, request("initialize", params), key=key)
        assert answer.status == 200, answer
        return cls(server, version, answer.headers["mcp-session-id"], key, path)

    @property
    def headers(self) -> dict[str, str]:
        return {"Mcp_Session_Id": self.session, "MCP_Protocol_Version": self.version}

    async def post(self, body: Any, **headers: str) -> Answer:
        """Send what is answered plainly."""
        return await self.server.request(
            "POST", self.path, body, key=self.key, **(self.headers | headers)
        )

    async def ask(self, method: str, params: dict[str, Any] | None = None, id_: Any = 1) -> Answer:
        return await self.post(request(method, params, id_))

    async def notify(self, method: str, params: dict[str, Any] | None = None) -> Answer:
        return await self.post(request(method, params, None))

    async def answer(self, question: dict[str, Any], result: Any = None, **rest: Any) -> Answer:
        body = {"jsonrpc": "2.0", "id": question["id"], **rest}
        return await self.post(body if rest else body | {"result": result})

    @contextlib.asynccontextmanager
    async def calling(
        self, id_: Any = 1, token: Any = None, body: Any = None
    ) -> AsyncIterator[Events]:
        """Make a call that is answered by a stream; hang up at the end."""
        params = CALL if token is None else CALL | {"_meta": {"progressToken": token}}
        message = request("tools/call", params, id_) if body is None else body
        async with self.server.stream(
            "POST", self.path, message, key=self.key, **self.headers
        ) as stream:
            yield stream

    @contextlib.asynccontextmanager
    async def listening(self, last: str | None = None) -> AsyncIterator[Events]:
        headers = self.headers | {"Accept": "text/event-stream"}
        if last is not None:
            headers["Last_Event_ID"] = last
        async with self.server.stream("GET", self.path, key=self.key, **headers) as stream:
            yield stream


async def heard(stream: Events) -> Any:
    """The next message that is not an empty event to come back to; None at the end."""
    while (event := await stream.event()) is not None:
        if event["data"]:
            return json.loads(event["data"])
    return None


async def all_heard(stream: Events) -> list[Any]:
    found = []
    while (message := await heard(stream)) is not None:
        found.append(message)
    return found


def request(method: str, params: dict[str, Any] | None = None, id_: Any = 1) -> dict[str, Any]:
    found: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if id_ is not None:
        found["id"] = id_
    return found if params is None else found | {"params": params}


def asks(*rounds: dict[str, Any]) -> Callable[[Call, Principal], Reply | None]:
    """A server that asks this, round by round, and answers then. rounds: `inputRequests`."""

    def answer(call: Call, principal: Principal) -> Reply | None:
        if call.operation.method != "tools/call" or call.talk is None:
            return None
        number = int(call.talk.state or "0")
        if number >= len(rounds):
            return None
        result = {"resultType": "input_required", "inputRequests": rounds[number], "requestState": str(number + 1)}  # fmt: skip
        return Reply(call=call, principal=principal, result=result)

    return answer


async def settled(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
