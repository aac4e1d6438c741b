"""From an HTTP request to a `Call`: pure, and one era per request.

The body decides; headers are only compared with it. What is unfit still becomes a `Call`, so that
it is identified and recorded like any other.
"""

from typing import Final, final

import msgspec

from yett.core.call import Call
from yett.core.errors import Denied
from yett.core.operations import OPERATIONS, UNKNOWN, Operation
from yett.core.reasons import Reason
from yett.core.talk import Talk
from yett.core.target import JSON
from yett.edge.arrival import Arrival
from yett.edge.mcp import modern
from yett.edge.mcp.envelope import (
    ANSWER,
    INVALID_PARAMS,
    Envelope,
    interpret_body,
    read_body,
)
from yett.edge.mcp.line import is_progress_token
from yett.edge.mcp.modern import SILENT, Spoken
from yett.edge.mcp.params import NOTHING, TALKATIVE, Asked, read_params
from yett.edge.mcp.sessions import Session, Sessions
from yett.edge.mcp.versions import (
    ASSUMED,
    BATCHING,
    KNOWN,
    LEGACY,
    META_PROGRESS,
    META_VERSION,
    MODERN,
    SUPPORTED,
)

_LEGACY_ONLY: Final = frozenset(
    {"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/result"}
)  # fmt: skip
_MODERN_ONLY: Final = frozenset({"server/discover", "subscriptions/listen", "tasks/update"})
NOTIFICATION: Final = "notifications/"
_MODERN: Final = MODERN.encode()
_KNOWN: Final = frozenset({None, *(version.encode() for version in KNOWN)})
"""Values of the version header that say nothing wrong; None: it is absent."""
_CALL_TOOL: Final = OPERATIONS["tools/call"]
_REPEATED: Final = frozenset({"name", "arguments", "_meta"})
_PRIVATE: Final = frozenset(
    {"session/stream", "session/answer", "session/end", "yett/key", "yett/usage"}
)
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
    """token: of a caller that wants to hear of progress. requested: the version that it asked for, where
    there is no such version. messages: of a batch, which are still to be read."""

    call: Call
    id: str | int | None
    refused: Denied | None = None
    code: int | None = None
    session: Session | None = None
    version: str = ASSUMED
    params: dict[str, JSON] = {}
    token: str | int | None = None
    requested: str = ""
    messages: list[JSON] | None = None

    @property
    def may_be_repeated(self) -> bool:
        """Whether a modern caller calls a tool with arguments, and nothing that it says beside it is of this
        call alone."""
        return (
            self.refused is None
            and self.version == MODERN
            and self.call.operation is _CALL_TOOL
            and type(self.id) is int
            and self.params.keys() == _REPEATED
            and self.listens is None
        )

    @property
    def listens(self) -> Talk | None:
        """Return what the caller says, if it is modern and is to hear of its call before the answer."""
        talk = self.call.talk
        if talk is None or self.refused is not None or self.session is not None:
            return None
        return talk if talk.progress or talk.log_level is not None else None


def read_post(arrival: Arrival, server: str | None, sessions: Sessions) -> Inbound:
    """Read one POST of `/mcp` or `/mcp/{server}`. `plain.py` reads what nearly every POST of a session is."""
    if arrival.refused is not None:
        return _inbound(arrival, server, Envelope(refused=arrival.refused), MODERN)
    return read_document(arrival, server, read_body(arrival.request.body), sessions)


def read_document(
    arrival: Arrival, server: str | None, message: JSON, sessions: Sessions
) -> Inbound:
    """Read the body of a POST that was parsed."""
    envelope = message if type(message) is Envelope else interpret_body(message)
    headers = arrival.request.head.headers
    version = headers.get(b"mcp-protocol-version")
    meta = envelope.params.get("_meta")
    if version == _MODERN or (meta is not None and modern.claims(meta)):
        return _inbound(arrival, server, _read_modern(arrival, envelope), MODERN)
    if envelope.messages is not None:
        return _read_batch(arrival, server, envelope, sessions)
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


def read_message(
    arrival: Arrival, server: str | None, envelope: Envelope, session: Session
) -> Inbound:
    """Read one message of a batch."""
    if envelope.refused is None and envelope.method in _MODERN_ONLY:
        refused = Denied(Reason.UNKNOWN_METHOD, f"needs {MODERN}: {envelope.method}")
        envelope = msgspec.structs.replace(envelope, refused=refused)
    return _inbound(arrival, server, envelope, session.version, session)


def _read_batch(
    arrival: Arrival, server: str | None, envelope: Envelope, sessions: Sessions
) -> Inbound:
    """Leave the messages to who may look into them: one version has batches."""
    session, refused = find_session(arrival.request.head.headers, server, sessions)
    if session is None or session.version != BATCHING:
        known = (
            envelope if session is not None else msgspec.structs.replace(envelope, refused=refused)
        )
        return _inbound(arrival, server, known, ASSUMED, session)
    inbound = _inbound(arrival, server, envelope, session.version, session)
    return msgspec.structs.replace(inbound, refused=None, messages=envelope.messages)


