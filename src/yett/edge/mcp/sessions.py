"""Sessions of the legacy eras: routing only, never a credential. Each belongs to one principal."""

import secrets
from time import monotonic
from typing import final

import msgspec

from yett.core import bounds


@final
class Session(msgspec.Struct):
    """`server`: the scope it was opened on; None is `/mcp`. `used`: monotonic seconds."""

    id: str
    owner: str
    version: str
    server: str | None
    used: float
    streams: int = 0


@final
class Sessions:
    """All open sessions, bounded in number; the longest idle one gives way."""

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}

    def open(self, *, owner: str, version: str, server: str | None) -> Session:
        if len(self._open) >= bounds.SESSIONS_MAX:
            self._expire()
        session = Session(secrets.token_urlsafe(24), owner, version, server, monotonic())
        self._open[session.id] = session
        return session

    def find(self, identifier: str, *, server: str | None) -> Session | None:
        """Return the session if it is open and of this scope."""
        session = self._open.get(identifier)
        if session is None or session.server != server:
            return None
        now = monotonic()
        if now - session.used > bounds.SESSION_IDLE_SECONDS_MAX and not session.streams:
            del self._open[identifier]
            return None
        session.used = now
        return session

    def end(self, identifier: str) -> None:
        self._open.pop(identifier, None)

    def is_open(self, identifier: str) -> bool:
        return identifier in self._open

    def _expire(self) -> None:
        oldest = min(self._open.values(), key=lambda session: (session.streams > 0, session.used))
        del self._open[oldest.id]
