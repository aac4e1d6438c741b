"""Calls of servers that ask in the middle (all versions before 2026-07-28), brought to rounds.

Such a call is parked when its server asks something: the round ends with what was asked, the call
itself goes on waiting, and the next round gives it the answers. A call that nobody comes back for is
cancelled, and the server is told.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final, final

from yett.core import bounds
from yett.core.call import RpcError
from yett.core.errors import Denied, Fault
from yett.core.reasons import Reason
from yett.core.talk import INPUT_REQUIRED, Hear, Notice, Resumption
from yett.core.target import JSON
from yett.upstreams.port import Ask, Exchange

Start = Callable[[Ask, Hear], Coroutine[Any, Any, Exchange]]
"""Begins the request, given where to ask and what to tell."""

_REFUSED: Final = RpcError(-1, "The caller did not answer")
_TOO_MANY: Final = RpcError(-32603, "Too many questions at once")


@final
class _Parked:
    """One request under way. questions: by the key under which the caller is to answer them."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.hear: Hear | None = None
        self.asked = asyncio.Event()
        self.questions: dict[str, tuple[dict[str, JSON], asyncio.Future[Exchange]]] = {}
        self.expiry: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[Exchange]
        self._count = 0

    async def ask(self, method: str, params: dict[str, JSON]) -> Exchange:
        if len(self.questions) >= bounds.INPUTS_MAX:
            return Exchange(None, _TOO_MANY, 0)
        self._count += 1
        key = f"q{self._count}"
        answer: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        self.questions[key] = ({"method": method, "params": params}, answer)
        self.asked.set()
        try:
            return await answer
        finally:
            self.questions.pop(key, None)

    def tell(self, notice: Notice) -> None:
        """Between two rounds nobody listens."""
        if self.hear is not None:
            self.hear(notice)

    def answer(self, resumption: Resumption) -> None:
        """Give the server what the caller gave. What is still missing is asked again."""
        for key, (_, future) in list(self.questions.items()):
            if future.done():
                continue
            given = resumption.inputs.get(key)
            if key in resumption.failed:
                future.set_result(Exchange(None, _REFUSED, 0))
            elif isinstance(given, dict):
                future.set_result(Exchange(given, None, 0))


@final
class ParkingLot:
    """One per process: parked calls outlive a change of the configuration. Nothing here is a
    credential: who may come back is in the seal around the ticket."""

    def __init__(self) -> None:
        self._parked: dict[str, _Parked] = {}
        self._of: Counter[str] = Counter()

    async def begin(
        self, start: Start, *, owner: str, hear: Hear | None, seconds: float
    ) -> tuple[Exchange, str]:
        """Begin a request; return its answer, or what its server asks and a ticket to come back with.

        owner: id of the principal. seconds: for this round.

        Raises:
            Fault: as `Transport.request`; UPSTREAM_TIMEOUT when the round took too long.
            Denied: RATE_LIMITED, too many calls are parked.
        """
        parked = _Parked(owner)
        parked.task = asyncio.get_running_loop().create_task(start(parked.ask, parked.tell))
        return await self._round(parked, hear, seconds)

    async def resume(
        self, ticket: str, resumption: Resumption, *, hear: Hear | None, seconds: float
    ) -> tuple[Exchange, str]:
        """Go on with a parked call.

        Raises:
            Denied: INVALID_STATE, it is not there any more.
            Fault: as `begin`.
        """
        parked = self._parked.pop(ticket, None)
        if parked is None:
            raise Denied(Reason.INVALID_STATE, "the call that waited for this was given up")
        self._leave(parked)
        parked.asked.clear()
        parked.answer(resumption)
        await asyncio.sleep(
            0
        )  # the server's side takes the answers before it is looked who still asks
        if any(not future.done() for _, future in parked.questions.values()):
            parked.asked.set()
        return await self._round(parked, hear, seconds)

    async def close(self) -> None:
        for parked in self._parked.values():
            self._leave(parked)
            parked.task.cancel()
        self._parked.clear()

    async def _round(
        self, parked: _Parked, hear: Hear | None, seconds: float
    ) -> tuple[Exchange, str]:
        parked.hear = hear
        asked = asyncio.get_running_loop().create_task(parked.asked.wait())
        kept = False
        try:
            await asyncio.wait(
                {parked.task, asked}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if parked.task.done():
                return parked.task.result(), ""
            if not asked.done():
                raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=True)
            ticket = self._park(parked)
            kept = True
            return _question(parked), ticket
        finally:
            parked.hear = None
            asked.cancel()
            if not kept:
                parked.task.cancel()

    def _park(self, parked: _Parked) -> str:
        if (
            len(self._parked) >= bounds.PARKED_MAX
            or self._of[parked.owner] >= bounds.PARKED_PER_PRINCIPAL_MAX
        ):
            raise Denied(Reason.RATE_LIMITED, "too many calls wait for an answer", sent=True)
        ticket = secrets.token_urlsafe(18)
        self._parked[ticket] = parked
        self._of[parked.owner] += 1
        loop = asyncio.get_running_loop()
        parked.expiry = loop.call_later(bounds.ROUND_SECONDS_MAX, self._give_up, ticket)
        parked.task.add_done_callback(_look_at)
        return ticket

    def _give_up(self, ticket: str) -> None:
        parked = self._parked.pop(ticket, None)
        if parked is not None:
            self._leave(parked)
            parked.task.cancel()

    def _leave(self, parked: _Parked) -> None:
        if parked.expiry is not None:
            parked.expiry.cancel()
        self._of[parked.owner] -= 1
        if self._of[parked.owner] <= 0:
            del self._of[parked.owner]


def _question(parked: _Parked) -> Exchange:
    asked: dict[str, JSON] = {key: question for key, (question, _) in parked.questions.items()}
    return Exchange({"resultType": INPUT_REQUIRED, "inputRequests": asked}, None, 0)


def _look_at(task: "asyncio.Task[Exchange]") -> None:
    """A call that fails while it is parked tells its caller so in the next round, or nobody."""
    if not task.cancelled():
        task.exception()
