"""The record in the admin API: search it in pages, show one, and keep what must be kept."""

from typing import Any, Final

from starlette.requests import Request

from yett.admin.port import AdminGate
from yett.core.document import DocumentError, parse
from yett.core.errors import CommandError
from yett.core.target import JSON

PATH: Final = "/api/v1/audit/records"
HOLDS_PATH: Final = "/api/v1/audit/holds"
FILTERS: Final = (
    "since", "until", "key", "tool", "server", "tenant", "decision", "reason", "status",
    "id", "kind", "text",
)  # fmt: skip
PARAMETERS: Final = (*FILTERS, "where", "limit", "before")
RECORDS_MAX: Final = 10_000
_DIGITS_MAX: Final = 18
_TEXT: Final = {"type": "string", "maxLength": 500}
BODIES: Final[dict[str, dict[str, Any]]] = {
    "holds": {"reason": _TEXT, "tenant": _TEXT, "since": _TEXT, "until": _TEXT},
    "release": {"reason": _TEXT},
}
"""Last part of a path → what its body may say; `reason` must be there."""


def search(gate: AdminGate, request: Request) -> JSON:
    query = request.query_params
    unknown = query.keys() - set(PARAMETERS)
    if unknown:
        raise CommandError(f"unknown filters: {', '.join(sorted(unknown))}")
    filters = {name: value for name, value in query.items() if name in FILTERS}
    limit = _number(query.get("limit", "100"), "limit")
    if not 0 < limit <= RECORDS_MAX:
        raise CommandError(f"`limit` is a number from 1 to {RECORDS_MAX}")
    before = _number(query["before"], "before") if "before" in query else None
    return gate.book.search(filters, query.getlist("where"), limit, before)


def show(gate: AdminGate, request: Request) -> JSON:
    return gate.book.show(request.path_params["record"])


def list_holds(gate: AdminGate, request: Request) -> JSON:
    del request
    return {"holds": gate.book.holds()}


def add_hold(gate: AdminGate, request: Request) -> JSON:
    return gate.book.add_hold(_said(request, "holds"), request.state.who.actor)


def release_hold(gate: AdminGate, request: Request) -> JSON:
    said = _said(request, "release")
    return gate.book.release_hold(
        request.path_params["hold"], said["reason"], request.state.who.actor
    )


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _DIGITS_MAX:
        raise CommandError(f"`{name}` is a number")
    return int(text)


def _said(request: Request, action: str) -> dict[str, str]:
    """Return what the body says.

    Raises:
        CommandError: it is no object, has another form, or gives no reason.
    """
    try:
        said = parse(request.state.body)
    except DocumentError as error:
        raise CommandError(f"the body: {error}") from None
    if not isinstance(said, dict) or not said.keys() <= BODIES[action].keys():
        raise CommandError(f"the body is an object of: {', '.join(BODIES[action])}")
    if "reason" not in said or not all(isinstance(value, str) for value in said.values()):
        raise CommandError("`reason` must be there, and every member is a text")
    return said
