"""What a server is asked about tasks, in its own form. Pure."""

from typing import Final

from yett.core.errors import Denied
from yett.core.proofs import Validated
from yett.core.reasons import Reason
from yett.core.talk import Talk
from yett.core.target import JSON, Target
from yett.core.tasks import EXTENSION, TASK, Form, TaskAsked
from yett.upstreams.port import Era

RESULT: Final = "tasks/result"
_UPDATE: Final = "tasks/update"
_FORM: Final[dict[Era, Form]] = {Era.LEGACY: "core", Era.MODERN: "extension"}


def extensions_of(talk: Talk) -> tuple[str, ...]:
    """Return which of the extensions that a caller declared the gate carries."""
    declared = talk.capabilities.get("extensions")
    return (EXTENSION,) if isinstance(declared, dict) and EXTENSION in declared else ()


def wants_task(task: TaskAsked | None, target: Target, era: Era | None) -> bool:
    """Tell whether a new task is asked for of a server that makes one; otherwise the call is a call like
    any other (MCP 2025-11-25, Tasks: Task Support and Handling)."""
    if task is None or task.id or era is not Era.LEGACY:
        return False
    execution = target.definition.get("execution")
    support = execution.get("taskSupport") if isinstance(execution, dict) else None
    return support in ("optional", "required")


def questions_of(result: dict[str, JSON]) -> JSON:
    """Return what a task asks of its caller, in either form."""
    inner = result.get(TASK)
    return (inner if isinstance(inner, dict) else result).get("inputRequests", {})


def creation(task: TaskAsked) -> dict[str, JSON]:
    """Return the member of `params` that asks for a task."""
    return {TASK: {} if task.ttl is None else {"ttl": task.ttl}}


def follow_up(
    validated: Validated, task: TaskAsked, era: Era | None
) -> tuple[str, dict[str, JSON]]:
    """Return method and parameters of what is asked about a task.

    Raises:
        Denied: INVALID_STATE, the server has changed its era since, and knows no such task.
    """
    handle = task.handle
    if handle is None or (era is not None and _FORM[era] != handle.form):
        raise Denied(Reason.INVALID_STATE, "the server no longer knows tasks of this form")
    method = validated.permitted.call.operation.method
    params: dict[str, JSON] = {"taskId": handle.id}
    if method == _UPDATE and validated.resumption is not None:
        params["inputResponses"] = validated.resumption.inputs
    return method, params
