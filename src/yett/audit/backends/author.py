"""The lines that the log writes about itself: where a segment begins, what was found, what was removed."""

from typing import final

import orjson

from yett.audit.chain import FORMAT
from yett.audit.encode import Stamp, quote, quote_or_null
from yett.audit.port import Tip
from yett.core.clock import Clock
from yett.core.target import JSON


@final
class Author:
    def __init__(self, *, clock: Clock, node: str) -> None:
        self._clock = clock
        self._node = quote(node)
        self._stamp = Stamp()

    def event(self, name: str, details: dict[str, JSON]) -> str:
        """Return the members of an event line. Names begin with `audit.`: nobody else's may."""
        return (
            f'"at":"{self._stamp(self._clock.wall())}","kind":"event","event":{quote(name)},'
            f'"node":{self._node},"actor":"audit","details":{orjson.dumps(details).decode()}'
        )

    def segment(self, tip: Tip, previous: str | None) -> str:
        """Return the members of a segment's first line, which ties it to the chain so far."""
        return (
            f'"at":"{self._stamp(self._clock.wall())}","kind":"segment","node":{self._node},'
            f'"format":{FORMAT},"previous_segment":{quote_or_null(previous)},'
            f'"previous_sequence":{tip.sequence},"previous_chain":"{tip.chain.hex()}"'
        )
