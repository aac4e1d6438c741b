"""Take the stream that answers a request besides which something passes: notices to the caller,
questions to the caller, and answers to them back to the server."""

import asyncio
from typing import Final, Protocol, final

from yett.core.bounds import INPUTS_MAX
from yett.core.target import JSON
from yett.upstreams.backends.http.conversation import Owner, Session
from yett.upstreams.backends.http.sse import EventParser
from yett.upstreams.notices import Notices
from yett.upstreams.port import Ask, Beside, Exchange
from yett.upstreams.rpc import (
    InvalidAnswer,
    announces_change,
    encode_reply,
    is_answer,
    question_of,
    read_answer,
    read_message,
    reply_to,
    updated_uri,
)
from yett.upstreams.wishes import offered

QUESTIONS_MAX: Final = 64
"""Of one request, in all its rounds."""


class Desk(Owner, Protocol):
    """An owner who also says other things to the server, and numbers requests."""

    def next_id(self) -> int:
        """Return an id that no other request has."""
        ...

    def cancel(self, session: Session, identifier: int) -> None:
        """Nobody waits for this request any more. Never raises."""
        ...

    def end(self, session: Session) -> None:
        """Nobody will use this session any more. Never raises."""
        ...

    async def bring(self, session: Session, reply: bytes) -> None:
        """Raises:
        Fault: it could not be brought.
        InvalidAnswer: what came back is not HTTP.
        """
        ...


@final
class Hearing:
    """exchange: the answer, once it has come. events: of the last connection."""

    def __init__(self, identifier: int, session: Session, beside: Beside, desk: Desk) -> None:
        self._identifier = identifier
        self._session = session
        self._desk = desk
        self._ask: Ask | None = None if session.modern else beside.ask
        self._capabilities = {} if self._ask is None else offered(beside.wishes)
        self._notices = (
            None
            if beside.hear is None
            else Notices(
                beside.hear,
                token=identifier if beside.progress else None,
                log_level=beside.wishes.log_level,
            )
        )
        self._asking: dict[int | str, asyncio.Task[None]] = {}
        self._asked = 0
        self.exchange: Exchange | None = None
        self.events: EventParser | None = None
        self.ration_bytes = 0

    def begin(self, events: EventParser) -> None:
        if self.events is not None:
            events.go_on_from(self.events)
        self.events = events

    def hear(self, data: bytes) -> None:
        """Raises:
        InvalidAnswer: broken, foreign or a second answer.
        """
        message = read_message(data)
        if is_answer(message):
            if self.exchange is not None:
                raise InvalidAnswer("a second answer")
            self.exchange = read_answer(message, self._identifier, len(data))
        else:
            self.take(message, len(data))

    def take(self, message: dict[str, JSON], size: int) -> None:
        """What the server says besides the answer. size: in bytes."""
        if announces_change(message):
            self._desk.note_change()
        elif "id" in message:
            self._take_question(message)
        elif message["method"] == "notifications/cancelled":
            self._withdraw(message.get("params"))
        else:
            self._take_notice(message, size)

    def close(self) -> None:
        """The request is over, and with it all that was asked for its sake."""
        for task in self._asking.values():
            task.cancel()

    def _take_notice(self, message: dict[str, JSON], size: int) -> None:
        uri = updated_uri(message)
        if uri is not None:
            self._desk.note_update(uri)
        elif self._notices is not None:
            self._notices.take(message, size)

    def _take_question(self, message: dict[str, JSON]) -> None:
        question = question_of(message, self._capabilities)
        if self._ask is not None and question is not None and self._may_ask_more():
            identifier, method, params = question
            if identifier not in self._asking:
                self._asked += 1
                work = self._answer(self._ask, identifier, method, params)
                self._asking[identifier] = asyncio.get_running_loop().create_task(work)
                self._asking[identifier].add_done_callback(
                    lambda task: self._finish(identifier, task)
                )
            return
        reply = reply_to(message)
        if reply is not None:
            self._desk.send_back(self._session, reply)

    def _may_ask_more(self) -> bool:
        return len(self._asking) < INPUTS_MAX and self._asked < QUESTIONS_MAX

    async def _answer(
        self, ask: Ask, identifier: int | str, method: str, params: dict[str, JSON]
    ) -> None:
        exchange = await ask(method, params)
        await self._desk.bring(self._session, encode_reply(identifier, exchange))

    def _withdraw(self, params: JSON) -> None:
        """The server no longer wants to know."""
        identifier = params.get("requestId") if isinstance(params, dict) else None
        if isinstance(identifier, int | str) and identifier in self._asking:
            self._asking[identifier].cancel()

    def _finish(self, identifier: int | str, task: "asyncio.Task[None]") -> None:
        self._asking.pop(identifier, None)
        if not task.cancelled():
            task.exception()  # a server that cannot be reached now is noticed by the request itself
