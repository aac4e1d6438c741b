"""From an HTTP request to a `Call`: pure, and one era per request.

The body decides; headers are only compared with it. What is unfit still becomes a `Call`, so that
it is identified and recorded like any other.
"""

from typing import Final, final

import msgspec

from yett.core.call import Call
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS, UNKNOWN
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.edge.arrival import Arrival
from yett.edge.mcp import modern
from yett.edge.mcp.envelope import INVALID_PARAMS, Envelope, read
from yett.edge.mcp.sessions import Session, Sessions
from yett.edge.mcp.versions import ASSUMED, KNOWN, LEGACY, MODERN

_PARAMS: Final[dict[str, frozenset[str]]] = {
    "tools/call": frozenset({"name", "arguments", "_meta"}),
    "prompts/get": frozenset({"name", "arguments", "_meta"}),
    "resources/read": frozenset({"uri", "_meta"}),
}
_LEGACY_ONLY: Final = frozenset({"initialize", "ping", "notifications/initialized"})
_MODERN_ONLY: Final = frozenset({"server/discover"})
NOTIFICATION: Final = "notifications/"
_MODERN: Final = MODERN.encode()
_KNOWN: Final = frozenset({None, *(version.encode() for version in KNOWN)})
"""Values of the version header that say nothing wrong; None: it is absent."""
_PRIVATE: Final = frozenset({"session/stream", "session/end", "yett/key", "yett/usage"})
_NOTIFICATIONS: Final = {
    method: operation for method, operation in OPERATIONS.items() if method.startswith(NOTIFICATION)
}
_REQUESTS: Final = {
    method: operation
    for method, operation in OPERATIONS.items()
    if method not in _NOTIFICATIONS and method not in _PRIVATE
}


@final
class Inbound(msgspec.Struct, frozen=True):
    call: Call
    id: str | int | None
    refused: Denied | None = None
    code: int | None = None
    session: Session | None = None
    version: str = ASSUMED
    params: dict[str, JSON] = {}

    @property
    def notification(self) -> bool:
        """One of a legacy caller that this gate does not know: accepted, recorded, not carried."""
        return self.id is None and self.version != MODERN and self.refused is not None


def read_post(arrival: Arrival, server: str | None, sessions: Sessions) -> Inbound:
    """Read one POST of `/mcp` or `/mcp/{server}`."""
    if arrival.refused is not None:
        return _inbound(arrival, server, Envelope(refused=arrival.refused), MODERN)
    envelope = read(arrival.request.body)
    headers = arrival.request.head.headers
    version = headers.get(b"mcp-protocol-version")
    meta = envelope.params.get("_meta")
    if version == _MODERN or (meta is not None and modern.claims(meta)):
        return _inbound(arrival, server, _read_modern(arrival, envelope), MODERN)
    session = None
    refused = envelope.refused
    if refused is None and envelope.method in _MODERN_ONLY:
        refused = Denied(Reason.UNKNOWN_METHOD, f"needs {MODERN}: {envelope.method}")
    if refused is None and envelope.method != "initialize":
        session, refused = find_session(headers, server, sessions)
    if refused is None and version not in _KNOWN:
        refused = Denied(
            Reason.UNSUPPORTED_VERSION, "version header", shown=f"supported: {', '.join(LEGACY)}"
        )
    if refused is not envelope.refused:
        envelope = msgspec.structs.replace(envelope, refused=refused)
    agreed = ASSUMED if session is None else session.version
    return _inbound(arrival, server, envelope, agreed, session)


def _read_modern(arrival: Arrival, envelope: Envelope) -> Envelope:
    head = arrival.request.head
    refused, code = envelope.refused, envelope.code
    if refused is None:
        refused = modern.problem(head.headers, head.repeated, envelope.method, envelope.params)
        code = INVALID_PARAMS if refused and refused.reason is Reason.MALFORMED_REQUEST else None
    if refused is None and envelope.method in _LEGACY_ONLY:
        refused = Denied(Reason.UNKNOWN_METHOD, f"not in {MODERN}: {envelope.method[:64]}")
    if refused is None:
        return envelope
    return Envelope(envelope.id, envelope.method, envelope.params, refused, code)


def find_session(
    headers: dict[bytes, bytes], server: str | None, sessions: Sessions
) -> tuple[Session | None, Denied | None]:
    """Return the session that the headers name, or why there is none."""
    identifier = headers.get(b"mcp-session-id")
    if identifier is None:
        shown = "`Mcp-Session-Id` is missing: send `initialize` first"
        return None, Denied(Reason.MALFORMED_REQUEST, shown, shown=shown)
    session = sessions.find(identifier.decode("latin-1"), server)
    if session is None:
        return None, Denied(Reason.UNKNOWN_SESSION, "no such session in this scope")
    return session, None


def _inbound(
    arrival: Arrival,
    server: str | None,
    envelope: Envelope,
    version: str,
    session: Session | None = None,
) -> Inbound:
    refused, code, params = envelope.refused, envelope.code, envelope.params
    operation, name = UNKNOWN, ""
    arguments: dict[str, JSON] = {}
    if refused is None:
        operation = (_NOTIFICATIONS if envelope.id is None else _REQUESTS).get(
            envelope.method, UNKNOWN
        )
        if operation is UNKNOWN:
            refused = _unknown(envelope.method)
        elif envelope.method in _PARAMS:
            name, arguments, refused = _read_params(envelope.method, params)
        elif "cursor" in params:
            refused = _invalid("the cursor is not one of this gate's")
        if refused is not None and operation is not UNKNOWN:
            code = INVALID_PARAMS
    request = arrival.request
    call = Call(
        id=arrival.id,
        operation=operation,
        server=server,
        name=name,
        arguments=arguments,
        credential=request.head.credential,
        owner=None if session is None else session.owner,
        peer=request.peer,
        door="mcp",
        protocol=version,
        received_at=arrival.received_at,
        started=arrival.started,
    )
    return Inbound(call, envelope.id, refused, code, session, version, params)


def _unknown(method: str) -> Denied:
    if method in _REQUESTS or method in _NOTIFICATIONS:
        # Without an id nobody would learn what became of it: a call is never a notification.
        return _invalid("a request has an `id` and a notification has none")
    return Denied(Reason.UNKNOWN_METHOD, f"method {method[:64]!r}")


def _read_params(
    method: str, params: dict[str, JSON]
) -> tuple[str, dict[str, JSON], Denied | None]:
    """A member that is not understood is not dropped: the call would mean something else."""
    if not params.keys() <= _PARAMS[method]:
        return "", {}, _invalid("`params` has a member that this gate does not carry")
    name = params.get("uri" if method == "resources/read" else "name")
    arguments = params.get("arguments")
    if type(name) is not str or not name:
        return "", {}, _invalid("`params` must name the tool, prompt or resource")
    if type(arguments) is dict:
        return name, arguments, None
    return name, {}, None if arguments is None else _invalid("`arguments` must be an object")


def _invalid(shown: str) -> Denied:
    return Denied(Reason.MALFORMED_REQUEST, shown, shown=shown)
