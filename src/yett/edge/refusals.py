"""What a caller learns of a refusal: the reason, its one text, and the details named as public."""

import math
from typing import Final

from yett.core.call import Reply
from yett.core.clock import iso_time
from yett.core.document import encode
from yett.core.errors import Refusal
from yett.core.reasons import WIRE, Reason, public_reason
from yett.core.target import JSON
from yett.edge import rate_headers
from yett.edge.http.message import Response

_CHALLENGE: Final = b'WWW-Authenticate: Bearer realm="yett"\r\n'


def details(refusal: Refusal, request_id: str) -> dict[str, JSON]:
    """Return the members that REST and MCP share (problem+json members, `error.data`)."""
    wire = WIRE[refusal.reason]
    found: dict[str, JSON] = {
        "reason": public_reason(refusal.reason).value,
        "detail": wire.text if refusal.shown is None else f"{wire.text}: {refusal.shown}",
        "request_id": request_id,
    }
    if refusal.pointer is not None:
        found["pointer"] = refusal.pointer
    if refusal.approval is not None:
        found["approval"] = refusal.approval
    if refusal.retry_after_seconds is not None:
        found["retry_after_seconds"] = _whole_seconds(refusal.retry_after_seconds)
    if refusal.resets_at is not None:
        found["resets_at"] = iso_time(refusal.resets_at)
    if refusal.sent:
        found["outcome_unknown"] = True
    return found


def headers(refusal: Refusal, request_id: str) -> bytes:
    """Return the header lines that go with a refusal."""
    lines = b"Yett-Request-Id: %b\r\n" % request_id.encode()
    if refusal.reason is Reason.UNAUTHENTICATED:
        lines += _CHALLENGE
    if refusal.retry_after_seconds is not None:
        seconds = _whole_seconds(refusal.retry_after_seconds)
        lines += b"Retry-After: %d\r\n" % seconds + rate_headers.of_refusal(refusal, seconds)
    if refusal.reason is Reason.METHOD_NOT_ALLOWED:
        lines += b"Allow: %b\r\n" % (refusal.shown or "POST").encode()
    return lines


def problem(reply: Reply, refusal: Refusal) -> Response:
    """Return the `application/problem+json` answer (RFC 9457)."""
    wire = WIRE[refusal.reason]
    body = {"type": "about:blank", "title": wire.text, "status": wire.http}
    return Response(
        wire.http,
        encode(body | details(refusal, reply.call.id)),
        b"application/problem+json",
        headers(refusal, reply.call.id),
        close=refusal.reason in _CLOSING,
    )


def _whole_seconds(seconds: float) -> int:
    return max(1, math.ceil(seconds))


# The rest of such a request is not read, so the connection cannot go on.
_CLOSING: Final = frozenset({Reason.PAYLOAD_TOO_LARGE})
