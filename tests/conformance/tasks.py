"""Long work on the fixture: the tasks extension of 2026-07-28 (SEP-2663), which the SDK does not have.

Behaviours are `Work`: what runs once there is a task. An agent that does not take tasks gets the
result at once, or is refused where a tool cannot do without.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    RequestParams,
)

Context = ServerRequestContext[Any, Any]
Result = dict[str, Any]
EXTENSION: Final = "io.modelcontextprotocol/tasks"
TTL_MILLISECONDS: Final = 60_000
POLL_MILLISECONDS: Final = 100
_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
_NEEDED: Final[Result] = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}


@dataclass
class Task:
    """pending: the questions that wait for an answer, by key."""

    id: str = field(default_factory=lambda: secrets.token_hex(16))
    status: str = "working"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    outcome: Result = field(default_factory=dict)
    pending: dict[str, Result] = field(default_factory=dict)
    answers: dict[str, Result] = field(default_factory=dict)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    running: "asyncio.Task[None] | None" = None

    def brief(self) -> Result:
        """What is told when it is made, and each time."""
        at = self.created.isoformat().replace("+00:00", "Z")
        return {
            "taskId": self.id,
            "status": self.status,
            "createdAt": at,
            "lastUpdatedAt": at,
            "ttlMs": TTL_MILLISECONDS,
            "pollIntervalMs": POLL_MILLISECONDS,
        }

    async def ask(self, questions: dict[str, Result]) -> dict[str, Result]:
        """Wait until every question has an answer."""
        self.status, self.pending = "input_required", dict(questions)
        await self.answered.wait()
        self.status = "working"
        return self.answers

    async def run(self, work: "Work", arguments: dict[str, Any]) -> None:
        try:
            self.outcome = {"result": await work(self, arguments)}
            self.status = "completed"
        except asyncio.CancelledError:
            self.status = "cancelled"
        except MCPError as error:
            self.outcome = {"error": {"code": error.code, "message": error.message}}
            self.status = "failed"


Work = Callable[[Task, dict[str, Any]], Awaitable[Result]]


class Board:
    """All tasks there are."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}

    def begin(self, work: Work, arguments: dict[str, Any]) -> Result:
        task = Task()
        self._tasks[task.id] = task
        task.running = asyncio.create_task(task.run(work, arguments))
        return {"resultType": "task", **task.brief()}

    async def get(self, context: Context, _: RequestParams) -> Result:
        task = self._find(context)
        asked = {"inputRequests": task.pending} if task.status == "input_required" else {}
        return {"resultType": "complete", **task.brief(), **asked, **task.outcome}

    async def update(self, context: Context, _: RequestParams) -> Result:
        task = self._find(context)
        for key, answer in dict((context.params or {}).get("inputResponses", {})).items():
            if task.pending.pop(key, None):
                task.answers[key] = answer
        if task.status == "input_required" and not task.pending:
            task.answered.set()
        return {"resultType": "complete"}

    async def cancel(self, context: Context, _: RequestParams) -> Result:
        task = self._find(context)
        if task.running is not None:
            task.running.cancel()
        return {"resultType": "complete"}

    def _find(self, context: Context) -> Task:
        if not declared(context):
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "Needs an agent with tasks", _NEEDED)
        identifier = str((context.params or {}).get("taskId"))
        headers = {} if context.request is None else context.request.headers
        if headers.get("mcp-name", identifier) != identifier:
            raise MCPError(HEADER_MISMATCH, "Mcp-Name differs from `taskId`")
        if identifier not in self._tasks:
            raise MCPError(INVALID_PARAMS, "Unknown task")
        return self._tasks[identifier]


def declared(context: Context) -> bool:
    """Whether this very request comes from an agent that takes tasks."""
    meta = (context.params or {}).get("_meta", {})
    return EXTENSION in meta.get(_CAPABILITIES, {}).get("extensions", {})


# -- what the scenarios want done


def _said(text: str, *, failed: bool = False) -> Result:
    return {"content": [{"type": "text", "text": text}]} | ({"isError": True} if failed else {})


def _question(message: str) -> Result:
    schema = {"type": "object", "properties": {"confirm": {"type": "boolean"}}}
    return {
        "method": "elicitation/create",
        "params": {"mode": "form", "message": message, "requestedSchema": schema},
    }


async def slow_compute(_: Task, arguments: dict[str, Any]) -> Result:
    await asyncio.sleep(arguments.get("seconds", 0))
    return _said(f"computed {arguments.get('label')}")


async def failing_job(_: Task, __: dict[str, Any]) -> Result:
    await asyncio.sleep(0.3)
    return _said("this job always fails", failed=True)


async def protocol_error_job(_: Task, __: dict[str, Any]) -> Result:
    raise MCPError(INTERNAL_ERROR, "this job breaks the server")


async def confirm_delete(task: Task, arguments: dict[str, Any]) -> Result:
    answers = await task.ask({"sure": _question(f"Delete {arguments.get('filename')}?")})
    return _said(f"deleted: {answers['sure'].get('action')}")


async def multi_input(task: Task, _: dict[str, Any]) -> Result:
    answers = await task.ask({"first": _question("First?"), "second": _question("Second?")})
    return _said(f"got {', '.join(sorted(answers))}")


async def repeat(_: Task, result: dict[str, Any]) -> Result:
    """What is known already, later."""
    return result


WORKS: Final[dict[str, Work]] = {
    "slow_compute": slow_compute,
    "failing_job": failing_job,
    "protocol_error_job": protocol_error_job,
    "confirm_delete": confirm_delete,
    "multi_input": multi_input,
}
_ONLY_AS_TASKS: Final = ("failing_job", "test_tool_with_task")


def check(name: str, context: Context) -> None:
    """Refuse an agent without tasks where the tool cannot do without them."""
    if name in _ONLY_AS_TASKS and not declared(context):
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, f"{name} runs as a task", _NEEDED)


async def at_once(name: str, arguments: dict[str, Any]) -> Result:
    """Do the work while the agent waits; what would have to ask does not."""
    if name in ("confirm_delete", "multi_input"):
        return _said("nothing was confirmed", failed=True)
    return await WORKS[name](Task(), arguments)
