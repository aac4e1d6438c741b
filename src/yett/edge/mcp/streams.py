"""The GET stream of a legacy session: keep-alives and `list_changed`, cut when its owner is gone."""

import asyncio
from time import monotonic
from typing import Final, Protocol, final

from yett.core import bounds
from yett.core.document import encode
from yett.edge.gate import Gate
from yett.edge.http.connection import Connection
from yett.edge.http.message import stream_head
from yett.edge.mcp.sessions import Session, Sessions

_KEEP_ALIVE_SECONDS: Final = 15.0


Resource = tuple[str, str]
"""Server and its own URI."""


class Watcher(Protocol):
    """Who watches resources. Both are called plainly and must be quick."""

    def updated(self, resource: Resource) -> None:
        """Take note that it has changed, or may have."""
        ...

    def lost(self, resource: Resource) -> None:
        """Take note that nobody asks its server any more: what was watched went with its connection."""
        ...


@final
class Changes:
    """What streams tell of. count: grows when the catalogue or a grant changed; streams look at it."""

    def __init__(self) -> None:
        self.count = 0
        self._watchers: dict[Resource, set[Watcher]] = {}

    def announce(self) -> None:
        self.count += 1

    def update(self, server: str, uri: str) -> None:
        """Tell who watches a resource that it changed. An empty `uri`: see `lose`."""
        if not uri:
            self.lose(server)
        for watcher in tuple(self._watchers.get((server, uri), ())):
            watcher.updated((server, uri))

    def lose(self, server: str) -> None:
        """Tell who watches anything of a server that it is reached in another way from now on."""
        for resource in [resource for resource in self._watchers if resource[0] == server]:
            for watcher in self._watchers.pop(resource):
                watcher.lost(resource)

    def watch(self, resource: Resource, watcher: Watcher) -> None:
        self._watchers.setdefault(resource, set()).add(watcher)

    def unwatch(self, resource: Resource, watcher: Watcher) -> None:
        watchers = self._watchers.get(resource, set())
        watchers.discard(watcher)
        if not watchers:
            self._watchers.pop(resource, None)


@final
class SessionStream:
    """Asks once a second whether the owner's credential still holds (promise 11)."""

    def __init__(
        self, request_id: str, session: Session, sessions: Sessions, gate: Gate, changes: Changes
    ) -> None:
        self._head = stream_head(b"Yett-Request-Id: %b\r\n" % request_id.encode())
        self._session = session
        self._sessions = sessions
        self._gate = gate
        self._changes = changes

    async def run(self, connection: Connection) -> None:
        """Write until the session ends, its owner is revoked, the agent leaves or the gate ends."""
        self._session.streams += 1
        seen, quiet_since = self._changes.count, monotonic()
        connection.begin_stream(self._head)
        try:
            await connection.send_chunk(b": yett\n\n")
            while self._may_go_on() and not connection.is_draining:
                await asyncio.sleep(bounds.STREAM_CHECK_SECONDS)
                if self._changes.count != seen:
                    seen, quiet_since = self._changes.count, monotonic()
                    await connection.send_chunk(_LIST_CHANGED)
                elif monotonic() - quiet_since > _KEEP_ALIVE_SECONDS:
                    quiet_since = monotonic()
                    await connection.send_chunk(b": keep-alive\n\n")
            connection.finish_stream()
        finally:
            self._session.streams -= 1

    def _may_go_on(self) -> bool:
        return self._gate.is_live(self._session.owner) and self._sessions.is_open(self._session.id)


_LIST_CHANGED: Final = b"".join(
    b"event: message\ndata: %b\n\n"
    % encode({"jsonrpc": "2.0", "method": f"notifications/{kind}/list_changed"})
    for kind in ("tools", "resources", "prompts")
)
