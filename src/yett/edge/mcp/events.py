"""What was written to the SSE streams of a session, kept for a while, so that an agent that lost its
connection goes on where it was (MCP 2025-11-25, Streamable HTTP: Resumability and Redelivery).

A feed is one such stream: it outlives the connections that carry it. The id of an event names the
session's own secret, the feed and the event, so an id of another session opens nothing here.
"""

import asyncio
import re
import secrets
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Final, NamedTuple, final

import msgspec

from yett.core import bounds
from yett.edge.http.connection import Connection
from yett.edge.mcp.bell import Bell
from yett.edge.mcp.line import KEEP_ALIVE, KEEP_ALIVE_SECONDS, numbered_events

RETRY_MILLISECONDS: Final = 1000
_TOGETHER: Final = 128
"""Events in one portion."""
_WRITE_BYTES: Final = 64 * 1024
"""In one write, unless a portion alone is larger, so that a slow reader is noticed in time."""
_OVERHEAD_BYTES: Final = 768  # of one portion and of a feed that keeps no other
_ID: Final = re.compile(r"([0-9a-f]{16})-([gp])([0-9]{1,15})-([0-9]{1,15})")


@final
class Portion(msgspec.Struct, frozen=True, gc=False):
    """Events that were said together. number: of the first; the others count on. data: the whole SSE events.
    kept_at: monotonic seconds."""

    number: int
    count: int
    data: bytes
    kept_at: float

    @property
    def last(self) -> int:
        """Return the number of the last."""
        return self.number + self.count - 1

    @property
    def size(self) -> int:
        """Return how many bytes it takes, with its share of its feed."""
        return len(self.data) + _OVERHEAD_BYTES

    def behind(self, after: int) -> "Portion":
        """Return what is left of it behind event `after`."""
        if after < self.number:
            return self
        passed = after + 1 - self.number  # each ends with an empty line, and holds no other
        data = self.data.split(b"\n\n", passed)[passed]
        return Portion(after + 1, self.count - passed, data, self.kept_at)


@final
class Shelf:
    """Bounds what all sessions keep together: whose events take most room loses its oldest, and nobody
    does because of somebody else."""

    def __init__(self) -> None:
        self._logs: dict[str, dict[EventLog, None]] = {}
        self._sizes: dict[str, int] = {}
        self._total = 0

    def took(self, log: "EventLog", size: int) -> None:
        """Count what was added (or taken away, if negative), and make room."""
        owner = log.owner
        self._logs.setdefault(owner, {})[log] = None
        self._sizes[owner] = self._sizes.get(owner, 0) + size
        self._total += size
        while self._sizes.get(owner, 0) > bounds.EVENT_BYTES_PER_PRINCIPAL_MAX:
            self._shorten(owner)
        while self._total > bounds.EVENT_BYTES_MAX:
            self._shorten(max(self._sizes, key=lambda name: self._sizes[name]))

    def expire(self) -> None:
        """Let go of what is too old to be asked for."""
        before = monotonic() - bounds.EVENT_SECONDS_MAX
        for logs in list(self._logs.values()):
            for log in list(logs):
                log.expire(before)

    def forget(self, log: "EventLog") -> None:
        """Take note that a log keeps nothing."""
        logs = self._logs.get(log.owner, {})
        logs.pop(log, None)
        if not logs:
            self._logs.pop(log.owner, None)
            self._sizes.pop(log.owner, None)

    def gave(self, owner: str, size: int) -> None:
        self._sizes[owner] -= size
        self._total -= size

    def _shorten(self, owner: str) -> None:
        max(self._logs[owner], key=lambda log: log.size).drop_oldest()


class Place(NamedTuple):
    """Where an event stands. feed: None if nothing of it is kept. number: of the event. is_general:
    whether the feed answers no call."""

    feed: "Feed | None"
    number: int
    is_general: bool

    @property
    def is_gone(self) -> bool:
        """Whether nothing is left of a feed that nothing can stand in for."""
        return self.feed is None and not self.is_general


@final
class EventLog:
    """The feeds of one session. size: bytes that they keep."""

    __slots__ = ("_count", "_feeds", "_kept", "_opened", "_secret", "_shelf", "owner", "size")

    def __init__(self, owner: str, shelf: Shelf) -> None:
        self.owner = owner
        self.size = 0
        self._count = 0
        self._shelf = shelf
        self._secret = secrets.token_hex(8)
        self._opened = 0
        self._feeds: dict[int, Feed] = {}
        self._kept: deque[Feed] = deque()  # whose oldest portion is next to go

    def open(self, *, general: bool, primes: bool) -> "Feed":
        """Begin a feed. general: it answers no call. primes: its first event is an empty one, so that
        the agent can come back before there is anything else (2025-11-25)."""
        self._opened += 1
        kind = "g" if general else "p"
        prefix = f"{self._secret}-{kind}{self._opened}-"
        feed = Feed(self, self._opened, prefix, general=general, primes=primes)
        self._feeds[feed.number] = feed
        return feed

    def find(self, identifier: str) -> Place | None:
        """Return where an event stands; None: it is no event of this session."""
        found = _ID.fullmatch(identifier)
        if found is None or found[1] != self._secret:
            return None
        return Place(self._feeds.get(int(found[3])), int(found[4]), found[2] == "g")

    def keep(self, feed: "Feed", portion: Portion) -> None:
        self._kept.append(feed)
        size = portion.size
        self._count += portion.count
        self.size += size
        self._shelf.took(self, size)
        while (
            self._count > bounds.EVENTS_PER_SESSION_MAX
            or self.size > bounds.EVENT_BYTES_PER_SESSION_MAX
        ):
            self.drop_oldest()

    def drop_oldest(self) -> None:
        feed = self._kept.popleft()
        portion = feed.events.popleft()
        size = portion.size
        self._count -= portion.count
        self.size -= size
        self._shelf.gave(self.owner, size)
        if not self._kept:
            self._shelf.forget(self)
        if feed.is_ended and not feed.events:
            self.forget(feed)

    def expire(self, before: float) -> None:
        while self._kept and self._kept[0].events[0].kept_at < before:
            self.drop_oldest()

    def forget(self, feed: "Feed") -> None:
        """Nobody can come back to a feed that has ended and of which nothing is kept."""
        if not feed.events:
            self._feeds.pop(feed.number, None)

    def close(self) -> None:
        """End all feeds and keep nothing."""
        for feed in list(self._feeds.values()):
            feed.end()
        while self._kept:
            self.drop_oldest()
        self._feeds.clear()


