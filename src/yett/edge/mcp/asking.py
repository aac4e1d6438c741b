"""What a server asks, put to a caller of an older version as requests on the stream of its own call.

The ids of these requests are ours and cannot be guessed, and each is known to one session only, so an
answer from elsewhere finds nothing (CWE-639).
"""

import asyncio
import secrets
from collections import Counter
from typing import Final, final

import msgspec

from yett.core import bounds
from yett.core.document import encode
from yett.core.target import JSON
from yett.edge.mcp.events import Feed
from yett.edge.mcp.line import notification
from yett.edge.mcp.translate_questions import in_version

ANSWER_SECONDS_MAX: Final = bounds.ROUND_SECONDS_MAX - 30.0
"""Less than a server's side waits, so that it learns that there is no answer."""


@final
class Given(msgspec.Struct, frozen=True):
    """What a caller answered. failed: the keys of what it would or could not answer."""

    inputs: dict[str, JSON]
    failed: tuple[str, ...]


@final
class Questions:
    """The questions of one session that wait for an answer, by the ids of their requests. asked: how many
    wait in all sessions of each principal; a call that waits is none of those that a key may have under
    way, so this is what bounds them."""

    __slots__ = ("_asked", "_owner", "_waiting")

    def __init__(self, owner: str, asked: Counter[str]) -> None:
        self._owner = owner
        self._asked = asked
        self._waiting: dict[str, asyncio.Future[dict[str, JSON] | None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, identifier: object) -> bool:
        return identifier in self._waiting

    def answer(self, identifier: str, result: dict[str, JSON] | None) -> None:
        """Take a caller's answer; None: it answered with an error. An id of no question: nothing."""
        waiting = self._waiting.get(identifier)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)

    def close(self) -> None:
        for waiting in self._waiting.values():
            waiting.cancel()

    async def ask(
        self, feed: Feed, version: str, capabilities: dict[str, JSON], requests: dict[str, JSON]
    ) -> Given:
        """Put questions on a feed, and wait until all are answered or it is too late. requests: as in
        `inputRequests`, by their keys."""
        keys: dict[str, str] = {}
        try:
            for key, request in requests.items():
                method, params = request["method"], request.get("params", {})
                shown = in_version(version, capabilities, method, params)
                if shown is not None and self._has_room():
                    identifier = self._begin()
                    keys[identifier] = key
                    feed.put(_request(identifier, method, shown))
            await self._wait(feed, keys)
            given = {key: self._given(identifier) for identifier, key in keys.items()}
        finally:
            for identifier in keys:
                self._end(identifier)
        inputs = {key: result for key, result in given.items() if result is not None}
        return Given(inputs, tuple(key for key in requests if key not in inputs))

    def _has_room(self) -> bool:
        return self._asked[self._owner] < bounds.QUESTIONS_PER_PRINCIPAL_MAX

    def _begin(self) -> str:
        identifier = secrets.token_urlsafe(18)
        self._waiting[identifier] = asyncio.get_running_loop().create_future()
        self._asked[self._owner] += 1
        return identifier

    def _end(self, identifier: str) -> None:
        del self._waiting[identifier]
        self._asked[self._owner] -= 1
        if not self._asked[self._owner]:
            del self._asked[self._owner]

    async def _wait(self, feed: Feed, keys: dict[str, str]) -> None:
        if not keys:
            return
        await asyncio.wait(
            [self._waiting[identifier] for identifier in keys], timeout=ANSWER_SECONDS_MAX
        )
        for identifier in keys:
            if not self._waiting[identifier].done():
                cancelled = {"requestId": identifier, "reason": "not answered in time"}
                feed.put(notification("notifications/cancelled", cancelled))

    def _given(self, identifier: str) -> dict[str, JSON] | None:
        waiting = self._waiting[identifier]
        return waiting.result() if waiting.done() and not waiting.cancelled() else None


def _request(identifier: str, method: str, params: dict[str, JSON]) -> bytes:
    message: dict[str, JSON] = {"jsonrpc": "2.0", "id": identifier, "method": method}
    return encode(message | {"params": params} if params else message)
