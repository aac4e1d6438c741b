"""Sessions of the legacy eras: routing only, never a credential. Each belongs to one principal."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from math import inf
from time import monotonic
from typing import Any, Final, final

from yett.core import bounds
from yett.core.talk import Talk
from yett.core.target import JSON
from yett.edge.mcp.asking import Questions
from yett.edge.mcp.events import EventLog, Feed, Shelf

USED_SECONDS: Final = 1.0
"""How exactly it is known when a session was used last."""

RequestId = str | int


@final
class Session:
    """What a caller of an older version and this gate know of each other between two requests.

    server: the scope it was opened on; None is `/mcp`. used: monotonic seconds; once it is closed, never. streams: how
    many GET streams are open. talk: what goes with each call; None if nothing does. running: its requests
    under way, and the caller's own id of each. log: what was written to its streams.
    """

    __slots__ = (
        "_posts", "capabilities", "id", "log", "owner", "questions", "running", "server",
        "streams", "talk", "used", "version",
    )  # fmt: skip

    def __init__(
        self,
        owner: str,
        version: str,
        server: str | None,
        capabilities: dict[str, JSON],
        log: EventLog,
        questions: Questions,
    ) -> None:
        self.id = secrets.token_urlsafe(24)
        self.owner = owner
        self.version = version
        self.server = server
        self.used = monotonic()
        self.streams = 0
        self.capabilities = capabilities
        self.talk = Talk(capabilities=capabilities) if capabilities else None
        self.running: dict[asyncio.Task[Any], RequestId] = {}
        self.questions = questions
        self.log = log
        self._posts: dict[asyncio.Task[None], Feed] = {}

    @property
    def is_busy(self) -> bool:
        """Whether it must not be ended for being idle."""
        return self.streams > 0 or bool(self._posts) or bool(self.running)

    def set_level(self, level: str) -> None:
        """Let servers tell the caller of what is at least so severe."""
        self.talk = Talk(capabilities=self.capabilities, log_level=level)

    def keep(self, post: "asyncio.Task[None]", feed: Feed) -> None:
        """Take note of calls that are answered on a feed, whatever becomes of the connection; they end
        with the session."""
        self._posts[post] = feed
        post.add_done_callback(self._let_go)

    def _let_go(self, post: "asyncio.Task[None]") -> None:
        self._posts.pop(post).end()  # a call that was cancelled may not even have begun

    @property
    def posts(self) -> "list[asyncio.Task[None]]":
        return list(self._posts)

    @property
    def unread(self) -> "list[asyncio.Task[None]]":
        """Calls that go on without a connection."""
        return [
            post
            for post, feed in self._posts.items()
            if feed.is_begun and not feed.is_read and not feed.is_ended
        ]

    def cancel(self, identifier: JSON) -> None:
        """Stop a request of the caller's own that is under way; an id of none means nothing (MCP
        2025-11-25, Cancellation)."""
        if isinstance(identifier, str | int) and not isinstance(identifier, bool):
            self._stop([task for task, known in self.running.items() if known == identifier])

    def close(self) -> None:
        """End it, and with it what is under way: its caller may be one who must learn nothing more."""
        self.used = -inf
        for post in self.posts:
            post.cancel()
        self._stop(list(self.running))
        self.questions.close()
        self.log.close()

    def _stop(self, requests: "list[asyncio.Task[Any]]") -> None:
        """Who is stopped knows it by no longer running."""
        for task in requests:
            del self.running[task]
            task.cancel()


@final
class Sessions:
    """All open sessions, bounded for each owner and in all; the longest idle one gives way, and nobody
    loses one because somebody else opens many.

    shelf: what their streams keep. on_end: told of each session that has ended.
    """

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.on_end: Callable[[Session], None] = lambda _: None
        self._asked: Counter[str] = Counter()
        self._open: dict[str, Session] = {}
        self._of: dict[str, dict[str, Session]] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._open.values()))

    def open(
        self,
        *,
        owner: str,
        version: str,
        server: str | None,
        capabilities: dict[str, JSON] | None = None,
    ) -> Session:
        own = self._of.get(owner, {})
        if len(own) >= bounds.SESSIONS_PER_PRINCIPAL_MAX:
            self._give_way(own)
        elif len(self._open) >= bounds.SESSIONS_MAX:
            self._give_way(max(self._of.values(), key=len))
        log, questions = EventLog(owner, self.shelf), Questions(owner, self._asked)
        session = Session(owner, version, server, capabilities or {}, log, questions)
        self._open[session.id] = session
        self._of.setdefault(owner, {})[session.id] = session
        return session

    def find(self, identifier: str, server: str | None) -> Session | None:
        """Return the session if it is open and of this scope."""
        session = self._open.get(identifier)
        if session is None or session.server != server:
            return None
        now = monotonic()
        if now > session.used + USED_SECONDS:
            if _is_idle(session, now):
                self.end(identifier)
                return None
            session.used = now
        return session

    def end(self, identifier: str) -> None:
        session = self._open.pop(identifier, None)
        if session is not None:
            own = self._of[session.owner]
            del own[identifier]
            if not own:
                del self._of[session.owner]
            session.close()
            self.on_end(session)

    def end_of(self, owner: str) -> None:
        """End all sessions of a principal who is not welcome any more."""
        for identifier in list(self._of.get(owner, ())):
            self.end(identifier)

    def end_idle(self) -> None:
        now = monotonic()
        for session in self:
            if _is_idle(session, now):
                self.end(session.id)

    def is_open(self, identifier: str) -> bool:
        return identifier in self._open

    def streams_of(self, owner: str) -> int:
        return sum(session.streams for session in self._of.get(owner, {}).values())

    def bound_unread(self, owner: str) -> None:
        """Cancel calls that go on without a connection beyond so many; the latest first."""
        unread = [call for session in self._of.get(owner, {}).values() for call in session.unread]
        for call in unread[bounds.DETACHED_PER_PRINCIPAL_MAX :]:
            call.cancel()

    def _give_way(self, of_one_owner: dict[str, Session]) -> None:
        oldest = min(of_one_owner.values(), key=lambda session: (session.is_busy, session.used))
        self.end(oldest.id)


def _is_idle(session: Session, now: float) -> bool:
    return now - session.used > bounds.SESSION_IDLE_SECONDS_MAX and not session.is_busy
