"""The admin API: a table of routes, one guard in front of all of them.

Every request but a scrape of `/metrics` leaves an event in the audit log before it has an effect;
a request without the token leaves one too, unless its address has had too many of those.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

import yett
from yett.admin import alerts, approvals, records
from yett.admin.port import AdminGate
from yett.admin.token import TOKEN_FILE, matches
from yett.authorization.approval.request import OPERATOR, Approver
from yett.core.errors import CommandError, Refusal
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.telemetry.metrics import CONTENT_TYPE

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

# path, method, what `AdminGate` answers, one sentence for the OpenAPI document
_Answer = Callable[[AdminGate, Request], JSON]


_ROUTES: Final[dict[tuple[str, str], tuple[_Answer, str]]] = {
    ("GET", "/api/v1/status"): (
        lambda gate, _: gate.status(),
        "Version, mode, the servers with what is approved of them, and which are away and why",
    ),
    ("GET", "/api/v1/keys"): (
        lambda gate, _: {"keys": gate.keys()},
        "Every key, without its secret",
    ),
    ("POST", "/api/v1/keys/{key}/revoke"): (
        lambda gate, request: gate.revoke(request.path_params["key"]),
        "Revoke a key by id or name",
    ),
    ("GET", "/api/v1/tools"): (lambda gate, _: {"tools": gate.tools()}, "The catalogue"),
    ("GET", approvals.PATH): (
        approvals.list_approvals,
        "Calls that wait for a person; with all=true also those that are closed",
    ),
    ("GET", approvals.PATH + "/{approval}"): (approvals.show, "Exactly what one call would do"),
    ("POST", approvals.PATH + "/{approval}/approve"): (
        approvals.approve,
        "Agree to one call, once",
    ),
    ("POST", approvals.PATH + "/{approval}/deny"): (approvals.deny, "Refuse a call"),
    ("GET", alerts.PATH): (alerts.list_alerts, "What people should hear of, newest last"),
    ("GET", alerts.PATH + "/{alert}"): (alerts.show, "One alert"),
    ("POST", alerts.PATH + "/{alert}/ack"): (alerts.acknowledge, "Look after an alert"),
    ("POST", alerts.PATH + "/test"): (alerts.test, "Send a test through each destination"),
    ("GET", alerts.SILENCES): (alerts.list_silences, "What nobody is told of, and until when"),
    ("POST", alerts.SILENCES): (alerts.silence, "Tell nobody of a kind or a subject for some time"),
    ("DELETE", alerts.SILENCES + "/{silence}"): (alerts.end_silence, "End a silence"),
    ("GET", records.PATH): (records.search, "A page of the audit records that fit, newest last"),
    ("GET", records.PATH + "/{record}"): (records.show, "One record, with what belongs to it"),
    ("GET", records.HOLDS_PATH): (records.list_holds, "Legal holds, those too that were released"),
    ("POST", records.HOLDS_PATH): (records.add_hold, "Keep records whatever their age"),
    ("POST", records.HOLDS_PATH + "/{hold}/release"): (records.release_hold, "Release a hold"),
    ("GET", "/api/v1/audit/verify"): (lambda gate, _: gate.verify(), "Walk the audit chain"),
}


def make_application(gate: AdminGate, *, token: Secret, data: Path, listen: str) -> ASGIApp:
    """Return the ASGI application. listen: its own address, the only `Host` it answers to."""
    routes = [
        Route(path, _endpoint(gate, answer), methods=[method])
        for (method, path), (answer, _) in _ROUTES.items()
    ]
    routes += [
        Route("/api/v1/openapi.json", _openapi),
        Route("/metrics", _metrics(gate)),
    ]
    return _Guard(Starlette(routes=routes), gate, token=token, data=data, listen=listen)


@final
class _Guard:
    """Host, Origin, token; then the event; then the route."""

    def __init__(
        self, inner: ASGIApp, gate: AdminGate, *, token: Secret, data: Path, listen: str
    ) -> None:
        self._inner = inner
        self._gate = gate
        self._token = token
        self._hint = f"Send `Authorization: Bearer` with the token in {data / TOKEN_FILE}\n"
        port = listen.rpartition(":")[2]
        self._hosts = {listen, *(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = self._judge(Request(scope))
        await (answer or self._inner)(scope, receive, send)

    def _judge(self, request: Request) -> Response | None:
        """Return the refusal, or None. Decides on the routed path, never on a rebuilt URL."""
        headers, path = request.headers, request.scope["path"]
        if headers.get("host") not in self._hosts or "origin" in headers:
            return self._refuse(403, "Host or Origin is not allowed\n", request)
        if path == "/healthz":
            return PlainTextResponse("ok\n", headers=_HEADERS)
        try:
            who = self._who(request)
        except Refusal:
            return _problem(503, "A store did not answer")
        if who is None:
            return self._refuse(401, self._hint, request)
        request.state.who = who
        if path == "/":
            return PlainTextResponse("\n".join(path for _, path in _ROUTES), headers=_HEADERS)
        if path == "/metrics":
            return None
        return self._note("admin.request", request, who.actor)

    def _who(self, request: Request) -> Approver | None:
        """Return who has shown a good credential for this path.

        Raises:
            Fault: the store of approvers did not answer.
        """
        shown = request.headers.getlist("authorization")
        if len(shown) != 1:
            return None
        if matches(self._token, shown[0]):
            return Approver(OPERATOR, "admin", f"admin:{_peer(request)}")
        scheme, _, secret = shown[0].partition(" ")
        if scheme.lower() != "bearer" or not approvals.is_for_approvers(request.scope["path"]):
            return None
        return self._gate.approver(secret.encode())

    def _refuse(self, status: int, text: str, request: Request) -> Response:
        """Refuse, with a record of its own unless the address has used up its failures."""
        failure = self._gate.fail(_peer(request))
        if failure.retry_after_seconds:
            after = {"Retry-After": str(math.ceil(failure.retry_after_seconds))}
            refusal = PlainTextResponse("Too many failures; retry later\n", 429, _HEADERS | after)
        else:
            headers = _HEADERS | ({"WWW-Authenticate": "Bearer"} if status == 401 else {})  # noqa: PLR2004 - the HTTP status
            refusal = PlainTextResponse(text, status, headers)
        if failure.counted:
            return refusal
        return self._note("admin.refused", request) or refusal

    def _note(self, event: str, request: Request, actor: str = "") -> Response | None:
        """Put the request into the audit log; what cannot be recorded is not done."""
        try:
            self._gate.record(
                {
                    "event": event,
                    "actor": actor or f"admin:{_peer(request)}",
                    "method": request.method,
                    "path": request.scope["path"][:256],
                }
            )
        except Refusal:
            return PlainTextResponse("The request could not be recorded\n", 503, _HEADERS)
        return None


def note_unread(gate: AdminGate, peer: str) -> None:
    """Record that bytes came which are no request; they are answered, or cut, in any case."""
    if not gate.fail(peer).counted:
        with suppress(Refusal):
            gate.record({"event": "admin.refused", "actor": f"admin:{peer}", "why": "not HTTP"})


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _endpoint(gate: AdminGate, answer: _Answer) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        request.state.body = b""
        async for part in request.stream():
            request.state.body += part
            if len(request.state.body) > approvals.BODY_BYTES_MAX:
                return _problem(413, f"A body has at most {approvals.BODY_BYTES_MAX} bytes")
        try:
            found = await asyncio.to_thread(answer, gate, request)
        except CommandError as error:
            return _problem(400, str(error))
        except (Refusal, OSError):
            return _problem(503, "A store did not answer")
        return JSONResponse(found, headers=_HEADERS)

    return serve


def _metrics(gate: AdminGate) -> Callable[[Request], Awaitable[Response]]:
    async def serve(_: Request) -> Response:
        return Response(gate.metrics(), media_type=CONTENT_TYPE, headers=_HEADERS)

    return serve


def _problem(status: int, detail: str) -> Response:
    body = {"type": "about:blank", "status": status, "detail": detail}
    return JSONResponse(body, status, _HEADERS, "application/problem+json")


async def _openapi(_: Request) -> Response:
    return JSONResponse(openapi(), headers=_HEADERS)


def openapi() -> dict[str, Any]:
    """Describe the API by the same table that serves it (OpenAPI 3.1)."""
    paths: dict[str, Any] = {}
    for (method, path), (_, summary) in _ROUTES.items():
        operation: dict[str, Any] = {
            "summary": summary,
            "responses": {"200": {"description": "OK"}, "401": {"description": "Token required"}},
        }
        names = [(name, "query", False) for name in records.PARAMETERS] * (path == records.PATH)
        names += [("all", "query", False)] * (path in (approvals.PATH, alerts.PATH))
        names += [("tenant", "query", False)] * (path == alerts.PATH)
        places = ("key", "approval", "alert", "silence", "record", "hold")
        names += [(name, "path", True) for name in places if f"{{{name}}}" in path]
        if names:
            operation["parameters"] = [
                {"name": name, "in": where, "required": required, "schema": {"type": "string"}}
                for name, where, required in names
            ]
        bodies = approvals.BODIES | alerts.BODIES | records.BODIES
        body = bodies.get(path.rpartition("/")[2]) if method == "POST" else None
        if body is not None:
            schema = {"type": "object", "properties": body, "additionalProperties": False}
            operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Yett admin API", "version": yett.__version__},
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
        "paths": paths,
    }
