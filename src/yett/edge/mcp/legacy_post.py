"""A POST of an older version whose answer may be a stream: because there is something to tell before the
answer, something to ask of the caller, or because it is several messages at once.

The calls run beside the connection. As long as nothing was told, an agent that hangs up cancels them;
afterwards it may lose its connection and come back for the rest (MCP 2025-11-25, Streamable HTTP: Sending
Messages).
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol, final

import msgspec

from yett.core.call import Call, Reply
from yett.core.document import encode, parse
from yett.core.errors import Denied
from yett.core.notices import PROGRESS, Notice, Several
from yett.core.reasons import Reason
from yett.core.talk import INPUT_REQUIRED, Line, Talk
from yett.core.target import JSON
from yett.edge.arrival import Arrival
from yett.edge.http.connection import Connection
from yett.edge.http.message import Response, stream_head
from yett.edge.mcp.asking import Given
from yett.edge.mcp.events import Feed
from yett.edge.mcp.inbound import Inbound
from yett.edge.mcp.line import KEEP_ALIVE_SECONDS, NoticeLine
from yett.edge.mcp.outbound import respond
from yett.edge.mcp.sessions import Session
from yett.edge.mcp.versions import NEWEST_LEGACY, OLDEST

ROUNDS_MAX: Final = 8
_ACCEPTED: Final = 202
_ABOUT_ALL: Final = frozenset({401, 404})
"""Answers to one message of a batch that are as true of the others: the credential, the session."""


class Carrier(Protocol):
    """What all posts of a session share."""

    async def run(self, inbound: Inbound, call: Call, arrival: Arrival) -> Reply:
        """Have one message answered by the pipeline, and do for its session what it asks for."""
        ...

    async def go_on(self, call: Call, refused: Denied | None) -> Reply:
        """Have a further round of a call answered."""
        ...

    def renewed(self, arrival: Arrival) -> Arrival:
        """Return the same arrival with an id and a time of its own."""
        ...

    async def carry(self, connection: Connection, session: Session, feed: Feed) -> None:
        """Carry a feed on a connection until it ends."""
        ...


@final
class LegacyPost:
    """items: what came in one POST. as_array: it came as a batch. may_stream: the agent takes a stream,
    so a long silence becomes one that is kept alive; without, no item has anything to tell. first: the
    reply to the only item, if it has one already and that asks for more."""

    def __init__(
        self,
        items: Sequence[Inbound],
        session: Session,
        arrival: Arrival,
        carrier: Carrier,
        *,
        as_array: bool = False,
        may_stream: bool = True,
        first: Reply | None = None,
    ) -> None:
        self._items = items
        self._patience = KEEP_ALIVE_SECONDS if may_stream else None
        self._session = session
        self._arrival = arrival
        self._carrier = carrier
        self._as_array = as_array
        self._first = first
        primes = session.version == NEWEST_LEGACY
        self._feed: Feed = session.log.open(general=False, primes=primes)
        self._answers: list[tuple[Inbound, Response]] = []
        self._shown = 0

    async def run(self, connection: Connection) -> Response | None:
        """Wait until it is known which form the answer has."""
        loop, feed, session = asyncio.get_running_loop(), self._feed, self._session
        task = loop.create_task(self._answer_all())
        session.keep(task, feed)
        patience = self._patience
        timer = None if patience is None else loop.call_later(patience, feed.begin)
        try:
            await feed.settled()
            if not feed.is_begun and not task.done():  # its session has ended
                await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            feed.end()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if not feed.is_begun:
            return self._plain(task)
        identifier = self._items[0].call.id.encode()
        head = stream_head(b"Yett-Request-Id: %b\r\n" % identifier)
        connection.begin_stream(head, last=False)
        await self._carrier.carry(connection, session, feed)
        connection.finish_stream()
        return None

    # -- answers

    async def _answer_all(self) -> None:
        try:
            if len(self._items) == 1:
                await self._answer_only(self._items[0])
            else:
                await self._answer_each()
        finally:
            self._feed.end()

    async def _answer_only(self, item: Inbound) -> None:
        """Answer the one message that came, in the task of all: another costs as much as three stages of its call."""
        task, running = asyncio.current_task(), self._session.running
        assert task is not None  # noqa: S101 - that of all
        if item.id is not None:
            running[task] = item.id
        try:
            await self._answer(item)
        except asyncio.CancelledError:
            if item.id is None or task in running:  # it was not the agent's word that ended it
                raise
            task.uncancel()
        finally:
            running.pop(task, None)

    async def _answer_each(self) -> None:
        tasks = [asyncio.get_running_loop().create_task(self._answer(item)) for item in self._items]
        running = self._session.running
        for item, task in zip(self._items, tasks, strict=True):
            if item.id is not None:
                running[task] = item.id
        try:
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome
            self._show()
        finally:
            for task in tasks:
                running.pop(task, None)

    async def _answer(self, inbound: Inbound) -> None:
        """Answer one message; one that was cancelled has no answer."""
        self._answers.append((inbound, respond(inbound, await self._converse(inbound))))
        self._show()

    def _show(self) -> None:
        """Put what has been answered on the feed, if there is to be a stream."""
        if self._feed.is_begun:
            for item, answer in self._answers[self._shown :]:
                if answer.body:
                    self._feed.put(_as_message(item, answer))
            self._shown = len(self._answers)

    def _plain(self, task: "asyncio.Task[None]") -> Response:
        if not task.cancelled():
            task.result()
        answers = [answer for _, answer in self._answers]
        if not answers:
            return self._cancelled()
        if not self._as_array:
            return answers[0]
        for answer in answers:
            if answer.status in _ABOUT_ALL:
                return answer
        bodies = [answer.body for answer in answers if answer.body]
        headers = answers[0].headers
        if not bodies:
            return Response(_ACCEPTED, headers=headers, content_type=b"")
        return Response(200, b"[%b]" % b",".join(bodies), headers=headers)

    def _cancelled(self) -> Response:
        item = self._items[0]
        refusal = Denied(Reason.CANCELLED, "cancelled by the agent", sent=True)
        return respond(item, Reply(call=item.call, refusal=refusal))

    # -- rounds

    async def _converse(self, inbound: Inbound) -> Reply:
        """Have a call answered, round by round, by asking the caller what its server asks."""
        talk, session = inbound.call.talk, self._session
        if talk is None:
            return await self._carrier.run(inbound, inbound.call, self._arrival)
        line = NoticeLine(self._feed.put_all, token=inbound.token, log_level=talk.log_level)
        heard: Line = _OldLine(line) if session.version == OLDEST else line
        call = msgspec.structs.replace(inbound.call, talk=msgspec.structs.replace(talk, line=heard))
        try:
            reply = self._first or await self._carrier.run(inbound, call, self._arrival)
            for number in range(ROUNDS_MAX):
                question = asked(reply)
                if question is None:
                    return reply
                requests: dict[str, JSON] = question.get("inputRequests", {})
                given = Given({}, tuple(requests))
                if number < ROUNDS_MAX - 1:
                    given = await session.questions.ask(
                        self._feed, session.version, talk.capabilities, requests
                    )
                call = self._next(call, given, str(question.get("requestState", "")))
                reply = await self._carrier.go_on(call, None)
            if asked(reply) is None:
                return reply
            endless = Denied(Reason.UPSTREAM_INVALID, "the server asks again and again", sent=True)
            return await self._carrier.go_on(self._next(call, Given({}, ()), ""), endless)
        finally:
            line.end()

    def _next(self, call: Call, given: Given, state: str) -> Call:
        """The same call once more, as a modern caller would send it; its record is its own."""
        fresh = self._carrier.renewed(self._arrival)
        assert call.talk is not None  # noqa: S101 - only such calls have rounds
        talk: Talk = msgspec.structs.replace(
            call.talk, inputs=given.inputs, failed=given.failed, state=state
        )
        return msgspec.structs.replace(
            call,
            id=fresh.id,
            talk=talk,
            received_at=fresh.received_at,
            started=fresh.started,
        )


@final
class _OldLine:
    """2024-11-05 knows no `message` of progress."""

    def __init__(self, line: NoticeLine) -> None:
        self._line = line

    def tell(self, said: Notice | Several) -> None:
        if said.method != PROGRESS:
            self._line.tell(said)
            return
        for notice in [said] if isinstance(said, Notice) else said.singly():
            kept = {name: value for name, value in notice.params.items() if name != "message"}
            self._line.tell(Notice(PROGRESS, kept))


def asked(reply: Reply) -> dict[str, JSON] | None:
    """Return what the server asks, if its answer is a question; or what the gate itself asks before it
    sends the call."""
    if reply.refusal is not None:
        return reply.refusal.question
    result = reply.result
    if result is None or result.get("resultType") != INPUT_REQUIRED:
        return None
    return result


def _as_message(inbound: Inbound, answer: Response) -> bytes:
    """Return the body of an answer, where it is one of JSON-RPC; else an error that says the same."""
    if answer.content_type == b"application/json":
        return answer.body
    problem = parse(answer.body)
    error = {"code": answer.status, "message": problem["title"], "data": problem}
    return encode({"jsonrpc": "2.0", "id": inbound.id, "error": error})
