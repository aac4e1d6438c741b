"""The JSON-RPC envelope: closed, exact. What is ambiguous is refused (CVE-2026-27896)."""

from typing import Final, final

import msgspec

from yett.core.document import DocumentError, parse
from yett.core.errors import Denied
from yett.core.reasons import Reason
from yett.core.target import JSON

_ENVELOPE: Final = frozenset({"jsonrpc", "id", "method", "params"})
ENVELOPE_MEMBERS: Final = len(_ENVELOPE)

ANSWER: Final = "session/answer"
"""Stands for the method of a JSON-RPC response; what comes under this name is none."""
_ANSWERS: Final = ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"})

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
INVALID_PARAMS: Final = -32602


@final
class Envelope(msgspec.Struct, frozen=True):
    """`id` None: a notification. `refused`: the message is unfit; the rest is what could be read. An
    answer has the method `ANSWER` and no `id`: its own is in `params`, with `result` or `error`."""

    id: str | int | None = None
    method: str = ""
    params: dict[str, JSON] = {}
    refused: Denied | None = None
    code: int | None = None
    """JSON-RPC code of the refusal where it is not the reason's own."""
    messages: list[JSON] | None = None
    """What came is a batch; refused by all who do not look into it."""


def read(body: bytes) -> Envelope:
    """Parse one message; never raises."""
    message = read_body(body)
    return message if isinstance(message, Envelope) else interpret_body(message)


def read_body(body: bytes) -> JSON:
    """Parse what came; an `Envelope` says why it is no document."""
    try:
        return parse(body)
    except DocumentError as error:
        return _unfit(f"body: {error}", PARSE_ERROR)


def interpret_body(message: JSON) -> Envelope:
    """Read what was parsed: one message, or a batch."""
    if isinstance(message, list):
        unfit = _unfit("body is not one JSON-RPC message; batches are not accepted")
        return msgspec.structs.replace(unfit, messages=message)
    return interpret(message)


def interpret(message: JSON) -> Envelope:
    """Read one message that was parsed."""
    if not isinstance(message, dict):
        return _unfit("body is not one JSON-RPC message")
    identifier, method, params = message.get("id"), message.get("method"), message.get("params", {})
    if type(identifier) is not int and not _is_identifier(identifier, present="id" in message):
        return _unfit("`id` must be a string or an integer")
    if message.keys() in _ANSWERS and identifier is not None and message["jsonrpc"] == "2.0":
        return Envelope(
            None, ANSWER, {name: message[name] for name in message if name != "jsonrpc"}
        )
    if not message.keys() <= _ENVELOPE:
        return _unfit("unknown member of the envelope", id_=identifier)
    if message.get("jsonrpc") != "2.0" or not isinstance(method, str) or method == ANSWER:
        return _unfit('`jsonrpc` must be "2.0" and `method` the name of one', id_=identifier)
    if not isinstance(params, dict):
        return _unfit("`params` must be an object", id_=identifier)
    return Envelope(identifier, method, params)


def _is_identifier(value: JSON, *, present: bool) -> bool:
    return not present or (type(value) is str and len(value) <= 256)  # noqa: PLR2004 - an id is not a document


def _unfit(shown: str, code: int = INVALID_REQUEST, *, id_: JSON = None) -> Envelope:
    return Envelope(id_, refused=Denied(Reason.MALFORMED_REQUEST, shown, shown=shown), code=code)
