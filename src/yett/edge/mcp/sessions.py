"""Sessions of the legacy eras: routing only, never a credential. Each belongs to one principal."""

import secrets
from time import monotonic
from typing import Final, final

import msgspec

from yett.core import bounds

_USED_SECONDS: Final = 1.0
"""How exactly it is known when a session was used last."""


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
    """All open sessions, bounded for each owner and in all; the longest idle one gives way, and nobody
    loses one because somebody else opens many."""

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}
        self._of: dict[str, dict[str, Session]] = {}

    def open(self, *, owner: str, version: str, server: str | None) -> Session:
        own = self._of.get(owner, {})
        if len(own) >= bounds.SESSIONS_PER_PRINCIPAL_MAX:
            self._give_way(own)
        elif len(self._open) >= bounds.SESSIONS_MAX:
            self._give_way(max(self._of.values(), key=len))
        session = Session(secrets.token_urlsafe(24), owner, version, server, monotonic())
        self._open[session.id] = session
        self._of.setdefault(owner, {})[session.id] = session
        return session

    def find(self, identifier: str, server: str | None) -> Session | None:
        """Return the session if it is open and of this scope."""
        session = self._open.get(identifier)
        if session is None or session.server != server:
            return None
        now = monotonic()
        if now - session.used > bounds.SESSION_IDLE_SECONDS_MAX and not session.streams:
            self.end(identifier)
            return None
        if now > session.used + _USED_SECONDS:
            session.used = now
        return session

    def end(self, identifier: str) -> None:
        session = self._open.pop(identifier, None)
        if session is not None:
            own = self._of[session.owner]
            del own[identifier]
            if not own:
                del self._of[session.owner]

    def is_open(self, identifier: str) -> bool:
        return identifier in self._open

    def streams_of(self, owner: str) -> int:
        return sum(session.streams for session in self._of.get(owner, {}).values())

    def _give_way(self, of_one_owner: dict[str, Session]) -> None:
        oldest = min(of_one_owner.values(), key=lambda session: (session.streams > 0, session.used))
        self.end(oldest.id)