def _read_modern(arrival: Arrival, envelope: Envelope) -> Envelope:
    head, method = arrival.request.head, envelope.method
    refused, code = envelope.refused, envelope.code
    if refused is None and method == ANSWER:
        shown = "no answer was asked for"
        refused = Denied(Reason.MALFORMED_REQUEST, shown, shown=shown)
    if refused is None and envelope.id is None and method.startswith(NOTIFICATION):
        refused = modern.notification_problem(head.headers, head.repeated, method)
    elif refused is None:
        refused = modern.problem(head.headers, head.repeated, method, envelope.params)
        code = INVALID_PARAMS if refused and refused.reason is Reason.MALFORMED_REQUEST else None
    if refused is None and method in _LEGACY_ONLY:
        # Who opens with the handshake learns which versions there are (MCP 2026-07-28, Versioning).
        shown = f"not in {MODERN}; supported: {', '.join(SUPPORTED)}"
        refused = Denied(Reason.UNKNOWN_METHOD, f"not in {MODERN}: {method[:64]}", shown=shown)
    if refused is None:
        return envelope
    return Envelope(envelope.id, method, envelope.params, refused, code)


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
    params = envelope.params
    operation, asked, spoken = _interpret(envelope, version, session)
    refused, code = envelope.refused or spoken.refused, envelope.code
    if envelope.refused is None and refused is not None and operation is not UNKNOWN:
        code = INVALID_PARAMS
    request = arrival.request
    call = Call(
        id=arrival.id,
        operation=operation,
        server=server,
        name=asked.name,
        arguments=asked.arguments,
        params=asked.params,
        credential=request.head.credential,
        owner=None if session is None else session.owner,
        session="" if session is None else session.id,
        peer=request.peer,
        door="mcp",
        protocol=version,
        received_at=arrival.received_at,
        started=arrival.started,
        talk=spoken.talk,
        task=asked.task,
        mirrored=request.head.mirrored if version == MODERN else None,
    )
    requested = ""
    if refused is not None and refused.reason is Reason.UNSUPPORTED_VERSION:
        requested = _requested(arrival, params)
    return Inbound(
        call, envelope.id, refused, code, session, version, params, spoken.token, requested
    )


def _interpret(
    envelope: Envelope, version: str, session: Session | None
) -> tuple[Operation, Asked, Spoken]:
    """Return what is asked, and what the caller says beside it; the latter says if that is unfit."""
    if envelope.refused is not None:
        return UNKNOWN, NOTHING, SILENT
    method = envelope.method
    if envelope.id is None:
        if method == ANSWER and session is not None:
            return OPERATIONS[ANSWER], NOTHING, _judge_answer(envelope, session)
        operation = _NOTIFICATIONS.get(method, UNKNOWN)
        return operation, NOTHING, _unknown(method) if operation is UNKNOWN else SILENT
    operation = _REQUESTS.get(method, UNKNOWN)
    if operation is UNKNOWN:
        return operation, NOTHING, _unknown(method)
    asked = read_params(method, envelope.params, modern=version == MODERN)
    if asked.refused is not None:
        return operation, NOTHING, Spoken(refused=asked.refused)
    if version == MODERN:
        spoken = modern.read_talk(envelope.params)
    else:
        spoken = SILENT if session is None else _read_legacy_talk(method, envelope.params, session)
    return asked.operation or operation, asked, spoken


def _read_legacy_talk(method: str, params: dict[str, JSON], session: Session) -> Spoken:
    """What goes with each call of a session, and the token of this one."""
    meta = params.get("_meta")
    talk = session.talk
    if (meta is None and talk is None) or method not in TALKATIVE:
        return SILENT
    token = meta.get(META_PROGRESS) if isinstance(meta, dict) else None
    if token is None:
        return SILENT if talk is None else Spoken(talk)
    if not is_progress_token(token):
        shown = "`progressToken` is neither an integer nor a short text"
        return Spoken(refused=Denied(Reason.MALFORMED_REQUEST, shown, shown=shown))
    return Spoken(msgspec.structs.replace(talk or Talk(), progress=True), token)


def _judge_answer(envelope: Envelope, session: Session) -> Spoken:
    """An answer belongs to a question of the same session that still waits, or to nothing."""
    if envelope.params["id"] in session.questions:
        return SILENT
    shown = "the id of an answer"
    return Spoken(refused=Denied(Reason.INVALID_STATE, "no such question", shown=shown))


def _requested(arrival: Arrival, params: dict[str, JSON]) -> str:
    meta = params.get("_meta")
    named = meta.get(META_VERSION) if isinstance(meta, dict) else None
    header = arrival.request.head.headers.get(b"mcp-protocol-version", b"").decode("latin-1")
    return str(named if named is not None else header)[:64]


def _unknown(method: str) -> Spoken:
    if method in _REQUESTS or method in _NOTIFICATIONS:
        # Without an id nobody would learn what became of it: a call is never a notification.
        shown = "a request has an `id` and a notification has none"
        return Spoken(refused=Denied(Reason.MALFORMED_REQUEST, shown, shown=shown))
    return Spoken(refused=Denied(Reason.UNKNOWN_METHOD, f"method {method[:64]!r}"))
