"""2026-07-28: what headers and `_meta` must say, that they say the same as the body, and what a caller
says beside its request.

Sources: MCP 2026-07-28 basic/transports/streamable-http (Server Validation), basic/index (`_meta`),
basic/patterns/mrtr; W3C Trace Context.
"""

import re
from typing import Any, Final, final

import msgspec

from yett.core.errors import Denied
from yett.core.notices import LOG_LEVELS
from yett.core.reasons import Reason
from yett.core.talk import Talk
from yett.core.target import JSON
from yett.core.tasks import EXTENSION, FOLLOW_UPS
from yett.edge.http.mirrored import decode
from yett.edge.mcp.line import ProgressToken, is_progress_token
from yett.edge.mcp.params import ROUND
from yett.edge.mcp.versions import (
    META_CAPABILITIES,
    META_LOG_LEVEL,
    META_PROGRESS,
    META_VERSION,
    MODERN,
    SUPPORTED,
)

_OF_TASKS: Final = tuple(method for method, forms in FOLLOW_UPS.items() if "extension" in forms)
_NAMED: Final = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    **dict.fromkeys(_OF_TASKS, "taskId"),
}
_SINGLE: Final = (b"mcp-protocol-version", b"mcp-method", b"mcp-name")
_TRACE_PARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACE_STATE_CHARS_MAX: Final = 512
_SPEAKING: Final = frozenset({META_PROGRESS, META_LOG_LEVEL, "traceparent", "tracestate"})


@final
class Spoken(msgspec.Struct, frozen=True):
    """What a caller says beside its request. token: of its own, for progress. refused: why it is unfit."""

    talk: Talk | None = None
    token: ProgressToken | None = None
    refused: Denied | None = None


SILENT: Final = Spoken()


def claims(meta: JSON) -> bool:
    """Tell whether `_meta` makes a request modern, as the header does; if the two disagree,
    `problem` refuses it."""
    return isinstance(meta, dict) and META_VERSION in meta


def problem(
    headers: dict[bytes, bytes], repeated: set[bytes], method: str, params: dict[str, JSON]
) -> Denied | None:
    """Return why a modern request is refused, or None."""
    meta = params.get("_meta")
    if not isinstance(meta, dict):
        return _malformed("`_meta` with protocolVersion and clientCapabilities is required")
    version, header = meta.get(META_VERSION), headers.get(b"mcp-protocol-version", b"")
    if not isinstance(version, str) or not isinstance(meta.get(META_CAPABILITIES), dict):
        return _malformed("`_meta` with protocolVersion and clientCapabilities is required")
    if header != version.encode():
        return _mismatch("MCP-Protocol-Version differs from `_meta`")
    if version != MODERN:
        return Denied(
            Reason.UNSUPPORTED_VERSION,
            "not a modern version",
            shown=f"supported: {', '.join(SUPPORTED)}",
        )
    if not repeated.isdisjoint(_SINGLE):
        return _mismatch("a standard header is repeated")
    if headers.get(b"mcp-method") != method.encode():
        return _mismatch("Mcp-Method differs from the body or is missing")
    if method in _OF_TASKS and not _takes_tasks(meta[META_CAPABILITIES]):
        return Denied(Reason.MISSING_CAPABILITY, EXTENSION, shown=EXTENSION)
    return _name_problem(headers.get(b"mcp-name"), method, params)


def notification_problem(
    headers: dict[bytes, bytes], repeated: set[bytes], method: str
) -> Denied | None:
    """Return why a modern notification is refused, or None. What headers it must have is not defined
    (Streamable HTTP, Sending Messages), so only what they say wrongly is wrong."""
    if not repeated.isdisjoint(_SINGLE):
        return _mismatch("a standard header is repeated")
    if headers.get(b"mcp-protocol-version", b"") != MODERN.encode():
        return _mismatch("MCP-Protocol-Version differs from `_meta`")
    if headers.get(b"mcp-method", method.encode()) != method.encode():
        return _mismatch("Mcp-Method differs from the body")
    return None


def read_talk(params: dict[str, JSON]) -> Spoken:
    """Read what a modern caller takes and gives besides its request. `problem` has found no problem."""
    meta: dict[str, JSON] = params["_meta"]
    capabilities = meta[META_CAPABILITIES]
    if not capabilities and _SPEAKING.isdisjoint(meta) and ROUND.isdisjoint(params):
        return SILENT
    token, level = meta.get(META_PROGRESS), meta.get(META_LOG_LEVEL)
    if token is not None and not is_progress_token(token):
        return _unfit("`progressToken` is neither an integer nor a short text")
    if level is not None and level not in LOG_LEVELS:
        return _unfit(f"`{META_LOG_LEVEL}` is one of {', '.join(LOG_LEVELS)}")
    inputs, state = params.get("inputResponses"), params.get("requestState", "")
    if not (inputs is None or isinstance(inputs, dict)) or not isinstance(state, str):
        return _unfit("`inputResponses` must be an object and `requestState` a text")
    talk = Talk(
        progress=token is not None,
        log_level=level,
        capabilities=capabilities,
        inputs=inputs,
        state=state,
        trace=_trace(meta),
    )
    return Spoken(talk, token)


def _trace(meta: dict[str, JSON]) -> dict[str, JSON]:
    """What has the form of a trace context; `baggage` is for the caller's own side and stays there."""
    parent, state = meta.get("traceparent"), meta.get("tracestate")
    if not isinstance(parent, str) or not _TRACE_PARENT.fullmatch(parent):
        return {}
    if not _is_trace_state(state):
        return {"traceparent": parent}
    return {"traceparent": parent, "tracestate": state}


def _is_trace_state(state: Any) -> bool:
    return (
        isinstance(state, str)
        and 0 < len(state) <= _TRACE_STATE_CHARS_MAX
        and state.isascii()
        and state.isprintable()
    )


def _unfit(shown: str) -> Spoken:
    return Spoken(refused=_malformed(shown))


def _takes_tasks(capabilities: dict[str, JSON]) -> bool:
    extensions = capabilities.get("extensions")
    return isinstance(extensions, dict) and EXTENSION in extensions


def _name_problem(header: bytes | None, method: str, params: dict[str, JSON]) -> Denied | None:
    member = _NAMED.get(method)
    if member is None:
        if header is None or method in FOLLOW_UPS:  # gone: its name is of no interest either
            return None
        return _mismatch("Mcp-Name does not belong to this method")
    name = params.get(member)
    if header is None or not isinstance(name, str) or decode(header) != name:
        return _mismatch("Mcp-Name differs from the body or is missing")
    return None


def _malformed(shown: str) -> Denied:
    return Denied(Reason.MALFORMED_REQUEST, shown, shown=shown)


def _mismatch(shown: str) -> Denied:
    return Denied(Reason.HEADER_MISMATCH, shown, shown=shown)
