"""What a server says that belongs to no call: at most one stream for all of it, kept open."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, final

from yett.core.bounds import ANSWER_BYTES_MAX
from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.upstreams.backends.http.conversation import Session
from yett.upstreams.backends.http.sessions import HANDSHAKE_SECONDS_MAX, Sessions
from yett.upstreams.background import Background
from yett.upstreams.port import Exchange
from yett.upstreams.updates import TOO_MANY, WATCHED_MAX, Updates

RATION_BYTES: Final = 2 * ANSWER_BYTES_MAX
"""What such a stream may say a minute."""
STREAM_SECONDS_MAX: Final = 3600.0
"""Until it is opened anew, in case that its other end has gone without a word."""
HEALTHY_SECONDS: Final = 10.0
PAUSE_SECONDS_MIN: Final = 1.0
PAUSE_SECONDS_MAX: Final = 60.0


class Stream(Protocol):
    """Where one session is listened to. Made by `Watches`, one for each session that it follows."""

    async def keep(self, *, missed: bool) -> None:
        """Listen until cancelled, or until the server turns out not to offer it. missed: something
        may have been said before, while nobody listened. Never raises a refusal."""
        ...

    async def add(self, uri: str, deadline: float) -> Exchange:
        """Have this resource watched. deadline: loop time.

        Raises:
            Fault: as `Transport.request`.
        """
        ...

    def remove(self, uri: str) -> None:
        """It is not watched any more. Never raises."""
        ...


@final
class Pause:
    """How long to wait before the next attempt: longer and longer while they fail."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds = PAUSE_SECONDS_MIN

    async def rest(self, lasted_seconds: float, at_least: float) -> None:
        if lasted_seconds > HEALTHY_SECONDS:
            self._seconds = PAUSE_SECONDS_MIN
        seconds = max(self._seconds, min(at_least, PAUSE_SECONDS_MAX))
        self._seconds = min(2 * self._seconds, PAUSE_SECONDS_MAX)
        await asyncio.sleep(seconds)


@final
class _Watch:
    """count: how often it is wanted. ready: the server's answer to it."""

    __slots__ = ("count", "ready")

    def __init__(self, ready: "asyncio.Task[Exchange]") -> None:
        self.count = 0
        self.ready = ready


@final
class Watches:
    """make: a stream for a session. changed, updated: who hears of it."""

    def __init__(
        self,
        sessions: Sessions,
        background: Background,
        make: "Callable[[Session, Watches], Stream]",
        *,
        changed: Callable[[], None],
        updated: Callable[[str], None],
    ) -> None:
        self._sessions = sessions
        self._background = background
        self._make = make
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._watched: dict[str, _Watch] = {}
        self._session: Session | None = None
        self._stream: Stream | None = None
        self._task: asyncio.Task[None] | None = None
        self._updates = Updates(self._watched, updated)
        self.pause = Pause()

    @property
    def uris(self) -> frozenset[str]:
        return frozenset(self._watched)

    @property
    def established(self) -> list[str]:
        """Those that the server has agreed to before."""
        return [uri for uri, watch in self._watched.items() if watch.ready.done()]

    def follow(self, session: Session) -> None:
        """Listen to this session from now on, unless there is one under other secrets."""
        before = self._session
        if before is not None and self._is_under_other_secrets(before, session):
            return
        self._session = session
        self._stream = self._make(session, self)
        self._listen(missed=before is not None)

    def _is_under_other_secrets(self, before: Session, session: Session) -> bool:
        names = before.credential.names
        return names != session.credential.names and self._sessions.held.get(names) is before

    async def _current(self, deadline: float) -> Session:
        """Return an open session under the secrets of this moment, and follow it.

        Raises:
            Fault: as `Sessions.take`, or a secret cannot be had.
        """
        session = await self._sessions.take(await self._sessions.lease(), deadline)
        before = self._session
        if before is not None and self._is_under_other_secrets(before, session):
            self._sessions.replace(before)  # the configuration names others by now
            self.follow(session)
        return session

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def watch(self, uri: str, credential: Credential, deadline: float) -> Exchange:
        """As `Transport.watch`. deadline: loop time."""
        watch = self._watched.get(uri)
        if watch is None:
            if len(self._watched) >= WATCHED_MAX:
                return TOO_MANY
            ready = self._background.start(self._begin(uri, credential, deadline))
            watch = self._watched[uri] = _Watch(ready)
        watch.count += 1
        kept = False
        try:
            await asyncio.wait({watch.ready}, timeout=deadline - self._loop.time())
            if not watch.ready.done():
                raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=True)
            if watch.ready.cancelled():
                raise Fault(Reason.UPSTREAM_UNREACHABLE, "the connections are closed")
            exchange = watch.ready.result()
            kept = exchange.error is None
            return exchange
        finally:
            if not kept:
                self._leave(uri, watch)

    def unwatch(self, uri: str) -> None:
        watch = self._watched.get(uri)
        if watch is not None:
            self._leave(uri, watch)

    async def has_session(self, session: Session) -> bool:
        """Tell whether it is still the one to listen to. If it is gone, or its secret is no longer the one to
        use, another one is opened, and followed; the server may be of the other era by now."""
        try:
            current = await self._current(self._loop.time() + HANDSHAKE_SECONDS_MAX)
        except Fault:
            return False  # it is still away, or there is nothing to ask it with
        return current is session

    # what the streams say

    def note_change(self) -> None:
        self._changed()

    def note_update(self, uri: str) -> None:
        self._updates.note(uri)

    def note_gap(self) -> None:
        """Anything may have changed while nobody listened."""
        self._changed()
        for uri in self._watched:
            self.note_update(uri)

    def _listen(self, *, missed: bool) -> None:
        self.stop()
        if self._stream is not None and not self._background.closed:
            self._task = self._background.start(self._stream.keep(missed=missed))

    async def _begin(self, uri: str, credential: Credential, deadline: float) -> Exchange:
        await self._sessions.take(credential, deadline)
        await self._current(deadline)
        if self._stream is None:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "there is no session to listen to")
        if self._task is None or self._task.done():
            self._listen(missed=False)
        return await self._stream.add(uri, deadline)

    def _leave(self, uri: str, watch: _Watch) -> None:
        watch.count -= 1
        if watch.count == 0 and self._watched.get(uri) is watch:
            del self._watched[uri]
            if self._stream is not None:
                self._stream.remove(uri)
