"""One good call of one caller, a clock that is set by hand, and limits over both."""

import itertools
from collections.abc import Mapping
from typing import Any

from tests.clock import NOON, HandClock
from yett.core.call import Call, Reply, RpcError
from yett.core.errors import Denied, Refusal
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import (
    Admitted,
    Answered,
    Armed,
    Cleaned,
    Confirmed,
    Credential,
    Identified,
    Permitted,
    Validated,
)
from yett.core.reasons import Reason
from yett.core.standing import Standing
from yett.core.target import Target
from yett.limits.build import build, memory_state
from yett.limits.config import BreakerConfig, KeyLimits, LimitsConfig, ToolLimits
from yett.limits.stage import Limiter
from yett.limits.state import LimitsState

NUMBERS = itertools.count(100)
LAPTOP = Principal(id="key_laptop", name="laptop")
SERVER = Principal(id="key_server", name="server")


def call(method: str = "tools/call", *, number: str = "call-1", started: float = 1_000.0) -> Call:
    return Call(
        id=number,
        operation=OPERATIONS[method],
        server=None,
        name="github__create_issue",
        credential=None,
        peer="127.0.0.1",
        door="mcp",
        protocol="2025-11-25",
        received_at=NOON,
        started=started,
    )


def confirmed(
    principal: Principal = LAPTOP,
    tool: str = "create_issue",
    *,
    kind: Kind = Kind.TOOL,
    number: str = "",
    started: float = 1_000.0,
) -> Confirmed:
    target = Target(kind=kind, server="github", name=tool, public_name=f"github__{tool}")
    permitted = Permitted(
        call(number=number or f"call-{next(NUMBERS)}", started=started),
        principal,
        target,
        ("p0",),
        "v1",
        Standing(principal, target),
    )
    return Confirmed(Validated(permitted, {}))


def identified(principal: Principal = LAPTOP, method: str = "tools/list") -> Identified:
    return Identified(call(method), principal)


def cleaned(admitted: Admitted, result: dict[str, Any] | None = None) -> Cleaned:
    armed = Armed(admitted, Credential())
    answered = Answered(armed, result or {"content": []}, None, 2, 0.01)
    return Cleaned(answered, result or {"content": []}, None, b"{}")


def reply(
    principal: Principal | None = LAPTOP,
    *,
    method: str = "tools/call",
    result: dict[str, Any] | None = None,
    error: RpcError | None = None,
    refusal: Refusal | None = None,
    number: str = "call-1",
    started: float = 1_000.0,
) -> Reply:
    if result is None and error is None and refusal is None:
        result = {"content": []}
    return Reply(
        call=call(method, number=number, started=started),
        principal=principal,
        result=result,
        error=error,
        refusal=refusal,
    )


def refused(reason: Reason = Reason.NOT_PERMITTED) -> Denied:
    return Denied(reason, "for a test")


def limiter(
    clock: HandClock,
    every: KeyLimits | None = None,
    *,
    keys: dict[str, KeyLimits] | None = None,
    tools: Mapping[str, ToolLimits] | None = None,
    breaker: BreakerConfig | None = None,
    state: LimitsState | None = None,
) -> Limiter:
    config = LimitsConfig(
        every_key=every or KeyLimits(), keys=keys or {}, breaker=breaker or BreakerConfig()
    )
    return build(config, tools or {}, state=state or memory_state(clock))
