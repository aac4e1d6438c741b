"""Several messages in one POST: version 2025-03-26 only, which demands it (Basic: Batching). Each goes
through the pipeline by itself."""

from collections.abc import Callable
from typing import Final

from yett.core import bounds
from yett.core.errors import Denied
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.edge.arrival import Arrival
from yett.edge.mcp.envelope import interpret
from yett.edge.mcp.inbound import Inbound, read_message
from yett.edge.mcp.sessions import Session

_ALONE: Final = "initialize"


def read_batch(
    messages: list[JSON],
    session: Session,
    arrival: Arrival,
    renewed: Callable[[Arrival], Arrival],
) -> tuple[Inbound, ...] | Denied:
    """Read every message of a batch, or say why it is none. renewed: gives an arrival an id of its own."""
    if not 0 < len(messages) <= bounds.BATCH_MESSAGES_MAX:
        return _unfit(f"a batch has 1 to {bounds.BATCH_MESSAGES_MAX} messages")
    if any(isinstance(message, dict) and message.get("method") == _ALONE for message in messages):
        return _unfit("`initialize` is not part of a batch")
    identifiers = [_identifier(message) for message in messages]
    known = [identifier for identifier in identifiers if identifier is not None]
    if len(set(known)) != len(known):
        return _unfit("two requests of the batch have the same id")
    return tuple(
        read_message(renewed(arrival), session.server, interpret(message), session)
        for message in messages
    )


def _identifier(message: JSON) -> tuple[type, JSON] | None:
    """Of a request; an answer has the id of somebody else's."""
    if not isinstance(message, dict) or "method" not in message:
        return None
    identifier = message.get("id")
    return (type(identifier), identifier) if isinstance(identifier, str | int) else None


def _unfit(shown: str) -> Denied:
    return Denied(Reason.MALFORMED_REQUEST, shown, shown=shown)
