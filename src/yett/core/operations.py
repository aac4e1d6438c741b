"""Every operation the gate knows, and which road it takes. What is not in the table is refused.

MCP names are the methods of the specification (2025-03-26 to 2026-07-28). `session/…` are what HTTP
says without a method: the stream (GET), its end (DELETE), and answers to what a server asked. The
`yett/` ones are the REST routes `/v1/key` and `/v1/usage`, and an answer that is given again
(`Idempotency-Key`).
"""

from enum import Enum, StrEnum
from typing import Final, final

import msgspec


class Kind(StrEnum):
    TOOL = "tool"
    RESOURCE = "resource"
    RESOURCE_TEMPLATE = "resource_template"
    PROMPT = "prompt"


class Road(Enum):
    """The three functions of `pipeline.py`."""

    CALL = "call"
    """Reaches an upstream."""
    LIST = "list"
    """Answers from the approved catalogue."""
    ATTEND = "attend"
    """Concerns the caller itself (ping, initialize, own key): a valid credential is enough."""


CALL: Final = Road.CALL
LIST: Final = Road.LIST
"""An attribute of an enumeration costs ten times a global."""


@final
class Operation(msgspec.Struct, frozen=True):
    method: str
    road: Road
    kind: Kind | None = None
    answer_key: str = ""
    """Lists only: the key of the result that holds the items."""


_TABLE: Final = (
    Operation("tools/call", Road.CALL, Kind.TOOL),
    Operation("resources/read", Road.CALL, Kind.RESOURCE),
    Operation("prompts/get", Road.CALL, Kind.PROMPT),
    Operation("resources/subscribe", Road.CALL, Kind.RESOURCE),
    Operation("completion/complete", Road.CALL, Kind.PROMPT),
    Operation("tasks/get", Road.CALL, Kind.TOOL),
    Operation("tasks/result", Road.CALL, Kind.TOOL),
    Operation("tasks/update", Road.CALL, Kind.TOOL),
    Operation("tasks/cancel", Road.CALL, Kind.TOOL),
    Operation("tools/list", Road.LIST, Kind.TOOL, "tools"),
    Operation("resources/list", Road.LIST, Kind.RESOURCE, "resources"),
    Operation("resources/templates/list", Road.LIST, Kind.RESOURCE_TEMPLATE, "resourceTemplates"),
    Operation("prompts/list", Road.LIST, Kind.PROMPT, "prompts"),
    Operation("initialize", Road.ATTEND),
    Operation("server/discover", Road.ATTEND),
    Operation("ping", Road.ATTEND),
    Operation("notifications/initialized", Road.ATTEND),
    Operation("notifications/cancelled", Road.ATTEND),
    Operation("notifications/progress", Road.ATTEND),
    Operation("notifications/roots/list_changed", Road.ATTEND),
    Operation("logging/setLevel", Road.ATTEND),
    Operation("resources/unsubscribe", Road.ATTEND),
    Operation("subscriptions/listen", Road.ATTEND),
    Operation("session/stream", Road.ATTEND),
    Operation("session/answer", Road.ATTEND),
    Operation("session/end", Road.ATTEND),
    Operation("yett/key", Road.ATTEND),
    Operation("yett/usage", Road.ATTEND),
    Operation("yett/outcome", Road.ATTEND),
)

OPERATIONS: Final[dict[str, Operation]] = {operation.method: operation for operation in _TABLE}

COMPLETE_TEMPLATE: Final = Operation("completion/complete", Road.CALL, Kind.RESOURCE_TEMPLATE)
"""Completion for `ref/resource`; the one in the table is for `ref/prompt`."""

JUDGE_AGAIN: Final = Operation("resources/subscribe", Road.CALL, Kind.RESOURCE)
"""What the gate asks of itself: whether a caller may still watch what it watches. Nothing that the caller
does, so it is not counted as such."""

UNKNOWN: Final = Operation("unknown", Road.ATTEND)
"""Stands in the record of a request that named no operation of the table. Always refused."""
