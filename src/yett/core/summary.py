"""What is told about a call once it is over, to those who count and draw and decide nothing."""

from typing import Literal, final

import msgspec

from yett.core.reasons import Reason

Decision = Literal["allowed", "denied", "error"]
Status = Literal["ok", "tool_error", "input_required", "refused", "unknown"]


@final
class Summary(msgspec.Struct, frozen=True, gc=False):
    """Made by audit when the outcome has been written.

    ended_at: wall clock, seconds since 1970. seconds: from the request's arrival to now.
    server, tool: only of a target that the catalogue knows, so that no caller can invent label
    values; None otherwise. upstream_seconds, bytes: None if no upstream answered. caller: id of the
    principal, if it is known who called. peer: the address that the request came from.
    """

    id: str
    method: str
    door: str
    server: str | None
    tool: str | None
    tenant: str | None
    decision: Decision
    reason: Reason | None
    status: Status
    ended_at: float
    seconds: float
    upstream_seconds: float | None = None
    cost_micros: int = 0
    currency: str = "USD"
    bytes: int | None = None
    findings: tuple[str, ...] = ()
    caller: str | None = None
    peer: str = ""
