"""Take the stream that answers a request besides which something passes: notices to the caller,
questions to the caller, and answers to them back to the server."""

from functools import partial
from typing import Protocol, final

from yett.core.target import JSON
from yett.upstreams.backends.http.conversation import Owner, Session, read_event
from yett.upstreams.backends.http.sse import EventParser
from yett.upstreams.inquiries import Inquiries
from yett.upstreams.notices import notices_of
from yett.upstreams.port import Beside, Exchange
from yett.upstreams.rpc import (
    announces_change,
    reply_to,
    updated_uri,
)


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
    """identifier: of the request. exchange: the answer, once it has come. events: of the last connection."""

    def __init__(self, identifier: int, session: Session, beside: Beside, desk: Desk) -> None:
        self.identifier = identifier
        self._session = session
        self._desk = desk
        ask = None if session.modern else beside.ask
        self._inquiries = Inquiries(ask, beside.wishes, partial(desk.bring, session))
        self._notices = notices_of(beside, identifier)
        self.exchange: Exchange | None = None
        self.events: EventParser | None = None
        self.ration_bytes = 0

    def begin(self, events: EventParser) -> None:
        events.go_on_from(self.events)
        self.events = events

    def hear(self, events: list[bytes]) -> None:
        """Raises:
        InvalidAnswer: broken, foreign or a second answer.
        """
        told = 0
        while self._notices is not None and (more := self._notices.take_together(events, told)):
            told += more
        for data in events[told:]:
            heard = read_event(data, self.identifier, self.exchange)
            if isinstance(heard, Exchange):
                self.exchange = heard
            else:
                self.take(heard, len(data))

    def take(self, message: dict[str, JSON], size: int) -> None:
        """What the server says besides the answer. size: in bytes."""
        if announces_change(message):
            self._desk.note_change()
        elif "id" in message:
            self._take_question(message)
        elif message["method"] == "notifications/cancelled":
            self._inquiries.withdraw(message.get("params"))
        else:
            self._take_notice(message, size)

    def close(self) -> None:
        """The request is over, and with it all that was asked for its sake."""
        self._inquiries.close()

    def _take_notice(self, message: dict[str, JSON], size: int) -> None:
        uri = updated_uri(message)
        if uri is not None:
            self._desk.note_update(uri)
        elif self._notices is not None:
            self._notices.take(message, size)

    def _take_question(self, message: dict[str, JSON]) -> None:
        if self._inquiries.take(message):
            return
        reply = reply_to(message)
        if reply is not None:
            self._desk.send_back(self._session, reply)
