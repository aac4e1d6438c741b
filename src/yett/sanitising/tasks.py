"""What a server says of a task: known forms only. Sources: MCP 2025-11-25, Tasks; ext-tasks (SEP-2663)."""

from typing import Final

from yett.core.call import Call
from yett.core.target import JSON
from yett.core.tasks import EXTENSION, RELATED, TASK, TaskHandle
from yett.sanitising.questions import check_question
from yett.sanitising.shape import ShapeError, check_tool_result

_STATES: Final = frozenset({"working", "input_required", "completed", "failed", "cancelled"})
_COMMON: Final = frozenset({"resultType", "_meta", "ttlMs", "cacheScope"})
_ID_CHARS_MAX: Final = 4_096
_TEXTS: Final = ("statusMessage", "createdAt", "lastUpdatedAt")
_NUMBERS: Final = ("ttl", "ttlMs", "pollInterval", "pollIntervalMs")


def is_creation(result: dict[str, JSON]) -> bool:
    """Tell whether a server answers a call with a task in place of a result."""
    return result.get("resultType") == TASK or isinstance(result.get(TASK), dict)


def task_of(result: dict[str, JSON]) -> dict[str, JSON]:
    """Return the task of such an answer: of 2025-11-25 it is a member, of the extension the result."""
    inner = result.get(TASK)
    return inner if isinstance(inner, dict) else result


def takes_tasks(call: Call) -> bool:
    """Tell whether a modern caller declared, on this request, that it can handle a task (SEP-2663)."""
    extensions = None if call.talk is None else call.talk.capabilities.get("extensions")
    return (
        call.operation.method == "tools/call"
        and isinstance(extensions, dict)
        and EXTENSION in extensions
    )


def check_same(result: dict[str, JSON], handle: TaskHandle) -> None:
    """Raises:
    ShapeError: the server answers about another task than was asked about.
    """
    if result.get("taskId", handle.id) != handle.id:
        raise ShapeError("an answer about another task")


def with_id(result: dict[str, JSON], identifier: str) -> dict[str, JSON]:
    """Return what a server says of a task under the id by which the caller knows it."""
    if isinstance(result.get(TASK), dict):
        return {**result, TASK: {**result[TASK], "taskId": identifier}}
    found = dict(result)
    if "taskId" in found:
        found["taskId"] = identifier
    meta = found.get("_meta")
    if isinstance(meta, dict) and RELATED in meta:
        found["_meta"] = {**meta, RELATED: {"taskId": identifier}}
    return found


def check_task(result: dict[str, JSON]) -> tuple[int, ...]:
    """Check a task, with the outcome or the questions that it may hold; return the ids of the blocks
    whose `data` is binary.

    Raises:
        ShapeError: it has another form.
    """
    task = task_of(result)
    if task is not result and not result.keys() <= _COMMON | {TASK}:
        raise ShapeError("a task with more beside it")
    identifier = task.get("taskId")
    if not isinstance(identifier, str) or not 0 < len(identifier) <= _ID_CHARS_MAX:
        raise ShapeError("a task without an id")
    if task.get("status") not in _STATES:
        raise ShapeError("a task of no known status")
    if any(not isinstance(task.get(name, ""), str) for name in _TEXTS):
        raise ShapeError("a task with a text that is none")
    if any(type(task.get(name) or 0) not in (int, float) for name in _NUMBERS):
        raise ShapeError("a task with a number that is none")
    binary: tuple[int, ...] = ()
    outcome, questions = task.get("result"), task.get("inputRequests")
    if outcome is not None:
        if not isinstance(outcome, dict):
            raise ShapeError("the outcome of a task is not an object")
        binary += check_tool_result(outcome)
    if questions is not None:
        binary += check_question("tools/call", {"inputRequests": questions})
    return binary


def check_acknowledgement(result: dict[str, JSON]) -> tuple[int, ...]:
    """Check the answer to `tasks/cancel` and `tasks/update`: a task, or nothing (the extension).

    Raises:
        ShapeError: it has another form.
    """
    if "taskId" in result:
        return check_task(result)
    if not result.keys() <= _COMMON:
        raise ShapeError("an acknowledgement with more to it")
    return ()