@final
class Reader:
    """A connection that carries a feed. bell: rung when there is something to write. quiet_since:
    monotonic seconds."""

    __slots__ = ("bell", "connection", "quiet_since")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.quiet_since = monotonic()
        self.bell = Bell()

    def is_due(self, now: float) -> bool:
        """Whether it has to look up though nothing has come for it."""
        return self.connection.is_draining or now - self.quiet_since > KEEP_ALIVE_SECONDS

    async def send(self, data: bytes) -> None:
        await self.connection.send_chunk(data)
        self.quiet_since = monotonic()


@final
class Feed:
    """One SSE stream of a session. At most one connection carries it at a time: the newest.

    is_general: it answers no call. is_begun: whether the answer is a stream by now. events: the last ones, numbered
    without a gap; those of a portion go together.
    """

    __slots__ = (
        "_log", "_next", "_prefix", "_primes", "_reader", "_settled", "events", "is_begun", "is_ended", "is_general", "number",
    )  # fmt: skip

    def __init__(
        self, log: EventLog, number: int, prefix: str, *, general: bool, primes: bool
    ) -> None:
        self.number = number
        self.events: deque[Portion] = deque()
        self.is_begun = False
        self.is_ended = False
        self._log = log
        self._prefix = prefix.encode()
        self._primes = primes
        self.is_general = general
        self._next = 1
        self._reader: Reader | None = None
        self._settled: asyncio.Future[None] | None = None

    @property
    def is_read(self) -> bool:
        return self._reader is not None

    def settled(self) -> "asyncio.Future[None]":
        """Return what is done as soon as it is begun, or has ended. To be asked once, and before either."""
        self._settled = asyncio.get_running_loop().create_future()
        return self._settled

    def put(self, message: bytes) -> None:
        """Write one JSON-RPC message; it is kept, and carried by the connection that there is."""
        self.put_all((message,))

    def put_all(self, messages: Sequence[bytes]) -> None:
        """Write several, as `put` does."""
        if self.is_ended:
            return
        self.begin()
        for start in range(0, len(messages), _TOGETHER):
            some = messages[start : start + _TOGETHER]
            self._add(numbered_events(some, self._prefix, self._next), len(some))

    def begin(self) -> None:
        """Make it a stream. Its first event is an empty one that an agent can come back to, where its
        version knows of such."""
        if self.is_begun or self.is_ended:
            return
        self.is_begun = True
        if self._primes:
            number = b"%b%d" % (self._prefix, self._next)
            self._add(b"id: %b\nretry: %d\ndata: \n\n" % (number, RETRY_MILLISECONDS), 1)
        self._settle()

    def end(self) -> None:
        """Write no more. What is kept can still be asked for."""
        if self.is_ended:
            return
        self.is_ended = True
        self._log.forget(self)
        self._settle()
        self._wake()

    async def relay(self, reader: Reader, *, after: int = 0) -> None:
        """Carry what comes behind event `after`, until the feed ends or another connection takes over;
        where no call is to be ended first, until the gate ends. The head has been written."""
        if self._reader is not None:
            self._reader.bell.ring()
        self._reader = reader
        after = min(after, self._next - 1)
        try:
            while True:
                for portions in self._behind(after):
                    after = portions[-1].last
                    await reader.send(b"".join([portion.data for portion in portions]))
                if self.is_ended or self._reader is not reader:
                    return
                if self.is_general and reader.connection.is_draining:
                    return
                if monotonic() - reader.quiet_since > KEEP_ALIVE_SECONDS:
                    await reader.send(KEEP_ALIVE)
                if after >= self._next - 1:
                    await reader.bell.rest()
        finally:
            if self._reader is reader:
                self._reader = None

    def _behind(self, after: int) -> list[list[Portion]]:
        """Return what one write each is to carry. Events follow one another without a gap: only the oldest are
        ever dropped."""
        writes: list[list[Portion]] = []
        room = 0
        for portion in self._portions_behind(after):
            room -= len(portion.data)
            if room < 0 or not writes:
                writes.append([])
                room = _WRITE_BYTES - len(portion.data)
            writes[-1].append(portion)
        return writes

    def _portions_behind(self, after: int) -> list[Portion]:
        portions: list[Portion] = []
        for portion in reversed(self.events):
            if portion.last <= after:
                break
            portions.append(portion.behind(after))
        portions.reverse()
        return portions

    def _add(self, data: bytes, count: int) -> None:
        added = Portion(self._next, count, data, monotonic())
        self.events.append(added)
        self._next += count
        self._log.keep(self, added)
        self._wake()

    def _settle(self) -> None:
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def _wake(self) -> None:
        if self._reader is not None:
            self._reader.bell.ring()
