"""One admitted call, one clock that a test moves by hand, and a place that keeps its events."""

from typing import Any, final

from yett.core.call import Call
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Admitted, Permitted, Validated
from yett.core.secret import Secret
from yett.core.standing import Standing
from yett.core.target import Target

CANARY = "canary-7f3a9b2e5d"
CALLERS_OWN = "yett_test_caller_credential"


@final
class Ledger:
    """Takes events as the audit log does; `broken` makes it refuse."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.broken = False

    def record(self, event: dict[str, Any]) -> None:
        if self.broken:
            raise OSError("no space left on device")
        self.events.append(event)


def admitted(server: str = "github", *, request: str = "request-1") -> Admitted:
    call = Call(
        id=request,
        operation=OPERATIONS["tools/call"],
        server=server,
        name="create_issue",
        credential=Secret(CALLERS_OWN),
        peer="127.0.0.1",
        door="mcp",
        protocol="2025-11-25",
        received_at=0.0,
        started=0.0,
    )
    target = Target(kind=Kind.TOOL, server=server, name="create_issue", public_name="x")
    principal = Principal(id="key1", name="laptop")
    permitted = Permitted(call, principal, target, (), "1", Standing(principal, target))
    return Admitted(Validated(permitted, {}))
