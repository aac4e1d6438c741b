"""The open sessions with one server, by credential; several calls that need one wait for one opening."""

import asyncio
from collections.abc import Callable
from typing import Final, final

import msgspec

from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.upstreams.backends.http.conversation import NOT_FOUND, Session
from yett.upstreams.backends.http.opening import Opener
from yett.upstreams.backends.http.response import Response
from yett.upstreams.background import Background
from yett.upstreams.port import Era, Exchange, Lease, Wishes
from yett.upstreams.rpc import InvalidAnswer

HANDSHAKE_SECONDS_MAX: Final = 30.0
_CLIENT_ERROR: Final = 400
_LATE_SECONDS: Final = 30.0  # for calls that are under way
_MISTAKEN: Final = (-32020, -32022)  # HeaderMismatch, UnsupportedProtocolVersion


@final
class Known(msgspec.Struct, eq=False):
    """What is known about the server, whoever found it out. era: None: not known, or no longer."""

    era: Era | None = None


@final
class Sessions:
    """Those that offer the server the same. held: by the names of the credential's secrets. lease: what whoever
    asks beside the calls has to ask with, each time: what it had before may have been rotated. on_opened: told of each new one; on_forgotten: of one that the server no longer knows; on_replaced: of one
    whose secret is no longer used, once the calls under way on it have had their time."""

    __slots__ = (
        "_background",
        "_known",
        "_opener",
        "_openings",
        "_wishes",
        "held",
        "lease",
        "on_forgotten",
        "on_opened",
        "on_replaced",
    )

    def __init__(
        self,
        opener: Opener,
        wishes: Wishes,
        known: Known,
        background: Background,
        lease: Lease,
    ) -> None:
        self._opener = opener
        self._wishes = wishes
        self._known = known
        self._background = background
        self._openings: dict[tuple[str, ...], tuple[Credential, asyncio.Task[Session]]] = {}
        self.held: dict[tuple[str, ...], Session] = {}
        self.lease = lease
        self.on_opened: Callable[[Session], None] = _ignore
        self.on_forgotten: Callable[[], None] = _ignore_loss
        self.on_replaced: Callable[[Session], None] = _close_channel

    async def take(self, credential: Credential, deadline: float) -> Session:
        """Return an open session. deadline: loop time.

        Raises:
            Fault: as `Transport.request`; nothing of the caller's request was sent.
        """
        session = self.opened(credential)
        if session is not None:
            return session
        pending = self._openings.get(credential.names)
        joins = pending is not None and pending[0] == credential
        try:
            return await self._opening(credential, deadline)
        except Fault as fault:
            if not joins or fault.reason is not Reason.UPSTREAM_UNREACHABLE:
                raise
        # What failed began before, perhaps while the server was still away.
        return await self._opening(credential, deadline)

    async def _opening(self, credential: Credential, deadline: float) -> Session:
        """Wait for the opening that is under way, or for one that begins now."""
        if self._background.closed:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the connections are closed")
        pending = self._openings.get(credential.names)
        if pending is None or pending[0] != credential:
            pending = (credential, self._background.start(self._open(credential)))
            self._openings[credential.names] = pending
        task = pending[1]
        await asyncio.wait({task}, timeout=deadline - asyncio.get_running_loop().time())
        if not task.done():
            raise Fault(Reason.UPSTREAM_TIMEOUT, "no session was opened in time")
        if task.cancelled():
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the connections are closed")
        return task.result()

    def opened(self, credential: Credential) -> Session | None:
        """Return the session that is open for this credential, if there is one."""
        session = self.held.get(credential.names)
        return session if session is not None and session.serves(credential) else None

    async def _open(self, credential: Credential) -> Session:
        deadline = asyncio.get_running_loop().time() + HANDSHAKE_SECONDS_MAX
        try:
            session = await self._opener.open(
                credential, deadline, known=self._known.era, wishes=self._wishes
            )
        except InvalidAnswer as error:
            self._known.era = None
            raise Fault(Reason.UPSTREAM_INVALID, str(error)) from None
        finally:
            pending = self._openings.get(credential.names)
            if pending is not None and pending[0] is credential:
                del self._openings[credential.names]
        before = self.held.get(credential.names)
        if before is not None:
            self.replace(before)
        self.held[credential.names] = session
        self._known.era = session.opening.era
        self.on_opened(session)
        return session

    def replace(self, session: Session) -> None:
        """Another one has taken its place, or does so at once."""
        if self.held.get(session.credential.names) is session:
            del self.held[session.credential.names]
        session.over = True
        asyncio.get_running_loop().call_later(_LATE_SECONDS, self.on_replaced, session)

    def has_ended(self, session: Session, response: Response | None) -> bool:
        """Tell whether the server no longer knows the session (MCP 2025-11-25, Session Management). What it
        did not answer says nothing of that."""
        if response is None:
            return False
        status = response.head.status
        if status >= _CLIENT_ERROR:
            self.forget(session)  # or perhaps a server of the other era took its place
        return session.identifier is not None and status == NOT_FOUND

    def is_mistaken(self, session: Session, exchange: Exchange) -> bool:
        """Tell whether the answer says that the request was not what the server expects of this
        session: another version, or other headers. Both are looked at again (MCP 2026-07-28,
        Streamable HTTP: Client Behavior)."""
        error = exchange.error
        if not session.modern or error is None or error.code not in _MISTAKEN:
            return False
        self.forget(session)
        return True

    def forget(self, session: Session) -> None:
        names = session.credential.names
        if self.held.get(names) is session:
            del self.held[names]
            session.over = True
            _close_channel(session, after_seconds=_LATE_SECONDS)
            self._known.era = None
            self.on_forgotten()

    def forget_all(self) -> bool:
        """Tell whether there was any."""
        for session in self.held.values():
            session.over = True
            _close_channel(session, after_seconds=_LATE_SECONDS)
        any_held = bool(self.held)
        self.held.clear()
        return any_held


def _close_channel(session: Session, after_seconds: float = 0.0) -> None:
    if session.channel is not None:
        session.channel.close(after_seconds)


def _ignore(_: Session) -> None:
    """Stands for `on_opened` until somebody wants to know."""


def _ignore_loss() -> None:
    """Stands for `on_forgotten` likewise."""
