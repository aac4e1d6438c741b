"""A server inside the process: answers come from a function. For tests, demonstrations and probes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import final

from yett.core.call import RpcError
from yett.core.document import encode, parse
from yett.core.errors import Fault
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.upstreams.handshake import MODERN_VERSION, OFFERED_VERSION
from yett.upstreams.listing import take_listing
from yett.upstreams.port import (
    Begin,
    Beside,
    Discovered,
    Era,
    Exchange,
    ignore_change,
    ignore_update,
)
from yett.upstreams.rpc import InvalidAnswer

Answer = Callable[[str, dict[str, JSON], Credential], Awaitable[dict[str, JSON] | RpcError]]
"""Method, parameters and credential to a result or an error. Raising ConnectionError says that the
server went away with the request; InvalidAnswer, that it broke the protocol."""


@final
class MemoryTransport:
    def __init__(self, answer: Answer, *, era: Era = Era.MODERN) -> None:
        self.on_changed: Callable[[], None] = ignore_change
        self.on_updated: Callable[[str], None] = ignore_update
        self._answer = answer
        self._speaks = era
        self._era: Era | None = None
        self._closed = False

    @property
    def era(self) -> Era | None:
        return self._era

    @property
    def version(self) -> str | None:
        if self._era is None:
            return None
        return MODERN_VERSION if self._era is Era.MODERN else OFFERED_VERSION

    def last_words(self) -> tuple[str, ...]:
        return ()

    async def request(
        self,
        method: str,
        params: dict[str, JSON],
        *,
        credential: Credential,
        deadline_seconds: float,
        beside: Beside | None = None,  # noqa: ARG002 - its function says one thing only
    ) -> Exchange:
        if self._closed:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "it was stopped")
        try:
            async with asyncio.timeout(deadline_seconds):
                await asyncio.sleep(0)  # the real ones suspend here too
                answer = await self._answer(method, params, credential)
        except TimeoutError:
            raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=True) from None
        except ConnectionError as error:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, str(error), sent=True) from None
        except InvalidAnswer as error:
            raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None
        self._era = self._speaks
        if isinstance(answer, RpcError):
            return Exchange(None, answer, len(answer.message))
        return Exchange(answer, None, len(encode(answer)))

    async def call(
        self, tool: str, arguments: bytes, credential: Credential, seconds: float
    ) -> Exchange:
        params: dict[str, JSON] = {"name": tool, "arguments": parse(arguments)}
        return await self.request(
            "tools/call", params, credential=credential, deadline_seconds=seconds
        )

    def shortcut(self, tool: str) -> Begin | None:  # noqa: ARG002 - there is none for any
        return None

    async def discover(
        self, credential: Credential, *, deadline_seconds: float = 30.0
    ) -> Discovered:
        async def ask(method: str, params: dict[str, JSON]) -> Exchange:
            return await self.request(
                method, params, credential=credential, deadline_seconds=deadline_seconds
            )

        try:
            async with asyncio.timeout(deadline_seconds):
                return await take_listing(ask, None)
        except TimeoutError:
            raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=True) from None
        except InvalidAnswer as error:
            raise Fault(Reason.UPSTREAM_INVALID, str(error), sent=True) from None

    async def watch(self, uri: str, *, credential: Credential, deadline_seconds: float) -> Exchange:
        return await self.request(
            "resources/subscribe",
            {"uri": uri},
            credential=credential,
            deadline_seconds=deadline_seconds,
        )

    def unwatch(self, uri: str) -> None: ...

    async def renew(self) -> None: ...

    async def close(self) -> None:
        self._closed = True
