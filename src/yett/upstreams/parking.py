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
from yett.core.document import encode, parse
from yett.core.errors import Denied, Fault
from yett.core.notices import Notice, Several
from yett.core.reasons import Reason
from yett.core.talk import INPUT_REQUIRED, Hear, Resumption
from yett.core.target import JSON
from yett.upstreams.background import report_bug
from yett.upstreams.port import Ask, Exchange

Start = Callable[[Ask, Hear], Coroutine[Any, Any, Exchange]]
"""Begins the request, given where to ask and what to tell."""

QUESTIONS_BYTES_MAX: Final = 256 * 1024  # of one call, as long as they wait for their answers
_CLOSE_SECONDS: Final = 1.0

_REFUSED: Final = RpcError(-1, "The caller did not answer")
_TOO_MUCH: Final = RpcError(-32603, "Too much is asked at once")
# Of the server's own dealings with its client: they mean nothing to the caller.
_PRIVATE: Final = frozenset({"_meta", "task"})


@final
class _Parked:
    """One request under way. record: id of the record of its last round. _questions: by the key under
    which the caller is to answer them; each is the compact JSON of method and parameters, which is
    bounded where objects would not be."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.record = ""
        self.hear: Hear | None = None
        self.expiry: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[Exchange]
        self._asked = asyncio.Event()
        self._questions: dict[str, tuple[bytes, asyncio.Future[Exchange]]] = {}
        self._bytes = 0
        self._count = 0

    async def ask(self, method: str, params: dict[str, JSON]) -> Exchange:
        kept = {name: value for name, value in params.items() if name not in _PRIVATE}
        question = encode({"method": method, "params": kept})
        size = len(question)
        if len(self._questions) >= bounds.INPUTS_MAX or self._bytes + size > QUESTIONS_BYTES_MAX:
            return Exchange(None, _TOO_MUCH, 0)
        self._count += 1
        key = f"q{self._count}"
        answer: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        self._questions[key] = (question, answer)
        self._bytes += size
        self._asked.set()
        try:
            return await answer
        finally:
            del self._questions[key]
            self._bytes -= size

    def tell(self, said: Notice | Several) -> None:
        """Between two rounds nobody listens."""
        if self.hear is not None:
            self.hear(said)

    def answer(self, resumption: Resumption) -> None:
        """Give the server what the caller gave. What is still missing is asked again."""
        for key, (_, future) in self._questions.items():
            given = resumption.inputs.get(key)
            if future.done():
                continue
            if key in resumption.failed:
                future.set_result(Exchange(None, _REFUSED, 0))
            elif isinstance(given, dict):
                future.set_result(Exchange(given, None, 0))

    def open_questions(self) -> dict[str, JSON]:
        return {
            key: parse(question)
            for key, (question, future) in self._questions.items()
            if not future.done()
        }

    async def until_it_asks(self, seconds: float) -> dict[str, JSON]:
        """Return what is asked and not answered; nothing if the request ended.

        Raises:
            Fault: UPSTREAM_TIMEOUT.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not self.task.done():
            questions = self.open_questions()
            if questions:
                return questions
            left = deadline - loop.time()
            if left <= 0.0:
                raise Fault(Reason.UPSTREAM_TIMEOUT, "no answer in time", sent=True)
            self._asked.clear()
            asked = loop.create_task(self._asked.wait())
            try:
                await asyncio.wait(
                    {self.task, asked}, timeout=left, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                asked.cancel()
        return {}

    def outcome(self) -> Exchange:
        """Return how the request ended.

        Raises:
            Fault: as `Transport.request`.
        """
        if self.task.cancelled():
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "it was stopped", sent=True)
        return self.task.result()


