"""One request over the pool, with the one retry that is safe. No MCP here."""

import asyncio
from collections.abc import Callable
from typing import Final, final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.http.connection import Connection
from yett.upstreams.backends.http.listener import Listener
from yett.upstreams.backends.http.pool import Pool
from yett.upstreams.backends.http.response import ConnectionLost, Response
from yett.upstreams.rpc import InvalidAnswer

TROUBLE: Final = (TimeoutError, ConnectionLost, asyncio.CancelledError)
"""What may come in place of an answer."""


@final
class Client:
    """on_lost: called when the server closed a connection instead of answering. idle: connections, of the pool."""

    __slots__ = ("_on_lost", "_pool", "idle")

    def __init__(self, pool: Pool, on_lost: Callable[[], None]) -> None:
        self._pool = pool
        self._on_lost = on_lost
        self.idle = pool.idle

    async def send(
        self, data: bytes, deadline: float, listener: Listener, *, repeatable: bool, sent: bool
    ) -> Response:
        """Write a whole request, return the whole answer. deadline: loop time.

        repeatable: executing it twice does no harm. A server may close a kept connection just when
        we write; whether it read the request cannot be known, so others are not sent twice
        (RFC 9110 §9.2.2). sent: what a fault says once this was written.

        Raises:
            Fault: UPSTREAM_UNREACHABLE or UPSTREAM_TIMEOUT.
            InvalidAnswer: the answer broke HTTP or a bound.
        """
        connection = self._pool.take() or await self._pool.open(deadline)
        waiter = connection.begin(data, listener, deadline)
        try:
            return await waiter
        except TROUBLE as trouble:
            unanswered = isinstance(trouble, ConnectionLost) and not trouble.answering
            if not (repeatable and unanswered and connection.kept):
                raise self.explain(trouble, connection, waiter, listener, sent=sent) from None
        self._pool.drop_idle()  # the other kept ones are no better
        return await self.send(data, deadline, listener, repeatable=False, sent=sent)

    def explain(
        self,
        trouble: BaseException,
        connection: Connection,
        waiter: "asyncio.Future[Response]",
        listener: Listener,
        *,
        sent: bool,
    ) -> BaseException:
        """Return what it means that no answer came, in the words of `send`."""
        if isinstance(trouble, asyncio.CancelledError):
            connection.abandon(waiter)
            return trouble
        if isinstance(trouble, TimeoutError):
            return Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=sent)
        if not isinstance(trouble, ConnectionLost):
            return trouble
        if trouble.answering and listener.ration_bytes:  # a stream that has no other end
            return Fault(Reason.UPSTREAM_UNREACHABLE, "the stream was closed", sent=sent)
        if trouble.answering:
            return InvalidAnswer("the connection was closed in the middle of an answer")
        self._on_lost()
        return Fault(Reason.UPSTREAM_UNREACHABLE, "it closed the connection unanswered", sent=sent)

    async def close(self) -> None:
        await self._pool.close()
