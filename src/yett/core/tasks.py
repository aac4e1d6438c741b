"""Work that a server goes on with after it has answered. No I/O.

Two forms that do not fit each other: the core tasks of 2025-11-25, which a caller asks for, and the
extension of 2026-07-28, in which the server decides (`resultType: task`). A task is relayed between
sides of one form. Its id leaves the gate sealed for the caller that began it, so that nobody else can
name it, and leads back to its server and its tool, which must still be permitted each time.
"""

from typing import Final, Literal, final

import msgspec

from yett.core.seal import Sealer
from yett.core.target import JSON

EXTENSION: Final = "io.modelcontextprotocol/tasks"
RELATED: Final = "io.modelcontextprotocol/related-task"
"""Member of `_meta` that says to which task a message belongs (2025-11-25)."""
TASK: Final = "task"
"""`resultType` of the extension, and the member by which 2025-11-25 asks for a task and answers it."""

Form = Literal["core", "extension"]

FOLLOW_UPS: Final[dict[str, frozenset[Form]]] = {
    "tasks/get": frozenset({"core", "extension"}),
    "tasks/cancel": frozenset({"core", "extension"}),
    "tasks/result": frozenset({"core"}),
    "tasks/update": frozenset({"extension"}),
}
"""What can be asked about a task → the forms that know it."""

TASK_SECONDS_MAX: Final = 7 * 86_400.0
"""A caller that comes back later than this finds its task gone."""
_PURPOSE: Final = "task"


@final
class TaskHandle(msgspec.Struct, frozen=True):
    """id: the server's own."""

    server: str
    tool: str
    form: Form
    id: str


@final
class TaskAsked(msgspec.Struct, frozen=True):
    """What a call has to do with a task. id: as the caller knows it; empty: it wants a new one, to be
    kept for `ttl` milliseconds (2025-11-25). handle: what the id stands for, once that is proven."""

    id: str = ""
    ttl: int | None = None
    handle: TaskHandle | None = None


def seal_task(handle: TaskHandle, sealer: Sealer, owner: str) -> str:
    """Return the id by which the caller knows the task. owner: id of the principal."""
    content: JSON = [handle.server, handle.tool, handle.form, handle.id]
    return sealer.seal(content, owner=owner, purpose=_PURPOSE, seconds=TASK_SECONDS_MAX)


def open_task(text: str, sealer: Sealer, owner: str) -> TaskHandle:
    """Return what an id stands for.

    Raises:
        SealError: it was not given to this caller, or too long ago.
    """
    server, tool, form, identifier = sealer.open(text, owner=owner, purpose=_PURPOSE)
    return TaskHandle(server, tool, form, identifier)