@final
class ParkingLot:
    """One per process: parked calls outlive a change of the configuration. Nothing here is a
    credential: who may come back is in the seal around the ticket.

    When there is no room, the oldest parked call of the caller who has the most is given up, and of a
    caller who has as many as anybody may, its own oldest: so nobody can keep others from being asked.

    on_given_up: told the owner and the last record of a call that nobody came back for in time.
    """

    def __init__(self) -> None:
        self.on_given_up: Callable[[str, str], None] = lambda _owner, _record: None
        self._parked: dict[str, _Parked] = {}  # by ticket, oldest first
        self._of: Counter[str] = Counter()
        self._closed = False

    def __len__(self) -> int:
        return len(self._parked)

    async def begin(
        self, start: Start, *, owner: str, record: str, hear: Hear | None, seconds: float
    ) -> tuple[Exchange, str]:
        """Begin a request; return its answer, or what its server asks and a ticket to come back with.

        owner: id of the principal. record: id of the round's record. seconds: for this round.

        Raises:
            Fault: as `Transport.request`; UPSTREAM_TIMEOUT when the round took too long.
        """
        parked = _Parked(owner)
        parked.record = record
        parked.task = asyncio.get_running_loop().create_task(start(parked.ask, parked.tell))
        parked.task.add_done_callback(report_bug)
        return await self._round(parked, hear, seconds)

    async def resume(
        self,
        ticket: str,
        resumption: Resumption,
        *,
        record: str,
        hear: Hear | None,
        seconds: float,
    ) -> tuple[Exchange, str]:
        """Go on with a parked call. A ticket is good once.

        Raises:
            Denied: INVALID_STATE, it is not there any more.
            Fault: as `begin`.
        """
        parked = self._leave(ticket)
        if parked is None:
            raise Denied(Reason.INVALID_STATE, "the call that waited for this was given up")
        parked.record = record
        parked.answer(resumption)
        return await self._round(parked, hear, seconds)

    async def close(self) -> None:
        """Give up every call that is parked, and let their servers be told. Never raises."""
        self._closed = True
        tasks = [parked.task for parked in self._parked.values()]
        for ticket in list(self._parked):
            self._give_up(ticket)
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_SECONDS)

    async def _round(
        self, parked: _Parked, hear: Hear | None, seconds: float
    ) -> tuple[Exchange, str]:
        parked.hear = hear
        kept = False
        try:
            questions = await parked.until_it_asks(seconds)
            if not questions:
                return parked.outcome(), ""
            ticket = self._park(parked)
            kept = True
            return Exchange(
                {"resultType": INPUT_REQUIRED, "inputRequests": questions}, None, 0
            ), ticket
        finally:
            parked.hear = None
            if not kept:
                parked.task.cancel()

    def _park(self, parked: _Parked) -> str:
        if self._closed:
            raise Fault(Reason.UPSTREAM_UNREACHABLE, "the gate is being stopped", sent=True)
        self._make_room(parked.owner)
        ticket = secrets.token_urlsafe(18)
        self._parked[ticket] = parked
        self._of[parked.owner] += 1
        loop = asyncio.get_running_loop()
        parked.expiry = loop.call_later(bounds.ROUND_SECONDS_MAX, self._give_up, ticket)
        return ticket

    def _make_room(self, owner: str) -> None:
        if self._of[owner] < bounds.PARKED_PER_PRINCIPAL_MAX:
            if len(self._parked) < bounds.PARKED_MAX:
                return
            owner = self._of.most_common(1)[0][0]
        self._give_up(next(ticket for ticket, one in self._parked.items() if one.owner == owner))

    def _give_up(self, ticket: str) -> None:
        parked = self._leave(ticket)
        if parked is not None:
            parked.task.cancel()
            self.on_given_up(parked.owner, parked.record)

    def _leave(self, ticket: str) -> _Parked | None:
        parked = self._parked.pop(ticket, None)
        if parked is None:
            return None
        if parked.expiry is not None:
            parked.expiry.cancel()
        self._of[parked.owner] -= 1
        if not self._of[parked.owner]:
            del self._of[parked.owner]
        return parked
