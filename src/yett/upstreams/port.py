"""What a transport to an MCP server must do, and the values that cross the port."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Final, Protocol, final

import msgspec

from yett.core.call import RpcError
from yett.core.identity import Principal
from yett.core.proofs import Credential
from yett.core.talk import Hear
from yett.core.target import JSON


class Era(Enum):
    """The two families of the protocol (MCP 2026-07-28, Versioning: Terminology)."""

    LEGACY = "legacy"
    """2024-11-05 to 2025-11-25: an `initialize` handshake first."""
    MODERN = "modern"
    """2026-07-28: every request carries what the handshake said."""


@final
class Exchange(msgspec.Struct, frozen=True, gc=False):
    """One JSON-RPC answer, parsed strictly and not trusted. Exactly one of the first two is set.

    error: as the server gave it; the code is not translated between eras. bytes_received: size of
    the answer's body or line. encoded: the result, where it came as compact JSON; empty: it did not. is_text:
    it is known to be one text and nothing besides.
    """

    result: dict[str, JSON] | None
    error: RpcError | None
    bytes_received: int
    encoded: bytes = b""
    is_text: bool = False


@final
class Discovered(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a server offers to one credential: raw definitions, in the server's order."""

    tools: tuple[dict[str, JSON], ...] = ()
    prompts: tuple[dict[str, JSON], ...] = ()
    resources: tuple[dict[str, JSON], ...] = ()
    resource_templates: tuple[dict[str, JSON], ...] = ()


@final
class Wishes(msgspec.Struct, frozen=True):
    """What a conversation with a server must offer beyond plain requests. Hashable, so that it can be a
    part of the conversation's key, beside the owner.

    capabilities: compact JSON of what the caller declared and the operator lets this server ask.
    log_level: of the messages that the caller wants.
    """

    capabilities: bytes = b"{}"
    log_level: str | None = None


NO_WISHES: Final = Wishes()

Lease = Callable[[], Awaitable[Credential]]
"""To the credential of this moment, for what is asked beside the calls. Raises a fault: it cannot be had."""

Ask = Callable[[str, dict[str, JSON]], Awaitable[Exchange]]
"""Method and parameters of what a legacy server asks in the middle of a request → the caller's answer.
Always answers: what was not offered, and what nobody answers in time, is an error."""


@final
class Beside(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What passes besides one request and its answer.

    principal: who is calling, for servers of ours that act for somebody; nothing of it is ever sent to
    another. owner: id of the caller. Where there are wishes, a conversation that a server could take for one
    client (a session, a process) serves one owner only: it keeps what it was told, roots for example.
    hear: None if nobody listens. progress: whether to ask for it. ask: for legacy servers only; the
    deadline of the request covers the wait for answers. trace: members of `_meta`. extensions: of the
    protocol, that the caller declared and the gate carries; for modern servers only.
    """

    principal: Principal | None = None
    owner: str = ""
    wishes: Wishes = NO_WISHES
    hear: Hear | None = None
    progress: bool = False
    ask: Ask | None = None
    trace: dict[str, JSON] = {}
    extensions: tuple[str, ...] = ()


class Begun(Protocol):
    """A call that has been written, and is not answered yet."""

    @property
    def answer(self) -> Awaitable[Any]:
        """Return what `read` takes, once it has come."""
        ...

    def read(self, answer: Any) -> Exchange | None:
        """Return what was answered; None: more has to be done before that is known, see `finish`.

        Raises:
            Exception: see `explain`.
        """
        ...

    async def finish(self) -> Exchange:
        """Return what was answered, once `read` could not tell.

        Raises:
            Exception: see `explain`.
        """
        ...

    def explain(self, trouble: BaseException) -> BaseException:
        """Return a fault that `Transport.request` would raise, of what was raised in its place by `answer`, `read`
        or `finish`; anything else as it is. The server is told that nobody waits, as it is there. Never raises."""
        ...


Begin = Callable[[bytes, Credential, float], Begun | None]
"""Arguments, credential and seconds, as of `Transport.call`, to a call that was written; None: it cannot be written at
once, and nothing was."""


def ignore_change() -> None:
    """Stands for `on_changed` until somebody listens."""


def ignore_update(uri: str) -> None:
    """Stands for `on_updated` until somebody listens."""


class Transport(Protocol):
    """One MCP server. Safe to use from many calls at once, on one event loop.

    on_changed: called (plainly, so it must be quick) when what the server offers may have changed:
    it announced a changed list, went away, was restarted, or was reached again after it could not be.
    on_updated: called likewise with the server's own URI of a watched resource that has changed, or may
    have while nobody could look.
    """

    on_changed: Callable[[], None]
    on_updated: Callable[[str], None]

    @property
    def era(self) -> Era | None:
        """Return what is known by now; None before the first contact and after a failed one."""
        ...

    @property
    def version(self) -> str | None:
        """Return the protocol version of an open conversation; None without one."""
        ...

    def last_words(self) -> tuple[str, ...]:
        """Return what the server wrote last beside the protocol, without control characters; they are
        for the operator's eyes, and may hold what should not be shown. Empty if it has no such place.
        Never raises."""
        ...

    async def request(
        self,
        method: str,
        params: dict[str, JSON],
        *,
        credential: Credential,
        deadline_seconds: float,
        beside: Beside | None = None,
    ) -> Exchange:
        """Send one request and return its answer within `deadline_seconds`, all waiting included.

        A result of the type `input_required` is returned as it is, if `beside` offers capabilities;
        `params` may hold `inputResponses` and `requestState` for a modern server. Who stops waiting
        (cancels) makes the server be told.

        Raises:
            Fault: UPSTREAM_UNREACHABLE (`sent` is False if nothing of the request was written, so
                it was certainly not executed), UPSTREAM_TIMEOUT, or UPSTREAM_INVALID when the
                answer broke the protocol or a bound.
        """
        ...

    async def call(
        self, tool: str, arguments: bytes, credential: Credential, seconds: float
    ) -> Exchange:
        """As `request` for `tools/call`, for a call besides which nothing passes: nearly every one.

        arguments: compact JSON, sent as it is. seconds: as `deadline_seconds`.

        Raises:
            Fault: as `request`.
        """
        ...

    def shortcut(self, tool: str) -> Begin | None:
        """Return a way to make calls of this tool that means the same as `call` and costs less, whenever they can
        be written at once; None: there is none. Never raises."""
        ...

    async def discover(
        self, credential: Credential, *, deadline_seconds: float = 30.0
    ) -> Discovered:
        """Return all that the server lists, every page of it, within `deadline_seconds`.

        Raises:
            Fault: as `request`; a listing that is malformed, endless or too large is
                UPSTREAM_INVALID.
        """
        ...

    async def watch(self, uri: str, *, credential: Credential, deadline_seconds: float) -> Exchange:
        """Have `on_updated` called for this resource: `resources/subscribe`, or `subscriptions/listen`.

        Counted: the server is asked once, until `unwatch` was called as often. It is asked again when
        it comes back after it was away.

        Raises:
            Fault: as `request`.
        """
        ...

    def unwatch(self, uri: str) -> None:
        """Undo one `watch`. The server is told in the background. Never raises."""
        ...

    async def renew(self) -> None:
        """Begin anew with what is current, where it was begun with secrets that have changed since. What is under
        way has two seconds to end. Never raises."""
        ...

    async def close(self) -> None:
        """End everything that was opened, at most five seconds later. Never raises."""
        ...
