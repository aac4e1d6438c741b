"""Alerts in the admin API: what `yett alert` does, for dashboards and programs of the operator's."""

from typing import Any, Final

from starlette.requests import Request

from yett.admin.port import AdminGate
from yett.authorization.approval.request import Approver
from yett.core.document import DocumentError, parse
from yett.core.errors import CommandError
from yett.core.quantities import duration_seconds
from yett.core.target import JSON

PATH: Final = "/api/v1/alerts"
SILENCES: Final = "/api/v1/alert-silences"

_TEXT: Final = {"type": "string", "maxLength": 500}
BODIES: Final[dict[str, dict[str, Any]]] = {
    "ack": {"note": _TEXT},
    "alert-silences": {"what": _TEXT, "for": _TEXT, "reason": _TEXT},
    "test": {"to": _TEXT},
}
"""Last part of a path → what its body may say."""


def list_alerts(gate: AdminGate, request: Request) -> JSON:
    query = request.query_params
    if query.keys() - {"all", "tenant"} or query.get("all", "false") not in ("true", "false"):
        raise CommandError("the filters are `tenant` and `all`, `true` or `false`")
    found = gate.alerts.book.find(
        tenant=query.get("tenant"), with_resolved=query.get("all") == "true"
    )
    return {"alerts": [alert.described() for alert in found]}


def show(gate: AdminGate, request: Request) -> JSON:
    return gate.alerts.book.show(request.path_params["alert"]).described()


def acknowledge(gate: AdminGate, request: Request) -> JSON:
    note = _said(request, "ack").get("note", "")
    identifier = request.path_params["alert"]
    return gate.alerts.book.acknowledge(identifier, actor=_actor(request), note=note).described()


def list_silences(gate: AdminGate, _: Request) -> JSON:
    return {"silences": gate.alerts.book.silences()}


def silence(gate: AdminGate, request: Request) -> JSON:
    said = _said(request, "alert-silences")
    if not said.keys() >= {"what", "for", "reason"}:
        raise CommandError("say `what` (a kind or a subject), `for` how long, and the `reason`")
    try:
        seconds = duration_seconds(said["for"])
    except ValueError as error:
        raise CommandError(f"`for`: {error}") from None
    return gate.alerts.book.silence(
        said["what"], seconds=seconds, reason=said["reason"], actor=_actor(request)
    )


def end_silence(gate: AdminGate, request: Request) -> JSON:
    gate.alerts.book.end_silence(request.path_params["silence"], actor=_actor(request))
    return {"id": request.path_params["silence"], "ended": True}


def test(gate: AdminGate, request: Request) -> JSON:
    return {"results": gate.alerts.test(_said(request, "test").get("to"), _actor(request))}


def _actor(request: Request) -> str:
    who = request.state.who
    assert isinstance(who, Approver)  # noqa: S101 - the guard lets nobody else pass
    return who.actor


def _said(request: Request, action: str) -> dict[str, str]:
    """Return what the body says, all of it texts.

    Raises:
        CommandError: it is no object, or has another form.
    """
    body: bytes = request.state.body
    try:
        said = parse(body) if body.strip() else {}
    except DocumentError as error:
        raise CommandError(f"the body: {error}") from None
    if (
        not isinstance(said, dict)
        or not said.keys() <= BODIES[action].keys()
        or any(type(value) is not str for value in said.values())
    ):
        raise CommandError(f"the body is an object with texts of: {', '.join(BODIES[action])}")
    return {name: str(value) for name, value in said.items()}
