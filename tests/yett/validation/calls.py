"""One permitted call; tests bend one part of it."""

from typing import Any

from yett.core.call import Call
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Permitted
from yett.core.secret import Secret
from yett.core.standing import Standing
from yett.core.target import Target

METHODS = {
    Kind.TOOL: "tools/call",
    Kind.PROMPT: "prompts/get",
    Kind.RESOURCE: "resources/read",
    Kind.RESOURCE_TEMPLATE: "resources/read",
}


def permitted(
    arguments: dict[str, Any],
    definition: dict[str, Any],
    *,
    kind: Kind = Kind.TOOL,
    name: str = "echo",
    digest: str = "",
) -> Permitted:
    call = Call(
        id="r1",
        operation=OPERATIONS[METHODS[kind]],
        server="demo",
        name=name,
        arguments=arguments,
        credential=Secret("k"),
        peer="127.0.0.1",
        door="mcp",
        protocol="2025-11-25",
        received_at=0.0,
        started=0.0,
    )
    target = Target(
        kind=kind,
        server="demo",
        name=name,
        public_name=f"demo__{name}",
        digest=digest,
        definition=definition,
    )
    principal = Principal(id="p", name="p")
    return Permitted(call, principal, target, (), "v1", Standing(principal, target))


def tool(schema: Any, **more: Any) -> dict[str, Any]:
    return {"name": "echo", "inputSchema": schema} | more
