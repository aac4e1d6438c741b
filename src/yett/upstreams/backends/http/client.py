"""POST over the pool, with the one retry that is safe. No MCP here."""

from typing import final

from yett.upstreams.backends.http.connection import Listener
from yett.upstreams.backends.http.pool import Pool
from yett.upstreams.backends.http.response import ConnectionLost, Response


@final
class Client:
    __slots__ = ("_pool",)

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def post(
        self, data: bytes, deadline: float, listener: Listener, *, repeatable: bool
    ) -> Response:
        """Write a whole request, return the whole answer. deadline: loop time.

        repeatable: executing it twice does no harm. A server may close a kept connection just when
        we write; whether it read the request cannot be known, so others are not sent twice
        (RFC 9110 §9.2.2).

        Raises:
            Fault: UPSTREAM_UNREACHABLE: nothing was written.
            TimeoutError: written, and no whole answer in time.
            ConnectionLost: written, and closed before one.
            InvalidAnswer: the answer broke HTTP or a bound.
        """
        connection = self._pool.take() or await self._pool.open(deadline)
        kept, connection.used = connection.used, True
        try:
            return await connection.exchange(data, deadline, listener)
        except ConnectionLost as lost:
            if lost.answering or not (kept and repeatable):
                raise
        connection = await self._pool.open(deadline)
        connection.used = True
        return await connection.exchange(data, deadline, listener)

    async def close(self) -> None:
        await self._pool.close()
