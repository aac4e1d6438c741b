"""One answered call; tests bend one part of it."""

from typing import Any

from tests.seals import SEALER
from tests.yett.validation.calls import METHODS
from yett.catalogue import public_uri
from yett.core.call import Call, RpcError
from yett.core.document import encode
from yett.core.identity import Principal
from yett.core.operations import OPERATIONS, Kind
from yett.core.proofs import Admitted, Answered, Armed, Cleaned, Credential, Permitted, Validated
from yett.core.secret import Secret
from yett.core.standing import Standing
from yett.core.target import Target
from yett.sanitising.build import build
from yett.sanitising.config import AnswerRules, Handling

GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def answered(
    untrusted: dict[str, Any] | None,
    *,
    error: RpcError | None = None,
    kind: Kind = Kind.TOOL,
    method: str = "",
    definition: dict[str, Any] | None = None,
    lent: str = "",
    server: str | None = "demo",
    compact: bool = True,
) -> Answered:
    """server: which the caller asked; None: the gate as a whole. compact: it came as compact JSON."""
    call = Call(
        id="r1",
        operation=OPERATIONS[method or METHODS[kind]],
        server=server,
        name="echo",
        credential=Secret("k"),
        peer="127.0.0.1",
        door="mcp",
        protocol="2025-11-25",
        received_at=0.0,
        started=0.0,
    )
    target = Target(
        kind=kind, server="demo", name="echo", public_name="demo__echo", definition=definition or {}
    )
    principal = Principal(id="p", name="p")
    permitted = Permitted(call, principal, target, (), "v1", Standing(principal, target))
    headers = (("Authorization", Secret(lent)),) if lent else ()
    armed = Armed(Admitted(Validated(permitted, {})), Credential(headers))
    encoded = encode(untrusted) if compact and untrusted is not None else b""
    return Answered(armed, untrusted, error, 0, 0.0, encoded)


def text(content: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": content}]} | more


def clean(
    untrusted: dict[str, Any] | None, *, secrets: Handling = "redact", **more: Any
) -> Cleaned:
    stage = build(
        {"demo/echo": AnswerRules(secrets=secrets)},
        lambda _target, _value: None,
        SEALER,
        public_uri,
    )
    return stage.clean(answered(untrusted, **more))


def clean_with(
    untrusted: dict[str, Any] | None, *, error: RpcError | None = None, **rules: Any
) -> Cleaned:
    """Clean an answer of a tool whose section says this."""
    stage = build(
        {"demo/echo": AnswerRules(**rules)}, lambda _target, _value: None, SEALER, public_uri
    )
    return stage.clean(answered(untrusted, error=error))
