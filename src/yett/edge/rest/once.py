"""`Idempotency-Key`: a call that is repeated with the same key is answered again and not made again
(draft-ietf-httpapi-idempotency-key-header)."""

import asyncio
import re
from collections.abc import Callable
from typing import Final

import msgspec

from yett.core.call import Call, Once, Reply
from yett.core.document import encode
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS
from yett.core.reasons import Reason
from yett.edge import refusals
from yett.edge.gate import Gate, Kept
from yett.edge.http.message import Head, Response

HEADER: Final = b"idempotency-key"
_KEY: Final = re.compile(rb"[\x21-\x7e]{1,200}")
_AGAIN: Final = OPERATIONS["yett/outcome"]
_NOT_A_KEY: Final = "Idempotency-Key is 1 to 200 visible characters, once"
_REFUSALS: Final = {
    "busy": (
        Reason.DUPLICATE_CALL,
        "it is under way, or nobody knows how it ended; it is not made again",
    ),
    "lost": (Reason.DUPLICATE_CALL, "it was made; its answer is not kept"),
    "other": (Reason.KEY_REUSED, "the same key came with another tool or other arguments"),
    "full": (Reason.RATE_LIMITED, "as many keys as are kept for a day"),
    "away": (Reason.INTERNAL_ERROR, "whether it was made before could not be told"),
}


async def execute_once(
    gate: Gate, call: Call, head: Head, respond: Callable[[Reply], Response]
) -> Response:
    """Make a call unless it was made before, and answer it as it was answered then."""
    key = head.headers[HEADER]
    if _KEY.fullmatch(key) is None or HEADER in head.repeated:
        denied = Denied(Reason.MALFORMED_REQUEST, _NOT_A_KEY, shown=_NOT_A_KEY)
        return respond(await gate.handle(call, denied))
    asked = encode([call.server, call.name, call.arguments])
    begun = await gate.begin_once(call.credential, key, asked)
    if begun.state == "stranger":
        return respond(await gate.handle(call))
    if begun.state in _REFUSALS:
        reason, shown = _REFUSALS[begun.state]
        return respond(await gate.handle(call, Denied(reason, shown, shown=shown)))
    if begun.kept is not None:
        again = msgspec.structs.replace(call, operation=_AGAIN)
        return _answer_again(await gate.handle(again), begun.kept)
    once = Once()
    try:
        reply = await gate.handle(msgspec.structs.replace(call, once=once))
    except asyncio.CancelledError:
        if not once.sent:  # who hung up may make it another time
            await gate.end_once(begun, call.credential, key, None)
        raise
    response = respond(reply)
    refusal = reply.refusal
    if refusal is not None and not refusal.sent and refusal.reason not in _MADE:
        await gate.end_once(begun, call.credential, key, None)
    else:
        kept = Kept(response.status, response.content_type, response.body)
        await gate.end_once(begun, call.credential, key, kept)
    return response


# The call was made, or may have been, although the caller is refused its answer.
_MADE: Final = frozenset(
    {
        Reason.ANSWER_BLOCKED,
        Reason.UPSTREAM_INVALID,
        Reason.UPSTREAM_TIMEOUT,
        Reason.CANCELLED,
        Reason.INTERNAL_ERROR,
    }
)


def _answer_again(reply: Reply, kept: Kept) -> Response:
    if reply.refusal is not None:
        return refusals.problem(reply, reply.refusal)
    headers = b"Yett-Request-Id: %b\r\nIdempotency-Replayed: true\r\n" % reply.call.id.encode()
    return Response(kept.status, kept.body, kept.content_type, headers)
