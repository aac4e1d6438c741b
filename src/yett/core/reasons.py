"""The closed list of reasons to refuse, and the one form each takes on the wire.

A client sees only `WIRE[reason].text` and the few public details a refusal names on purpose;
what else is known is in the audit record. Two reasons may share one text, so that nobody can
probe for what exists; inside they stay two.

The ones under "protocol" are there because MCP or HTTP demand a code of their own for them
(docs/decisions/0003-reasons.md).
"""

from enum import StrEnum
from typing import Final, final

import msgspec


class Reason(StrEnum):
    # who
    UNAUTHENTICATED = "unauthenticated"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    # what
    UNKNOWN_TOOL = "unknown_tool"
    NOT_PERMITTED = "not_permitted"
    ARGUMENT_DENIED = "argument_denied"
    APPROVAL_REQUIRED = "approval_required"
    APPROVAL_DENIED = "approval_denied"
    TOOL_QUARANTINED = "tool_quarantined"
    # does it fit
    INVALID_INPUT = "invalid_input"
    MALFORMED_REQUEST = "malformed_request"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    # is there room
    RATE_LIMITED = "rate_limited"
    CIRCUIT_OPEN = "circuit_open"
    BUDGET_EXHAUSTED = "budget_exhausted"
    # us
    AUDIT_UNAVAILABLE = "audit_unavailable"
    LIMITS_UNAVAILABLE = "limits_unavailable"
    INTERNAL_ERROR = "internal_error"
    # them
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_INVALID = "upstream_invalid"
    ANSWER_BLOCKED = "answer_blocked"
    # protocol
    UNKNOWN_METHOD = "unknown_method"
    UNKNOWN_SESSION = "unknown_session"
    UNKNOWN_PATH = "unknown_path"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    NOT_ACCEPTABLE = "not_acceptable"
    FORBIDDEN_ORIGIN = "forbidden_origin"
    HEADER_MISMATCH = "header_mismatch"
    UNSUPPORTED_VERSION = "unsupported_version"
    MISSING_CAPABILITY = "missing_capability"
    INVALID_STATE = "invalid_state"
    DUPLICATE_CALL = "duplicate_call"
    KEY_REUSED = "key_reused"
    CANCELLED = "cancelled"


@final
class Wire(msgspec.Struct, frozen=True):
    """How a refusal looks from outside.

    `http`: the status on REST and wherever MCP leaves it free. `mcp_http`: the status of an MCP
    answer that carries a JSON-RPC error, as (legacy eras, modern era). `rpc`: the JSON-RPC code.
    """

    http: int
    rpc: int
    text: str
    mcp_http: tuple[int, int] = (200, 200)
    retryable: bool = False


def _same(status: int) -> tuple[int, int]:
    return (status, status)


# One text for "there is none" and "you may not": existence does not leak (CWE-203).
_NO_SUCH_TOOL: Final = "Unknown tool, or not granted to this key"
_PUBLIC: Final = {Reason.NOT_PERMITTED: Reason.UNKNOWN_TOOL}


def public_reason(reason: Reason) -> Reason:
    """Return the reason that a caller is told; the record keeps the true one."""
    return _PUBLIC.get(reason, reason)


WIRE: Final[dict[Reason, Wire]] = {
    Reason.UNAUTHENTICATED: Wire(401, 401, "A valid credential is required", _same(401)),
    Reason.INSUFFICIENT_SCOPE: Wire(403, 403, "The token lacks the scope for this", _same(403)),
    Reason.UNKNOWN_TOOL: Wire(404, -32602, _NO_SUCH_TOOL, (200, 400)),
    Reason.NOT_PERMITTED: Wire(404, -32602, _NO_SUCH_TOOL, (200, 400)),
    Reason.ARGUMENT_DENIED: Wire(403, 403, "A rule forbids these arguments"),
    Reason.APPROVAL_REQUIRED: Wire(403, 403, "A person must approve this call first"),
    Reason.APPROVAL_DENIED: Wire(403, 403, "A person refused this call"),
    Reason.TOOL_QUARANTINED: Wire(
        403, 403, "The tool changed since it was approved; an operator must approve it again"
    ),
    Reason.INVALID_INPUT: Wire(400, -32602, "The input does not fit the tool's schema"),
    Reason.MALFORMED_REQUEST: Wire(400, -32600, "The request is malformed", _same(400)),
    Reason.PAYLOAD_TOO_LARGE: Wire(413, 413, "The request is too large", _same(413)),
    Reason.RATE_LIMITED: Wire(429, 429, "Too many calls; retry later", _same(429), retryable=True),
    Reason.CIRCUIT_OPEN: Wire(
        429, 429, "Too many failures in a row; retry later", _same(429), retryable=True
    ),
    Reason.BUDGET_EXHAUSTED: Wire(402, 402, "The budget is used up", _same(402)),
    Reason.AUDIT_UNAVAILABLE: Wire(
        503, 503, "The call could not be recorded, so it was not made", _same(503), retryable=True
    ),
    Reason.LIMITS_UNAVAILABLE: Wire(
        503,
        503,
        "It could not be told whether there is room, so the call was not made",
        _same(503),
        retryable=True,
    ),
    Reason.INTERNAL_ERROR: Wire(500, -32603, "Internal error", _same(500)),
    Reason.UPSTREAM_UNREACHABLE: Wire(
        502, 502, "The tool's server cannot be reached", _same(502), retryable=True
    ),
    Reason.UPSTREAM_TIMEOUT: Wire(
        504, 504, "The tool's server did not answer in time", _same(504), retryable=True
    ),
    Reason.UPSTREAM_INVALID: Wire(502, 502, "The tool's server gave an invalid answer", _same(502)),
    Reason.ANSWER_BLOCKED: Wire(502, 502, "The tool's answer was blocked", _same(502)),
    Reason.UNKNOWN_METHOD: Wire(404, -32601, "Unknown method", (200, 404)),
    Reason.UNKNOWN_SESSION: Wire(404, 404, "Unknown or ended session", _same(404)),
    Reason.UNKNOWN_PATH: Wire(404, 404, "Nothing here", _same(404)),
    Reason.METHOD_NOT_ALLOWED: Wire(405, 405, "Method not allowed", _same(405)),
    Reason.UNSUPPORTED_MEDIA_TYPE: Wire(415, 415, "Send application/json, not encoded", _same(415)),
    Reason.NOT_ACCEPTABLE: Wire(
        406, 406, "Accept application/json and text/event-stream", _same(406)
    ),
    Reason.FORBIDDEN_ORIGIN: Wire(403, 403, "Host or Origin is not allowed", _same(403)),
    Reason.HEADER_MISMATCH: Wire(400, -32020, "Headers and body differ", _same(400)),
    Reason.UNSUPPORTED_VERSION: Wire(400, -32022, "Unsupported protocol version", _same(400)),
    Reason.MISSING_CAPABILITY: Wire(
        400, -32021, "The caller did not declare a capability that this needs", _same(400)
    ),
    Reason.DUPLICATE_CALL: Wire(
        409, 409, "A call with this Idempotency-Key began before", _same(409)
    ),
    Reason.KEY_REUSED: Wire(422, 422, "This Idempotency-Key belongs to another call", _same(422)),
    Reason.INVALID_STATE: Wire(
        400,
        -32602,
        "The state, cursor or id was not given to you for this, or no longer holds",
        (200, 400),
    ),
    Reason.CANCELLED: Wire(499, -32603, "Cancelled", _same(499)),
}
