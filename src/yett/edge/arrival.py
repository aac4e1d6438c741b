"""What every route does first with a request: a name and a time for it, its credential, its fitness."""

import secrets
from itertools import count
from typing import Final, final

import msgspec

from yett.core.call import Call, Door
from yett.core.clock import Clock
from yett.core.errors import Denied
from yett.core.operations import Operation
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.edge.http.message import Head, Request
from yett.edge.http.mirrored import read_mirrored
from yett.edge.origin import OriginPolicy

_SINGLE: Final = (b"authorization", b"host", b"origin", b"content-type", b"mcp-session-id")
EVENT_STREAM: Final = b"text/event-stream"
_BEARER: Final = b"bearer "
_JSON_TYPES: Final = frozenset({b"application/json", b"application/json;charset=utf-8"})


@final
class Arrivals:
    """Gives each request an id that no other request of any process has: the next of `ids`."""

    __slots__ = ("_origins", "ids", "monotonic", "wall")

    def __init__(self, clock: Clock, origins: OriginPolicy) -> None:
        self.wall = clock.wall
        self.monotonic = clock.monotonic
        self.ids = map(f"{secrets.token_hex(8)}%08x".__mod__, count(1))
        self._origins = origins

    def receive(self, request: Request) -> "Arrival":
        """Judge what is the same for every route: bytes, Host, Origin, repeated headers."""
        wall, monotonic = self.wall, self.monotonic
        return Arrival(
            next(self.ids),
            request,
            wall(),
            monotonic(),
            None if request.head.is_sound else self._judge(request),
        )

    def _judge(self, request: Request) -> Denied | None:
        head = request.head
        if not head.is_judged:
            head.credential = _credential(head)
            head.mirrored = read_mirrored(head.headers, head.repeated)
            head.is_judged = True
        if request.unfit is not None:
            return Denied(request.unfit, "found while reading the request")
        if not self._origins.allows(head.headers):
            return Denied(Reason.FORBIDDEN_ORIGIN, "Host or Origin is not on the list")
        if head.repeated and not head.repeated.isdisjoint(_SINGLE):
            shown = "a header that must be single is repeated"
            return Denied(Reason.MALFORMED_REQUEST, shown, shown=shown)
        head.is_sound = True
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
        params: dict[str, JSON] | None = None,
        owner: str | None = None,
        protocol: str,
        door: Door = "mcp",
    ) -> Call:
        head = self.request.head
        return Call(
            id=self.id,
            operation=operation,
            server=server,
            name=name,
            arguments={} if arguments is None else arguments,
            params={} if params is None else params,
            credential=head.credential,
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


def body_problem(head: Head) -> Denied | None:
    """Only JSON in UTF-8, not compressed, is read at all (ToolHive 8a05eddd5, CWE-409)."""
    content_type = head.headers.get(b"content-type", b"")
    if (
        content_type != b"application/json"
        and content_type.replace(b" ", b"").lower() not in _JSON_TYPES
    ):
        return Denied(Reason.UNSUPPORTED_MEDIA_TYPE, "Content-Type")
    if b"content-encoding" in head.headers:
        return Denied(Reason.UNSUPPORTED_MEDIA_TYPE, "Content-Encoding")
    return None


def accepts(head: Head, wanted: bytes) -> bool:
    """Whether the agent takes an answer of this media type; who does not say takes all."""
    accept = head.headers.get(b"accept")
    return (
        accept is None
        or wanted in accept
        or b"*/*" in accept
        or wanted.split(b"/")[0] + b"/*" in accept
    )


def _credential(head: Head) -> Secret | None:
    """Exactly one `Authorization: Bearer …` (RFC 6750 §2.1); a token anywhere else is not read."""
    value = head.headers.get(b"authorization", b"")
    token = value[len(_BEARER) :]
    if not token or value[: len(_BEARER)].lower() != _BEARER or b"authorization" in head.repeated:
        return None
    return Secret(token)
