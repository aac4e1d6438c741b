"""One request over the pool, with the one retry that is safe. No MCP here."""

import asyncio
from collections.abc import Callable
from typing import Final, final

from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.http.connection import Connection, Listener
from yett.upstreams.backends.http.pool import Pool
from yett.upstreams.backends.http.response import ConnectionLost, Response
from yett.upstreams.rpc import InvalidAnswer

TROUBLE: Final = (TimeoutError, ConnectionLost, asyncio.CancelledError)
"""What may come in place of an answer."""


@final
class Client:
    """on_lost: called when the server closed a connection instead of answering. take, open: of the pool."""

    __slots__ = ("_on_lost", "_pool", "open", "take")

    def __init__(self, pool: Pool, on_lost: Callable[[], None]) -> None:
        self._pool = pool
        self._on_lost = on_lost
        self.take = pool.take
        self.open = pool.open

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
        connection = self.take() or await self.open(deadline)
        waiter = connection.begin(data, listener, deadline)
        try:
            return await waiter
        except TROUBLE as trouble:
            self.deal_with(trouble, connection, waiter, listener, repeatable=repeatable, sent=sent)
        return await self.send(data, deadline, listener, repeatable=False, sent=sent)

    def deal_with(
        self,
        trouble: BaseException,
        connection: Connection,
        waiter: "asyncio.Future[Response]",
        listener: Listener,
        *,
        repeatable: bool,
        sent: bool,
    ) -> None:
        """Say what it means that no answer came; return if the same may be sent once more. See `send`.

        Raises:
            Fault: likewise.
            InvalidAnswer: likewise.
            CancelledError: nobody waits any more.
        """
        if isinstance(trouble, asyncio.CancelledError):
            connection.abandon(waiter)
            raise trouble
        if isinstance(trouble, TimeoutError):
            raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=sent) from None
        if not isinstance(trouble, ConnectionLost):
            raise trouble
        if trouble.answering and listener.ration_bytes:  # a stream that has no other end
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the stream was closed", sent=sent) from None
        if trouble.answering:
            raise InvalidAnswer("the connection was closed in the middle of an answer") from None
        if not (connection.kept and repeatable):
            self._on_lost()
            raise Fault(
                Reason.UPSTREAM_UNREACHABLE, "it closed the connection unanswered", sent=sent
            ) from None
        self._pool.drop_idle()  # the other kept ones are no better

    async def close(self) -> None:
        await self._pool.close()
