"""`subscriptions/listen` (MCP 2026-07-28, Subscriptions): one request that is answered by events, with
a filter. When the filter changes, the new stream is open before the old one is closed."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.backends.http.client import Client
from yett.upstreams.backends.http.conversation import Session, frame, read_exchange
from yett.upstreams.backends.http.response import OK
from yett.upstreams.backends.http.sse import EventParser
from yett.upstreams.backends.http.watches import RATION_BYTES, STREAM_SECONDS_MAX, Watches
from yett.upstreams.handshake import honoured_uris, listening_filter
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import (
    InvalidAnswer,
    announces_change,
    is_answer,
    read_answer,
    read_message,
    updated_uri,
)
from yett.upstreams.updates import NOT_WATCHED, WATCHED

_ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"
_SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"
_URIS: Final = "resourceSubscriptions"
_ACKNOWLEDGE_SECONDS_MAX: Final = 10.0
_LEAVING_SECONDS: Final = 0.1  # for who was refused, so that it is not asked for again
_SERVER_ERROR: Final = 500


@final
class ModernEvents:
    """See `Stream`. next_id: gives each request an id of its own."""

    def __init__(
        self, client: Client, session: Session, watches: Watches, next_id: Callable[[], int]
    ) -> None:
        self._client = client
        self._session = session
        self._watches = watches
        self._next_id = next_id
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[Exchange]] = {}
        self._missed = False

    async def keep(self, *, missed: bool) -> None:
        self._missed = missed
        current: asyncio.Task[None] | None = None
        try:
            while wanted := self._filter():
                began = self._loop.time()
                if await self._watches.has_session(self._session):
                    listener = ModernListener(self._next_id(), wanted, self._watches)
                    task = self._loop.create_task(self._send(listener))
                    if not await self._is_open(listener, task):
                        task.cancel()
                        if listener.refused:
                            if not self._waiting:
                                return
                            # It is the fault of who asked last; what was agreed to before goes on.
                            self._answer_all(NOT_WATCHED)
                            await asyncio.sleep(_LEAVING_SECONDS)
                            continue
                    else:
                        _cancel(current)
                        current = task
                        if await self._is_outdated(wanted, task):
                            continue
                self._missed = True
                await self._watches.pause.rest(self._loop.time() - began, 0.0)
        finally:
            _cancel(current)
            self._answer_all(NOT_WATCHED)

    async def add(self, uri: str, deadline: float) -> Exchange:
        waiter: asyncio.Future[Exchange] = self._loop.create_future()
        self._waiting[uri] = waiter
        self._turn.set()
        done, _ = await asyncio.wait({waiter}, timeout=deadline - self._loop.time())
        if not done:
            self._waiting.pop(uri, None)
            raise Fault(Reason.UPSTREAM_TIMEOUT, "the server did not agree to it in time")
        return waiter.result()

    def remove(self, uri: str) -> None:
        self._waiting.pop(uri, None)
        self._turn.set()

    def _filter(self) -> dict[str, JSON]:
        self._turn.clear()
        return listening_filter(self._session.opening, self._watches.uris)

    async def _send(self, listener: "ModernListener") -> None:
        deadline = self._loop.time() + STREAM_SECONDS_MAX
        method, params = "subscriptions/listen", {"notifications": listener.wanted}
        data = frame(self._session, listener.identifier, method, params)
        try:
            response = await self._client.send(
                data, deadline, listener, repeatable=True, sent=False
            )
            listener.refused = OK < response.head.status < _SERVER_ERROR
            exchange = read_exchange(response, listener.identifier, modern=True)
        except (Fault, InvalidAnswer):
            return  # it is tried again, unless it was refused
        listener.refused = exchange.error is not None

    async def _is_open(self, listener: "ModernListener", task: "asyncio.Task[None]") -> bool:
        """Return when the server has agreed, or not; tell those who wait for that."""
        either: set[asyncio.Future[Any]] = {task, listener.acknowledged}
        await asyncio.wait(
            either, timeout=_ACKNOWLEDGE_SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED
        )
        if not listener.acknowledged.done():
            return False
        honoured = listener.acknowledged.result()
        for uri in listener.wanted.get(_URIS, ()):
            waiter = self._waiting.pop(uri, None)
            if waiter is not None and not waiter.done():
                waiter.set_result(WATCHED if uri in honoured else NOT_WATCHED)
        if self._missed:
            self._missed = False
            self._watches.note_gap()
        return True

    async def _is_outdated(self, wanted: dict[str, JSON], task: "asyncio.Task[None]") -> bool:
        """Return when other things are wanted (yes), or when the stream has ended (no)."""
        while self._filter() == wanted:
            turn = self._loop.create_task(self._turn.wait())
            try:
                await asyncio.wait({task, turn}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                turn.cancel()
            if task.done():
                return False
        return True

    def _answer_all(self, exchange: Exchange) -> None:
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_result(exchange)
        self._waiting.clear()


@final
class ModernListener:
    """acknowledged: the URIs that the server agreed to. refused: it answered with an error."""

    def __init__(self, identifier: int, wanted: dict[str, JSON], watches: Watches) -> None:
        self.identifier = identifier
        self.wanted = wanted
        self._watches = watches
        self.acknowledged: asyncio.Future[frozenset[str]] = (
            asyncio.get_running_loop().create_future()
        )
        self.refused = False
        self.exchange: Exchange | None = None
        self.events: EventParser | None = None
        self.ration_bytes = RATION_BYTES

    def begin(self, events: EventParser) -> None:
        """Nothing is resumed: see `Watches.note_gap`."""

    def hear(self, events: list[bytes]) -> None:
        """Raises:
        InvalidAnswer: broken, or an answer to another request.
        """
        for data in events:
            message = read_message(data)
            if is_answer(message):
                self.exchange = read_answer(message, self.identifier, len(data))
            else:
                self._take(message)

    def _take(self, message: dict[str, JSON]) -> None:
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        if not self._is_ours(params.get("_meta")):
            return
        if message["method"] == _ACKNOWLEDGED:
            if not self.acknowledged.done():
                self.acknowledged.set_result(honoured_uris(params))
        elif announces_change(message):
            self._watches.note_change()
        else:
            uri = updated_uri(message)
            if uri is not None:
                self._watches.note_update(uri)

    def _is_ours(self, meta: JSON) -> bool:
        """There is one subscription per stream, so that one without a name is meant as well."""
        named = meta.get(_SUBSCRIPTION, self.identifier) if isinstance(meta, dict) else None
        return named is None or (type(named) is int and named == self.identifier)


def _cancel(task: "asyncio.Task[None] | None") -> None:
    if task is not None:
        task.cancel()
