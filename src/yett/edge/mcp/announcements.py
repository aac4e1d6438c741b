"""What a session is told that belongs to none of its calls: lists that changed, resources that it watches.

It is told on one of its GET streams; while there is none, it is remembered that there is something to
tell, not how often (MCP 2025-11-25, Streamable HTTP: Listening for Messages, Multiple Connections).
"""

from typing import Final, final

from yett.core.call import Call, Reply
from yett.core.operations import OPERATIONS
from yett.edge.arrival import Arrival, Arrivals
from yett.edge.gate import Gate
from yett.edge.http.message import Request
from yett.edge.mcp.changes import Changes
from yett.edge.mcp.events import Feed
from yett.edge.mcp.line import notification
from yett.edge.mcp.sessions import Session
from yett.edge.mcp.versions import NEWEST_LEGACY
from yett.edge.mcp.watching import Tally, Watching

_SUBSCRIBE: Final = OPERATIONS["resources/subscribe"]
_LISTS_CHANGED: Final = tuple(
    notification(f"notifications/{kind}/list_changed") for kind in ("tools", "resources", "prompts")
)


@final
class Announcements:
    """Of one session, from its first GET stream or subscription to its end."""

    __slots__ = (
        "_arrivals", "_changes", "_feeds", "_is_closed", "_last", "_seen", "_session", "watching",
    )  # fmt: skip

    def __init__(
        self, session: Session, gate: Gate, changes: Changes, tally: Tally, arrivals: Arrivals
    ) -> None:
        self._session = session
        self._changes = changes
        self._arrivals = arrivals
        self.watching = Watching(session.owner, gate, changes, tally, self.tell)
        self._feeds: list[Feed] = []  # the newest last
        self._last: Request | None = None
        self._seen = changes.count
        self._is_closed = False

    # -- streams

    def begin(self) -> Feed:
        """Open a new stream."""
        feed = self._session.log.open(general=True, primes=self._session.version == NEWEST_LEGACY)
        feed.begin()
        self._feeds.append(feed)
        return feed

    def begin_again(self) -> Feed:
        """Open a stream in place of one of which nothing is left: all may have changed meanwhile."""
        self._seen = -1
        self.watching.changed.update(self.watching.held)
        return self.begin()

    def left(self) -> None:
        """A connection is gone. Only the newest of the streams that nobody reads can be come back to."""
        for feed in self._feeds[:-1]:
            if not feed.is_read:
                self._feeds.remove(feed)
                feed.end()

    def tell(self) -> None:
        """Tell what there is to tell, on one stream."""
        feed = next((feed for feed in reversed(self._feeds) if feed.is_read), None)
        if feed is None:
            return
        if self._seen != self._changes.count:
            self._seen = self._changes.count
            for message in _LISTS_CHANGED:
                feed.put(message)
        changed, self.watching.changed = self.watching.changed, set()
        for resource in changed:
            uri = self.watching.held.get(resource)
            if uri is not None:
                feed.put(notification("notifications/resources/updated", {"uri": uri}))

    # -- watched resources

    async def watch(self, call: Call, arrival: Arrival) -> Reply:
        """Subscribe, if the pipeline lets it. Who is not the owner leaves nothing here, least of all a
        credential that what the owner watches would be judged by."""
        reply = await self.watching.watch(call)
        if reply.result is not None:
            request = arrival.request
            self._last = Request(request.head, b"", request.peer)
        if self._is_closed:  # the session ended meanwhile
            self.watching.close()
        return reply

    def unwatch(self, uri: str) -> None:
        """Let go of a resource by the URI that the caller used."""
        self.watching.unwatch(uri)

    async def judge_again(self) -> None:
        """See `Watching.judge_again`."""
        await self.watching.judge_again(self._subscribe)
        self.tell()

    def close(self) -> None:
        self._is_closed = True
        self.watching.close()

    def _subscribe(self, uri: str) -> Call:
        """A call that the gate makes by itself, with the owner's own credential, for nobody else."""
        assert self._last is not None  # noqa: S101 - something is watched, so somebody asked for it
        session = self._session
        return self._arrivals.receive(self._last).call(
            _SUBSCRIBE,
            server=session.server,
            name=uri,
            owner=session.owner,
            protocol=session.version,
        )
