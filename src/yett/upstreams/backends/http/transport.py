"""An MCP server behind a URL: both eras, sessions, one pool for all callers."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar, final

from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.backends.http.client import Client
from yett.upstreams.backends.http.conversation import (
    NOT_FOUND,
    Receiver,
    Session,
    add_body,
    frame,
    read_exchange,
)
from yett.upstreams.backends.http.dial import Dialer
from yett.upstreams.backends.http.endpoint import Endpoint
from yett.upstreams.backends.http.opening import Opener
from yett.upstreams.backends.http.pool import Pool
from yett.upstreams.backends.http.response import Response
from yett.upstreams.listing import take_listing
from yett.upstreams.port import Beside, Discovered, Era, Exchange, ignore_change, ignore_update
from yett.upstreams.rpc import InvalidAnswer, encode_notification

HANDSHAKE_SECONDS_MAX: Final = 30.0
BACKGROUND_MAX: Final = 32
_BACKGROUND_SECONDS: Final = 5.0

# What the caller may not be made to do twice. Reading again does no harm.
_ONCE_ONLY: Final = "tools/call"
_CLIENT_ERROR: Final = 400

_T = TypeVar("_T")


@final
class HttpTransport:
    """Make it inside the event loop that will use it."""

    def __init__(self, endpoint: Endpoint, dialer: Dialer, *, connections_max: int = 128) -> None:
        self.on_changed: Callable[[], None] = ignore_change
        self.on_updated: Callable[[str], None] = ignore_update
        self._loop = asyncio.get_running_loop()
        pool = Pool(dialer.dial, connections_max=connections_max)
        self._client = Client(pool, self._forget_everything)
        self._opener = Opener(endpoint, self._post)
        self._sessions: dict[tuple[str, ...], Session] = {}
        self._openings: dict[tuple[str, ...], tuple[Credential, asyncio.Task[Session]]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._era: Era | None = None
        self._lost = False
        self._last_id = 0
        self._closed = False
        dialer.on_unreachable = self._forget_everything

    @property
    def era(self) -> Era | None:
        return self._era

    @property
    def version(self) -> str | None:
        return next((session.opening.version for session in self._sessions.values()), None)

    def last_words(self) -> tuple[str, ...]:
        return ()

    def request(
        self,
        method: str,
        params: dict[str, JSON],
        *,
        credential: Credential,
        deadline_seconds: float,
        beside: Beside | None = None,  # noqa: ARG002 - comes next
    ) -> Coroutine[Any, Any, Exchange]:
        deadline = self._loop.time() + deadline_seconds
        return self._request(method, params, credential, deadline, again=False)

    async def discover(
        self, credential: Credential, *, deadline_seconds: float = 30.0
    ) -> Discovered:
        deadline = self._loop.time() + deadline_seconds
        session = await self._session(credential, deadline)

        async def ask(method: str, params: dict[str, JSON]) -> Exchange:
            return await self._request(method, params, credential, deadline, again=False)

        try:
            return await take_listing(ask, session.opening.capabilities)
        except InvalidAnswer as error:
            raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None

    async def watch(self, uri: str, *, credential: Credential, deadline_seconds: float) -> Exchange:
        raise NotImplementedError

    def unwatch(self, uri: str) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        self._closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        await self._client.close()

    async def _request(
        self,
        method: str,
        params: dict[str, JSON],
        credential: Credential,
        deadline: float,
        *,
        again: bool,
    ) -> Exchange:
        session = self._sessions.get(credential.names)
        if session is None or not (session.credential is credential or session.serves(credential)):
            session = await self._session(credential, deadline)
        modern = session.modern
        identifier = self._last_id = self._last_id + 1
        response = None
        try:
            response = await self._client.post(
                frame(session, identifier, method, params),
                deadline,
                Receiver(identifier, self, session),
                repeatable=method != _ONCE_ONLY,
                sent=True,
            )
            return read_exchange(response, identifier, modern=modern)
        except InvalidAnswer as error:
            if again or response is None or not self._has_ended(session, response.head.status):
                raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None
        finally:
            if response is None and not modern:
                self._cancel(session, identifier)
        # A session that is unknown also means that nothing was executed.
        return await self._request(method, params, credential, deadline, again=True)

    def _has_ended(self, session: Session, status: int) -> bool:
        """Tell whether the server no longer knows the session (2025-11-25, Session Management)."""
        if status >= _CLIENT_ERROR:
            self._forget(session)  # or perhaps a server of the other era took its place
        return session.identified and status == NOT_FOUND

    async def _post(
        self, head: bytes, body: bytes, receiver: Receiver, deadline: float
    ) -> Response:
        """What is not the caller's request: openings, replies, cancellations."""
        data = add_body(head, body)
        return await self._client.post(data, deadline, receiver, repeatable=True, sent=False)

    # sessions

    async def _session(self, credential: Credential, deadline: float) -> Session:
        """Return an open session; several calls that need the same one wait for one opening."""
        session = self._sessions.get(credential.names)
        if session is not None and session.serves(credential):
            return session
        if self._closed:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the connections are closed")
        pending = self._openings.get(credential.names)
        if pending is None or pending[0] != credential:
            pending = (credential, self._start(self._open(credential)))
            self._openings[credential.names] = pending
        task = pending[1]
        await asyncio.wait({task}, timeout=deadline - self._loop.time())
        if not task.done():
            raise Fault(Reason.UPSTREAM_TIMEOUT, "no session was opened in time")
        if task.cancelled():
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the connections are closed")
        return task.result()

    async def _open(self, credential: Credential) -> Session:
        deadline = self._loop.time() + HANDSHAKE_SECONDS_MAX
        try:
            session = await self._opener.open(credential, deadline, known=self._era)
        except InvalidAnswer as error:
            self._era = None
            raise Fault(Reason.UPSTREAM_INVALID, str(error)) from None
        finally:
            pending = self._openings.get(credential.names)
            if pending is not None and pending[0] is credential:
                del self._openings[credential.names]
        self._sessions[credential.names] = session
        self._era = session.opening.era
        if self._lost:
            self._lost = False
            self.on_changed()
        return session

    def _forget(self, session: Session) -> None:
        names = session.credential.names
        if self._sessions.get(names) is session:
            del self._sessions[names]
            self._era = None
            self._lost = True

    def _forget_everything(self) -> None:
        """The server went away. What comes back may be another one."""
        was_open = bool(self._sessions)
        self._lost = self._lost or was_open
        self._sessions.clear()
        self._era = None
        if (
            was_open
        ):  # said now and not when it is back: the call that brings it back would be too early
            self.on_changed()

    # what happens beside the calls

    def note_change(self) -> None:
        self.on_changed()

    def send_back(self, session: Session | None, reply: bytes) -> None:
        if session is None or session.modern or self._closed:
            return
        if len(self._tasks) < BACKGROUND_MAX:
            self._start(self._post_aside(session, reply))

    def _cancel(self, session: Session, identifier: int) -> None:
        """Legacy servers take a closed connection for a pause, so they are told (2025-11-25,
        Cancellation)."""
        params = {"requestId": identifier, "reason": "the caller no longer waits"}
        self.send_back(session, encode_notification("notifications/cancelled", params))

    async def _post_aside(self, session: Session, body: bytes) -> None:
        deadline = self._loop.time() + _BACKGROUND_SECONDS
        await self._post(session.head.reveal(), body, Receiver(0, self, None), deadline)

    def _start(self, work: Coroutine[Any, Any, _T]) -> "asyncio.Task[_T]":
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)
        return task

    def _finish(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # looked at by who waits for it; nobody else needs to hear of it
