"""What the edge hands in and what it gets back. Every way in makes the same `Call`."""

from collections.abc import Callable
from typing import Literal, final

import msgspec

from yett.core.errors import Refusal
from yett.core.identity import Principal
from yett.core.operations import Operation
from yett.core.secret import Secret
from yett.core.talk import Talk
from yett.core.target import JSON
from yett.core.tasks import TaskAsked

Door = Literal["mcp", "rest"]


@final
class Once(msgspec.Struct, gc=False):
    """Of a call that has a name of its caller's, so that it is made once. sent: anything of it may have been."""

    sent: bool = False


@final
class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request, judged as it stands here and forwarded as it stands here.

    id: the record's id, sent back as `Yett-Request-Id`. server: None on `/mcp`, where `name` is a
    public name (`server__tool`); otherwise `name` is the server's own. name: tool, prompt or URI;
    empty for lists. session: an id of the conversation that the call belongs to, if the caller has
    conversations; empty: it has none. arguments: the input. encoded: what `encode` makes of it, where
    it came like that; empty: not made. params: of lists, `cursor` as the caller gave it, or `whole` for
    all pages at once. credential: the value after `Bearer `; None when there is no well-formed
    `Authorization` header. owner: id of the principal that the session belongs to. received_at: wall
    clock. started: monotonic. protocol: MCP version, or "rest". talk: None if nothing passes besides
    the request and its answer. mirrored: `Mcp-Param-*` headers, decoded, by their lower-case name
    after the prefix, each None if it cannot be decoded; None as a whole: the caller's version does not
    mirror (MCP 2026-07-28, Custom Headers from Tool Parameters). task: None if it has nothing to do with one.
    once: None if it may be made as often as it comes.
    """

    id: str
    operation: Operation
    server: str | None
    name: str = ""
    arguments: dict[str, JSON] = {}
    encoded: bytes = b""
    params: dict[str, JSON] = {}
    credential: Secret | None
    owner: str | None = None
    session: str = ""
    peer: str
    door: Door
    protocol: str
    received_at: float
    started: float
    talk: Talk | None = None
    mirrored: dict[str, str | None] | None = None
    task: TaskAsked | None = None
    once: Once | None = None


@final
class RpcError(msgspec.Struct, frozen=True, gc=False):
    """A JSON-RPC error that an upstream answered, already cleaned."""

    code: int
    message: str
    data: JSON = None


@final
class RateLeft(msgspec.Struct, frozen=True, gc=False):
    """What is left of the rate of calls that is nearest to its end. name: as the operator wrote it. quota:
    calls that it admits at once, in window_seconds. resets_in_seconds: until all of them are back."""

    name: str
    quota: int
    window_seconds: int
    remaining: int
    resets_in_seconds: int


@final
class Usage(msgspec.Struct, frozen=True, gc=False):
    """What the call cost, in millionths of `currency`. budget: tells how many are left in the tightest one when
    it is asked; rates: what is left of them. None: there are none, or nobody here knows."""

    cost_micros: int = 0
    currency: str = "USD"
    budget: Callable[[], int | None] | None = None
    rates: Callable[[], RateLeft | None] | None = None

    @property
    def remaining_micros(self) -> int | None:
        """Ask what is left; None: no budget applies."""
        return None if self.budget is None else self.budget()


@final
class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Exactly one of `result`, `error` and `refusal` is set.

    encoded: compact JSON of `result`, where a stage made it already; empty: not yet encoded.
    """

    call: Call
    principal: Principal | None = None
    result: dict[str, JSON] | None = None
    encoded: bytes = b""
    error: RpcError | None = None
    refusal: Refusal | None = None
    usage: Usage = Usage()
    target: str = ""
    """`server/name` of what was called, when it is the caller's business to know."""
