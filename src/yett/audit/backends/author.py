"""The lines that the log writes about itself: where a segment begins, what was found, what was removed."""

from typing import final

import orjson

from yett.audit.encode import Stamp, quote
from yett.audit.port import Tip
from yett.core.clock import Clock
from yett.core.target import JSON


@final
class Author:
    def __init__(self, *, clock: Clock, node: str) -> None:
        self._clock = clock
        self._node = quote(node)
        self._stamp = Stamp()

    def event(self, name: str, details: dict[str, JSON]) -> bytes:
        """Return the members of an event line. Names begin with `audit.`: nobody else's may."""
        return b'"at":"%b","kind":"event","event":%b,"node":%b,"actor":"audit","details":%b' % (
            self._stamp(self._clock.wall()),
            quote(name),
            self._node,
            orjson.dumps(details),
        )

    def segment(self, tip: Tip, previous: str | None) -> bytes:
        """Return the members of a segment's first line, which ties it to the chain so far."""
        return (
            b'"at":"%b","kind":"segment","node":%b,"format":1,"previous_segment":%b,'
            b'"previous_sequence":%d,"previous_chain":"%b"'
            % (
                self._stamp(self._clock.wall()),
                self._node,
                b"null" if previous is None else quote(previous),
                tip.sequence,
                tip.chain.hex().encode(),
            )
        )
