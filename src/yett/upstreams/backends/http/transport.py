"""An MCP server behind a URL: both eras, sessions, one pool for all callers."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any, Final, final

import orjson

from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.upstreams.backends.http.client import Client
from yett.upstreams.backends.http.conversation import (
    CALL,
    Receiver,
    Session,
    add_body,
    encode_plain,
)
from yett.upstreams.backends.http.dial import Dialer
from yett.upstreams.backends.http.endpoint import Endpoint
from yett.upstreams.backends.http.headers import build_head, end_request
from yett.upstreams.backends.http.lane import Lane
from yett.upstreams.backends.http.lanes import Lanes, Request
from yett.upstreams.backends.http.legacy_events import LegacyEvents
from yett.upstreams.backends.http.mirroring import Mirror, mirrored_lines, mirrors_of
from yett.upstreams.backends.http.modern_events import ModernEvents
from yett.upstreams.backends.http.old_opening import OldOpener
from yett.upstreams.backends.http.opening import Opener
from yett.upstreams.backends.http.plain_calls import PlainCalls
from yett.upstreams.backends.http.pool import Pool
from yett.upstreams.backends.http.response import Response
from yett.upstreams.backends.http.sessions import Known, Sessions
from yett.upstreams.backends.http.watches import Stream, Watches
from yett.upstreams.background import Background
from yett.upstreams.listing import take_listing
from yett.upstreams.notices import Notices
from yett.upstreams.port import (
    NO_WISHES,
    Begin,
    Beside,
    Discovered,
    Era,
    Exchange,
    Lease,
    Wishes,
    ignore_change,
    ignore_update,
)
from yett.upstreams.rpc import InvalidAnswer, encode_notification

# Of requests that may wait for their callers, over all callers; each caller's are bounded as well.
TALKS_MAX: Final = 256
_BACKGROUND_SECONDS: Final = 5.0


@final
class HttpTransport:
    """Make it inside the event loop that will use it. lease: asked before anything is said beside the calls.
    offers: what the server may ask anybody."""

    def __init__(
        self,
        endpoint: Endpoint,
        dialer: Dialer,
        *,
        lease: Lease,
        connections_max: int = 128,
        offers: Wishes = NO_WISHES,
    ) -> None:
        self.on_changed: Callable[[], None] = ignore_change
        self.on_updated: Callable[[str], None] = ignore_update
        self.next_id = itertools.count(1).__next__
        self._loop = asyncio.get_running_loop()
        self._endpoint = endpoint
        self._lease = lease
        pool = Pool(dialer.dial, connections_max=connections_max)
        self._client = Client(pool, self._forget_everything)
        self._known = Known()
        self._background = Background(self._loop)
        old = OldOpener(
            endpoint, self._client, self._background, self, self._forget_everything, lease
        )
        opener = Opener(endpoint, self._post, old.open)
        self._plain = Sessions(opener, NO_WISHES, self._known, self._background, lease)
        self._plain.on_opened = self._note_opening
        self._plain.on_forgotten = self._note_loss
        self._plain.on_replaced = self.end
        self._sessions = self._plain.held
        self._lanes = Lanes(
            Lane(self._plain, self._client, self, listens=False),
            Client(Pool(dialer.dial, connections_max=TALKS_MAX), self._forget_everything),
            opener,
            self._known,
            self._background,
            self,
            lease,
        )
        self._watches = Watches(
            self._plain,
            self._background,
            self._listen_to,
            changed=self.note_change,
            updated=self._tell_update,
        )
        self._mirrors: dict[str, tuple[Mirror, ...]] = {}
        self._showing = None if offers == NO_WISHES else Beside(wishes=offers)
        self._lost = False
        self._plain_calls: dict[str, PlainCalls] = {}
        dialer.on_unreachable = self._forget_everything

    @property
    def era(self) -> Era | None:
        return self._known.era

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
        beside: Beside | None = None,
    ) -> Coroutine[Any, Any, Exchange]:
        deadline = self._loop.time() + deadline_seconds
        return self._ask(method, params, credential, deadline, beside)

    def call(
        self, tool: str, arguments: bytes, credential: Credential, seconds: float
    ) -> Coroutine[Any, Any, Exchange]:
        params = {"name": tool, "arguments": orjson.Fragment(arguments)}
        return self._ask(CALL, params, credential, self._loop.time() + seconds)

    def shortcut(self, tool: str) -> Begin:
        calls = self._plain_calls.get(tool)
        if calls is None:
            calls = self._plain_calls[tool] = PlainCalls(tool, self._client, self._lanes, self)
            calls.mirror(tool in self._mirrors)
        return calls.begin

    async def discover(
        self, credential: Credential, *, deadline_seconds: float = 30.0
    ) -> Discovered:
        deadline = self._loop.time() + deadline_seconds
        session = await self._plain.take(credential, deadline)

        async def ask(method: str, params: dict[str, JSON]) -> Exchange:
            return await self._ask(method, params, credential, deadline, self._showing)

        try:
            found = await take_listing(ask, session.opening.capabilities)
        except InvalidAnswer as error:
            raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None
        self._mirrors = mirrors_of(found.tools)
        for calls in self._plain_calls.values():
            calls.mirror(calls.tool in self._mirrors)
        return found

    async def watch(self, uri: str, *, credential: Credential, deadline_seconds: float) -> Exchange:
        return await self._watches.watch(uri, credential, self._loop.time() + deadline_seconds)

    def unwatch(self, uri: str) -> None:
        self._watches.unwatch(uri)

    async def renew(self) -> None:
        """It is given its secrets with each call, and asks for them beside the calls."""

    async def close(self) -> None:
        self._watches.stop()
        for session in self._sessions.values():
            self.end(session)
        self._lanes.end_all()
        await self._background.close()
        await self._lanes.close()
        await self._client.close()

    async def _ask(
        self,
        method: str,
        params: dict[str, JSON],
        credential: Credential,
        deadline: float,
        beside: Beside | None = None,
    ) -> Exchange:
        session = await self._plain.take(credential, deadline)
        if session.channel is not None:
            return await self._ask_old(session, method, params, deadline, beside)
        mirrored = self._mirrored(method, params) if self._mirrors else b""
        repeatable = method != CALL
        return await self._lanes.request(
            Request(method, params, mirrored, credential, deadline, repeatable, beside)
        )

    async def _ask_old(
        self,
        session: Session,
        method: str,
        params: dict[str, JSON],
        deadline: float,
        beside: Beside | None = None,
    ) -> Exchange:
        """Nothing but progress passes besides: on the one stream of such a server, nothing else
        says which call it belongs to."""
        assert session.channel is not None  # noqa: S101 - it was looked at
        identifier = self.next_id()
        message = encode_plain(identifier, method, params, beside)
        notices = None
        if beside is not None and beside.hear is not None and beside.progress:
            notices = Notices(beside.hear, token=identifier, log_level=None)
        try:
            return await session.channel.ask(identifier, message, deadline, notices)
        except InvalidAnswer as error:
            raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None

    def _mirrored(self, method: str, params: dict[str, JSON]) -> bytes:
        mirrors = self._mirrors.get(params["name"]) if method == CALL else None
        return b"" if mirrors is None else mirrored_lines(mirrors, params.get("arguments"))

    async def _post(
        self, head: bytes, body: bytes, receiver: Receiver, deadline: float
    ) -> Response:
        """What is not the caller's request: openings, replies, cancellations."""
        data = add_body(head, body)
        return await self._client.send(data, deadline, receiver, repeatable=True, sent=False)

    # sessions

    def _note_opening(self, session: Session) -> None:
        if self._lost:
            self._lost = False
            self.on_changed()
        self._leave_what_is_over()
        self._watches.follow(session)

    def _note_loss(self) -> None:
        self._lost = True
        self._leave_what_is_over()

    def _leave_what_is_over(self) -> None:
        """No tool keeps a secret that was replaced, whenever it is called again."""
        for calls in self._plain_calls.values():
            if calls.session is not None and calls.session.over:
                calls.leave()

    def _tell_update(self, uri: str) -> None:
        self.on_updated(uri)

    def _listen_to(self, session: Session, watches: Watches) -> Stream:
        if session.modern:
            return ModernEvents(self._client, session, watches, self.next_id)

        async def ask(method: str, params: dict[str, JSON], deadline: float) -> Exchange:
            return await self._ask(method, params, await self._lease(), deadline)

        return LegacyEvents(
            self._client, self._plain, self._background, session, watches, self, ask
        )

    def _forget_everything(self) -> None:
        """The server went away. What comes back may be another one."""
        was_open = self._plain.forget_all()
        self._leave_what_is_over()
        self._lost = self._lost or was_open
        self._lanes.forget_everything()
        self._known.era = None
        if (
            was_open
        ):  # said now and not when it is back: the call that brings it back would be too early
            self.on_changed()

    # what happens beside the calls: see `Desk`

    def note_change(self) -> None:
        self.on_changed()

    def note_update(self, uri: str) -> None:
        self._watches.note_update(uri)

    def send_back(self, session: Session | None, reply: bytes) -> None:
        if session is not None and not session.modern:
            self._background.start_if_room(self.bring(session, reply))

    def cancel(self, session: Session, identifier: int) -> None:
        """Legacy servers take a closed connection for a pause, so they are told (2025-11-25,
        Cancellation)."""
        params = {"requestId": identifier, "reason": "the caller no longer waits"}
        self.send_back(session, encode_notification("notifications/cancelled", params))

    def end(self, session: Session) -> None:
        if session.channel is not None:
            session.channel.close()
        elif session.identifier is not None:
            self._background.start_if_room(self._delete(session))

    async def bring(self, session: Session, reply: bytes) -> None:
        deadline = self._loop.time() + _BACKGROUND_SECONDS
        head = await self._head_now(session)
        await self._post(head.reveal(), reply, Receiver(0, self, None), deadline)

    async def _delete(self, session: Session) -> None:
        deadline = self._loop.time() + _BACKGROUND_SECONDS
        request = end_request(await self._head_now(session))
        receiver = Receiver(0, self, None)
        await self._client.send(request, deadline, receiver, repeatable=True, sent=False)

    async def _head_now(self, session: Session) -> Secret:
        """Return the head of what is said in a session beside the calls: its own secret may have been rotated."""
        credential = await self._lease()
        if session.serves(credential):
            return session.head
        version, identifier = session.opening.version, session.identifier
        return Secret(build_head(self._endpoint, credential, version=version, session=identifier))
