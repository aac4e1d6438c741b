"""What a server says of watched resources: which of it is told, and that of a moment together."""

import asyncio
from collections.abc import Callable, Container
from typing import Final, final

from yett.core.bounds import URI_CHARS_MAX
from yett.core.call import RpcError
from yett.upstreams.port import Exchange

WATCHED_MAX: Final = 10_000
GATHER_SECONDS: Final = 0.05

TOO_MANY: Final = Exchange(None, RpcError(-32603, "Too many resources are watched"), 0)
NOT_WATCHED: Final = Exchange(None, RpcError(-32601, "This resource cannot be watched"), 0)
WATCHED: Final = Exchange({}, None, 0)


@final
class Updates:
    """watched: URIs, as they are at any time. tell: called with each that has changed."""

    __slots__ = ("_gathered", "_tell", "_watched")

    def __init__(self, watched: Container[str], tell: Callable[[str], None]) -> None:
        self._watched = watched
        self._tell = tell
        self._gathered: set[str] = set()

    def note(self, uri: str) -> None:
        """Those of a moment are told together, so that a flood costs little."""
        watched = self._whole(uri)
        if watched is None:
            return
        if not self._gathered:
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._tell_gathered)
        self._gathered.add(watched)

    def _whole(self, uri: str) -> str | None:
        """A server may name a part of what is watched (MCP 2025-11-25, schema:
        ResourceUpdatedNotification)."""
        if len(uri) > URI_CHARS_MAX:
            return None
        while uri not in self._watched:
            uri, slash, _ = uri.rpartition("/")
            if not slash:
                return None
            if uri + slash in self._watched:
                return uri + slash
        return uri

    def _tell_gathered(self) -> None:
        gathered, self._gathered = self._gathered, set()
        for uri in gathered:
            self._tell(uri)
