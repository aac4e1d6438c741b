"""Who hears what is said in an answer that is a stream."""

from typing import Protocol

from yett.upstreams.backends.http.sse import EventParser
from yett.upstreams.port import Exchange


class Listener(Protocol):
    """Takes the events of the stream that answers one request.

    ration_bytes: how much the stream may hold a minute, if it has no end; 0: it ends with an answer. events: of the
    stream before, where this one goes on from that.
    """

    exchange: Exchange | None
    events: EventParser | None
    ration_bytes: int

    def begin(self, events: EventParser) -> None:
        """The answer is a stream. Never raises."""
        ...

    def hear(self, events: list[bytes]) -> None:
        """Take what came together, in order.

        Raises:
            InvalidAnswer: broken, foreign or a second answer.
        """
        ...
