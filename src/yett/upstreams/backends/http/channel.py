"""HTTP with SSE, the transport of MCP 2024-11-05: requests are posted to an address that the server
names, and everything it says comes on one stream.

That address must be where the operator's URL is (same scheme, host and port), or a server could have
our secret sent to, and requests made of, a place of its choice (CWE-918).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, final
from urllib.parse import urljoin

import msgspec

from yett.core.bounds import ANSWER_BYTES_MAX
from yett.core.errors import ConfigurationError, Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.upstreams.backends.http.client import Client
from yett.upstreams.backends.http.endpoint import Endpoint, parse_endpoint
from yett.upstreams.backends.http.headers import stream_request
from yett.upstreams.backends.http.response import Response
from yett.upstreams.backends.http.sse import EventParser
from yett.upstreams.background import report_bug
from yett.upstreams.notices import Notices
from yett.upstreams.port import Exchange
from yett.upstreams.rpc import (
    InvalidAnswer,
    announces_change,
    encode_notification,
    is_answer,
    read_message,
    read_outcome,
    reply_to,
    updated_uri,
)

ENDPOINT_SECONDS_MAX: Final = 5.0
PENDING_MAX: Final = 1024
RATION_BYTES: Final = 64 * ANSWER_BYTES_MAX
"""What the stream may hold in a minute, all answers together."""
UNASKED_BYTES_MAX: Final = 2 * ANSWER_BYTES_MAX
"""And what nobody waits for."""
_MINUTE_SECONDS: Final = 60.0
_STREAM_SECONDS_MAX: Final = 24 * 3600.0
_ADDRESS_CHARS_MAX: Final = 4096
_REFUSED: Final = 300

Post = Callable[[bytes], Coroutine[Any, Any, Response]]
"""Sends one message to the address that the server named, and returns what HTTP says to it."""


@final
class Channel:
    """What one stream says. Give it to `Client.send` as the listener.

    changed, updated: who hears of lists and resources. on_end: called once, when nothing more comes.
    address: where the server wants to be posted to. opened: the handshake is over.
    """

    def __init__(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = changed
        self._updated = updated
        self._pending: dict[int, tuple[asyncio.Future[Exchange], Notices | None]] = {}
        self._replies: set[asyncio.Task[Response]] = set()
        self._post: Post | None = None
        self.address: asyncio.Future[str] = self._loop.create_future()
        self.on_end: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._broken = ""
        self._minute = 0.0
        self._unasked_bytes = 0
        self.opened = False
        self.ended = False
        self.exchange: Exchange | None = None
        self.events: EventParser | None = None
        self.ration_bytes = RATION_BYTES

    async def listen(self, client: Client, head: Secret) -> None:
        """Read the stream to its end. head: of the requests to the operator's URL."""
        self._task = asyncio.current_task()
        request = stream_request(head, b"") or b""
        deadline = self._loop.time() + _STREAM_SECONDS_MAX
        try:
            await client.send(request, deadline, self, repeatable=True, sent=False)
        except InvalidAnswer as error:
            self._broken = str(error)
        finally:
            self._end()

    def close(self, after_seconds: float = 0.0) -> None:
        """Nobody uses it any more; who still waits for an answer has some time."""
        self.on_end = None
        if self._task is not None:
            self._loop.call_later(after_seconds, self._task.cancel)

    def connect(self, post: Post) -> None:
        """From now on there is somewhere to send to."""
        self._post = post

    async def ask(
        self, identifier: int, message: bytes, deadline: float, notices: Notices | None
    ) -> Exchange:
        """Send one request and return its answer. deadline: loop time.

        Raises:
            Fault: UPSTREAM_UNREACHABLE or UPSTREAM_TIMEOUT.
            InvalidAnswer: the server did not take it, or the answer is broken.
        """
        if self.ended or self._post is None or len(self._pending) >= PENDING_MAX:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the stream is closed, or too much is asked")
        waiter: asyncio.Future[Exchange] = self._loop.create_future()
        self._pending[identifier] = (waiter, notices)
        post = self._start(self._post(message))
        answered = False
        try:
            waiting: set[asyncio.Future[Any]] = {waiter, post}
            await self._wait(waiting, deadline)
            if not waiter.done():
                _check(post.result())
                await self._wait({waiter}, deadline)
            exchange = waiter.result()
            answered = True
            return exchange
        finally:
            del self._pending[identifier]
            if not answered:
                waiter.cancel()
                self._withdraw(identifier)

    async def _wait(self, waiting: "set[asyncio.Future[Any]]", deadline: float) -> None:
        done, _ = await asyncio.wait(
            waiting, timeout=deadline - self._loop.time(), return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=self.opened)

    def _withdraw(self, identifier: int) -> None:
        if not self.ended:
            params = {"requestId": identifier, "reason": "the caller no longer waits"}
            self._send(encode_notification("notifications/cancelled", params))

    # Listener

    def begin(self, events: EventParser) -> None:
        events.on_endpoint = self._take_address

    def hear(self, events: list[bytes]) -> None:
        """Raises:
        InvalidAnswer: broken.
        """
        for data in events:
            message = read_message(data)
            if not is_answer(message):
                self._take_request_or_notice(message, len(data))
            elif self._take_answer(message, len(data)):
                continue
            self._count_unasked(len(data))

    def _count_unasked(self, size: int) -> None:
        now = self._loop.time()
        if now - self._minute > _MINUTE_SECONDS:
            self._minute, self._unasked_bytes = now, 0
        self._unasked_bytes += size
        if self._unasked_bytes > UNASKED_BYTES_MAX:
            raise InvalidAnswer("it does not stop talking")

    def _take_request_or_notice(self, message: dict[str, JSON], size: int) -> None:
        if announces_change(message):
            self._changed()
        elif "id" in message:
            reply = reply_to(message)
            if reply is not None:
                self._send(reply)
        else:
            self._take_notice(message, size)

    def _take_address(self, data: bytes) -> None:
        if not self.address.done():
            self.address.set_result(data[: _ADDRESS_CHARS_MAX + 1].decode("latin-1"))

    def _take_answer(self, message: dict[str, JSON], size: int) -> bool:
        """Tell whether somebody waits for it."""
        identifier = message.get("id")
        waiter, _ = self._pending.get(identifier, _NOBODY) if type(identifier) is int else _NOBODY
        if waiter is None or waiter.done():
            return False  # a late answer goes to nobody
        try:
            waiter.set_result(read_outcome(message, size))
        except InvalidAnswer as error:
            waiter.set_exception(error)
        return True

    def _take_notice(self, message: dict[str, JSON], size: int) -> None:
        uri = updated_uri(message)
        if uri is not None:
            self._updated(uri)
            return
        params = message.get("params")
        token = params.get("progressToken") if isinstance(params, dict) else None
        _, notices = self._pending.get(token, _NOBODY) if type(token) is int else _NOBODY
        if notices is not None:
            notices.take(message, size)

    # what is said besides

    def _send(self, message: bytes) -> None:
        if self._post is not None and len(self._replies) < PENDING_MAX:
            self._start(self._post(message))

    def _start(self, work: Coroutine[Any, Any, Response]) -> "asyncio.Task[Response]":
        task = self._loop.create_task(work)
        self._replies.add(task)
        task.add_done_callback(self._finish)
        return task

    def _finish(self, task: "asyncio.Task[Response]") -> None:
        self._replies.discard(task)
        report_bug(task)

    def _end(self) -> None:
        self.ended = True
        self.address.cancel()
        reason = Reason.UPSTREAM_INVALID if self._broken else Reason.UPSTREAM_UNREACHABLE
        why = self._broken or "it closed the stream unanswered"
        for waiter, _ in self._pending.values():
            if not waiter.done():
                waiter.set_exception(Fault(reason, why, sent=self.opened))
        if self.on_end is not None:
            self.on_end()


_NOBODY: Final = (None, None)


def same_place(endpoint: Endpoint, address: str) -> Endpoint:
    """Return where a server wants to be posted to.

    Raises:
        InvalidAnswer: not an address, or one at another place than the operator's.
    """
    scheme = "https" if endpoint.secure else "http"
    base = f"{scheme}://{endpoint.authority.decode()}{endpoint.target.decode()}"
    try:
        if len(address) > _ADDRESS_CHARS_MAX:
            raise ValueError
        found = parse_endpoint(urljoin(base, address))
    except (ConfigurationError, ValueError):
        raise InvalidAnswer("the server named an address that is none") from None
    there = (found.secure, found.host, found.port)
    if there != (endpoint.secure, endpoint.host, endpoint.port):
        raise InvalidAnswer("the server named an address at another place")
    return msgspec.structs.replace(endpoint, target=found.target)


def _check(response: Response) -> None:
    if response.head.status >= _REFUSED:
        raise InvalidAnswer(f"the message was answered {response.head.status}")
