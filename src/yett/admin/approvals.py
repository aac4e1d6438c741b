"""Calls that wait for a person, in the admin API: who has the token may answer, and so may approvers, each
with its own secret as the bearer token, who may do nothing else."""

from typing import Any, Final

from starlette.requests import Request

from yett.admin.port import AdminGate
from yett.authorization.approval.request import Approver
from yett.core.document import DocumentError, parse
from yett.core.errors import CommandError
from yett.core.target import JSON

PATH: Final = "/api/v1/approvals"
BODY_BYTES_MAX: Final = 4_096

_REASON: Final = {"type": "string", "maxLength": 500}
BODIES: Final[dict[str, dict[str, Any]]] = {
    "approve": {"reason": _REASON, "break_glass": {"type": "boolean"}},
    "deny": {"reason": _REASON},
}
"""Last part of a path → what its body may say; all of it may be left out."""


def is_for_approvers(path: str) -> bool:
    return path == PATH or path.startswith(f"{PATH}/")


def list_approvals(gate: AdminGate, request: Request) -> JSON:
    query = request.query_params
    if query.keys() - {"all"} or query.get("all", "true") not in ("true", "false"):
        raise CommandError("the only filter is `all`, `true` or `false`")
    closed = query.get("all") == "true"
    return {"approvals": gate.approvals(_by(request).tenant, with_closed=closed)}


def show(gate: AdminGate, request: Request) -> JSON:
    return gate.approval(request.path_params["approval"], _by(request).tenant)


def approve(gate: AdminGate, request: Request) -> JSON:
    said = _said(request, "approve")
    return gate.approve(
        request.path_params["approval"],
        _by(request),
        break_glass=said.get("break_glass", False),
        reason=said.get("reason", ""),
    )


def deny(gate: AdminGate, request: Request) -> JSON:
    said = _said(request, "deny")
    return gate.deny(request.path_params["approval"], _by(request), reason=said.get("reason", ""))


def _by(request: Request) -> Approver:
    who = request.state.who
    assert isinstance(who, Approver)  # noqa: S101 - the guard lets nobody else pass
    return who


def _said(request: Request, action: str) -> dict[str, Any]:
    """Return what the body says.

    Raises:
        CommandError: it is no object, or has another form.
    """
    body: bytes = request.state.body
    try:
        said = parse(body) if body.strip() else {}
    except DocumentError as error:
        raise CommandError(f"the body: {error}") from None
    if not isinstance(said, dict) or not said.keys() <= BODIES[action].keys():
        raise CommandError(f"the body is an object of: {', '.join(BODIES[action])}")
    if type(said.get("reason", "")) is not str or type(said.get("break_glass", False)) is not bool:
        raise CommandError("`reason` is a text, `break_glass` is true or false")
    return said
