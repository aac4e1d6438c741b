"""What every route does first with a request: a name and a time for it, its credential, its fitness."""

import secrets
from time import monotonic
from typing import Final, final

import msgspec

from yett.core.call import Call, Door
from yett.core.clock import Clock
from yett.core.errors import Denied
from yett.core.operations import Operation
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.edge.http.message import Request
from yett.edge.origin import OriginPolicy

_SINGLE: Final = (b"authorization", b"host", b"origin", b"content-type", b"mcp-session-id")
_BEARER: Final = b"bearer "
_JSON_TYPES: Final = frozenset({b"application/json", b"application/json;charset=utf-8"})


@final
class Arrivals:
    """Gives each request an id that no other request of any process has."""

    __slots__ = ("_clock", "_count", "_origins", "_prefix")

    def __init__(self, clock: Clock, origins: OriginPolicy) -> None:
        self._clock = clock
        self._origins = origins
        self._prefix = secrets.token_hex(8)
        self._count = 0

    def receive(self, request: Request) -> "Arrival":
        """Judge what is the same for every route: bytes, Host, Origin, repeated headers."""
        self._count += 1
        return Arrival(
            f"{self._prefix}{self._count:08x}",
            request,
            self._clock.wall(),
            monotonic(),
            self._problem(request),
        )

    def _problem(self, request: Request) -> Denied | None:
        if request.unfit is not None:
            return Denied(request.unfit, "found while reading the request")
        if not self._origins.allows(request.headers):
            return Denied(Reason.FORBIDDEN_ORIGIN, "Host or Origin is not on the list")
        if request.repeated and not request.repeated.isdisjoint(_SINGLE):
            shown = "a header that must be single is repeated"
            return Denied(Reason.MALFORMED_REQUEST, shown, shown=shown)
        return None


@final
class Arrival(msgspec.Struct, frozen=True):
    """`refused`: why the request is unfit whatever its route."""

    id: str
    request: Request
    received_at: float
    started: float
    refused: Denied | None

    def call(
        self,
        operation: Operation,
        *,
        server: str | None = None,
        name: str = "",
        arguments: dict[str, JSON] | None = None,
        owner: str | None = None,
        protocol: str,
        door: Door = "mcp",
    ) -> Call:
        return Call(
            id=self.id,
            operation=operation,
            server=server,
            name=name,
            arguments={} if arguments is None else arguments,
            credential=_credential(self.request),
            owner=owner,
            peer=self.request.peer,
            door=door,
            protocol=protocol,
            received_at=self.received_at,
            started=self.started,
        )

    def with_problem(self, problem: Denied | None) -> "Arrival":
        """Return this arrival, refused for `problem` unless it was refused before."""
        if problem is None or self.refused is not None:
            return self
        return Arrival(self.id, self.request, self.received_at, self.started, problem)


def body_problem(request: Request) -> Denied | None:
    """Only JSON in UTF-8, not compressed, is read at all (ToolHive 8a05eddd5, CWE-409)."""
    content_type = request.headers.get(b"content-type", b"")
    if (
        content_type != b"application/json"
        and content_type.replace(b" ", b"").lower() not in _JSON_TYPES
    ):
        return Denied(Reason.UNSUPPORTED_MEDIA_TYPE, "Content-Type")
    if b"content-encoding" in request.headers:
        return Denied(Reason.UNSUPPORTED_MEDIA_TYPE, "Content-Encoding")
    return None


def _credential(request: Request) -> Secret | None:
    """Exactly one `Authorization: Bearer …` (RFC 6750 §2.1); a token anywhere else is not read."""
    value = request.headers.get(b"authorization", b"")
    token = value[len(_BEARER) :]
    if (
        not token
        or value[: len(_BEARER)].lower() != _BEARER
        or b"authorization" in request.repeated
    ):
        return None
    return Secret(token)
