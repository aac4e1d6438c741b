"""Open one connection: resolve the name, judge each address, connect to the address itself.

The name is not looked up a second time, so a name that changes between check and use gains nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, final

from yett.core.bounds import UPSTREAM_CONNECT_SECONDS_MAX
from yett.core.errors import ConfigurationError, Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.http.connection import Connection, Keeper
from yett.upstreams.backends.http.endpoint import Endpoint, is_loopback

_ADDRESSES_MAX: Final = 4


@final
class Dialer:
    """context: makes the TLS context, asked once, at the first connection."""

    __slots__ = ("_context", "_endpoint", "_make_context", "on_unreachable")

    def __init__(self, endpoint: Endpoint, context: Callable[[], ssl.SSLContext]) -> None:
        self._endpoint = endpoint
        self._make_context = context
        self._context: ssl.SSLContext | None = None
        self.on_unreachable: Callable[[], None] | None = None

    async def dial(self, keeper: Keeper, deadline: float) -> Connection:
        """Raises:
        Fault: UPSTREAM_UNREACHABLE, not sent.
        """
        if self._endpoint.secure and self._context is None:
            self._context = self._read_context()
        loop = asyncio.get_running_loop()
        connect_by = min(deadline, loop.time() + UPSTREAM_CONNECT_SECONDS_MAX)
        problem = "no answer in time"
        try:
            async with asyncio.timeout_at(connect_by):
                addresses = await self._resolve(loop)
                for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
                    share = (connect_by - loop.time()) / left  # one dead address is not all
                    try:
                        async with asyncio.timeout(share):
                            return await self._connect(loop, address, keeper)
                    except (OSError, ssl.SSLError) as error:
                        problem = _describe(error)
        except TimeoutError:
            pass
        except OSError as error:  # the look-up
            problem = _describe(error)
        if self.on_unreachable is not None:
            self.on_unreachable()
        raise Fault(
            Reason.UPSTREAM_UNREACHABLE,
            f"cannot connect to {self._endpoint.authority.decode()}: {problem}",
        )

    def _read_context(self) -> ssl.SSLContext:
        try:
            return self._make_context()
        except ConfigurationError as error:  # a file that has gone since the start
            raise Fault(Reason.UPSTREAM_UNREACHABLE, str(error)) from None

    async def _resolve(self, loop: asyncio.AbstractEventLoop) -> list[str]:
        endpoint = self._endpoint
        found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))[:_ADDRESSES_MAX]
        if endpoint.secure:
            return addresses
        local = [address for address in addresses if is_loopback(address)]
        if not local:
            raise OSError("plain HTTP does not leave this machine; use https://")
        return local

    async def _connect(
        self, loop: asyncio.AbstractEventLoop, address: str, keeper: Keeper
    ) -> Connection:
        endpoint = self._endpoint
        _, connection = await loop.create_connection(
            lambda: Connection(loop, keeper),
            address,
            endpoint.port,
            ssl=self._context if endpoint.secure else None,
            server_hostname=endpoint.host if endpoint.secure else None,
        )
        return connection


def _describe(error: Exception) -> str:
    """One short sentence; certificate errors say what did not fit."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message or 'pin mismatch'}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)[:200] or type(error).__name__
