"""What a transport to an MCP server must do, and the values that cross the port."""

from collections.abc import Callable
from enum import Enum
from typing import Protocol, final

import msgspec

from yett.core.call import RpcError
from yett.core.proofs import Credential
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
    the answer's body or line.
    """

    result: dict[str, JSON] | None
    error: RpcError | None
    bytes_received: int


@final
class Discovered(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a server offers to one credential: raw definitions, in the server's order."""

    tools: tuple[dict[str, JSON], ...] = ()
    prompts: tuple[dict[str, JSON], ...] = ()
    resources: tuple[dict[str, JSON], ...] = ()
    resource_templates: tuple[dict[str, JSON], ...] = ()


def ignore_change() -> None:
    """Stands for `on_changed` until somebody listens."""


class Transport(Protocol):
    """One MCP server. Safe to use from many calls at once, on one event loop.

    on_changed: called (plainly, so it must be quick) when what the server offers may have changed:
    it announced a changed list, went away, was restarted, or was reached again after it could not be.
    """

    on_changed: Callable[[], None]

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
    ) -> Exchange:
        """Send one request and return its answer within `deadline_seconds`, all waiting included.

        Raises:
            Fault: UPSTREAM_UNREACHABLE (`sent` is False if nothing of the request was written, so
                it was certainly not executed), UPSTREAM_TIMEOUT, or UPSTREAM_INVALID when the
                answer broke the protocol or a bound.
        """
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

    async def close(self) -> None:
        """End everything that was opened, at most five seconds later. Never raises."""
        ...
