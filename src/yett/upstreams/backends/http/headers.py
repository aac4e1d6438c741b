"""What is said in front of a body. Built from a list of our own; nothing of the caller's. Pure."""

import base64
import re
from functools import lru_cache
from typing import Final

from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.upstreams.backends.http.endpoint import Endpoint

# RFC 9110 §5.1, §5.5: what a field's name and value may be made of.
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE: Final = re.compile(rb"[\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")
_PLAIN: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_SENTINEL: Final = re.compile(r"=\?base64\?.*\?=")
_SESSION: Final = re.compile(rb"[\x21-\x7e]{1,1024}")
_BODY_TYPE: Final = b"Content-Type: application/json\r\n"
_EVENT_ID_BYTES_MAX: Final = 1024
_NAMED: Final = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",  # the extension `io.modelcontextprotocol/tasks`, Routing Headers
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}

# A credential header of one of these names would break the framing or belie the body.
_OURS: Final = frozenset(
    b"accept connection content-encoding content-length content-type expect host keep-alive te "
    b"trailer transfer-encoding upgrade user-agent".split()
)


def is_session_id(value: bytes) -> bool:
    """MCP 2025-11-25, Session Management: visible ASCII only."""
    return _SESSION.fullmatch(value) is not None


def build_head(
    endpoint: Endpoint, credential: Credential, *, version: str | None, session: bytes | None
) -> bytes:
    """Return all lines that stay the same for a session, the request line included.

    Raises:
        Fault: the credential cannot be sent as a header.
    """
    lines = [
        b"POST " + endpoint.target + b" HTTP/1.1",
        b"Host: " + endpoint.authority,
        b"User-Agent: yett",
        b"Accept: application/json, text/event-stream",
        _BODY_TYPE.rstrip(),
    ]
    if version is not None:
        lines.append(b"MCP-Protocol-Version: " + version.encode())
    if session is not None:
        lines.append(b"Mcp-Session-Id: " + session)
    lines += _credential_lines(credential)
    return b"\r\n".join(lines) + b"\r\n"


def stream_request(head: Secret, last_id: bytes) -> bytes | None:
    """Return a request for the stream of a session, from after `last_id` on (empty: from now on), or
    None if that id cannot stand in a header. head: of its other requests."""
    if last_id and not (_VALUE.fullmatch(last_id) and len(last_id) <= _EVENT_ID_BYTES_MAX):
        return None
    line = b"Last-Event-ID: " + last_id + b"\r\n" if last_id else b""
    return _with_verb(b"GET", head) + line + b"\r\n"


def end_request(head: Secret) -> bytes:
    """Return what ends a session (MCP 2025-11-25, Session Management)."""
    return _with_verb(b"DELETE", head) + b"\r\n"


def _with_verb(verb: bytes, head: Secret) -> bytes:
    """Without a body there is nothing to say about one."""
    return verb + head.reveal().removeprefix(b"POST").replace(_BODY_TYPE, b"", 1)


def _credential_lines(credential: Credential) -> list[bytes]:
    lines = []
    for text, secret in credential.headers:
        name, value = text.encode(), secret.reveal()
        if not _NAME.fullmatch(name) or name.lower() in _OURS or name.lower().startswith(b"mcp-"):
            raise Fault(Reason.UPSTREAM_UNREACHABLE, f"a credential must not set header `{text}`")
        if not _VALUE.fullmatch(value):
            raise Fault(
                Reason.UPSTREAM_UNREACHABLE, f"the secret for header `{text}` cannot be a header"
            )
        lines.append(name + b": " + value)
    return lines


def routing_lines(method: str, params: dict[str, JSON]) -> bytes:
    """Return `Mcp-Method` and `Mcp-Name` (MCP 2026-07-28, Streamable HTTP: Standard Headers)."""
    key = _NAMED.get(method)
    return _routing_lines(method, None if key is None else params[key])


@lru_cache(maxsize=1024)
def _routing_lines(method: str, name: str | None) -> bytes:
    lines = f"Mcp-Method: {method}\r\n"
    if name is not None:
        lines += f"Mcp-Name: {encode_value(name)}\r\n"
    return lines.encode()


def encode_value(value: str) -> str:
    """Return the value, wrapped as `=?base64?…?=` if it would not survive as a header.

    Space inside stays; at an edge a parser would cut it off.
    """
    if _PLAIN.fullmatch(value) and not _SENTINEL.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="
