"""2026-07-28: what headers and `_meta` must say, and that they say the same as the body.

Sources: MCP 2026-07-28 basic/transports/streamable-http (Server Validation), basic/index (`_meta`).
"""

import base64
import binascii
from typing import Final

from yett.core.errors import Denied
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.edge.mcp.versions import META_CAPABILITIES, META_VERSION, MODERN, SUPPORTED

_NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_SINGLE: Final = (b"mcp-protocol-version", b"mcp-method", b"mcp-name")
_SENTINEL: Final = (b"=?base64?", b"?=")


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
    return _name_problem(headers.get(b"mcp-name"), method, params)


def _name_problem(header: bytes | None, method: str, params: dict[str, JSON]) -> Denied | None:
    member = _NAMED.get(method)
    if member is None:
        return None if header is None else _mismatch("Mcp-Name does not belong to this method")
    name = params.get(member)
    if header is None or not isinstance(name, str) or _decode(header) != name:
        return _mismatch("Mcp-Name differs from the body or is missing")
    return None


def _decode(header: bytes) -> str | None:
    """Undo the Base64 sentinel once. Not text, not canonical: None, which equals no name."""
    try:
        if header.startswith(_SENTINEL[0]) and header.endswith(_SENTINEL[1]):
            return base64.b64decode(header[len(_SENTINEL[0]) : -2], validate=True).decode()
        return header.decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return None


def _malformed(shown: str) -> Denied:
    return Denied(Reason.MALFORMED_REQUEST, shown, shown=shown)


def _mismatch(shown: str) -> Denied:
    return Denied(Reason.HEADER_MISMATCH, shown, shown=shown)
