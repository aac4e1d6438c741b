"""The lines that the log writes about itself: where a segment begins, what was found, what was removed."""

from typing import final

import orjson

from yett.audit.chain import FORMAT
from yett.audit.encode import quote, quote_or_null
from yett.audit.port import Tip
from yett.core.target import JSON


@final
class Author:
    def __init__(self, *, node: str) -> None:
        self._node = quote(node)

    def event(self, name: str, details: dict[str, JSON]) -> str:
        """Return the members of an event line. Names begin with `audit.`: nobody else's may."""
        return (
            f'"kind":"event","event":{quote(name)},"node":{self._node},"actor":"audit",'
            f'"details":{orjson.dumps(details).decode()}'
        )

    def segment(self, tip: Tip, previous: str | None) -> str:
        """Return the members of a segment's first line, which ties it to the chain so far."""
        return (
            f'"kind":"segment","node":{self._node},"format":{FORMAT},'
            f'"previous_segment":{quote_or_null(previous)},"previous_sequence":{tip.sequence},'
            f'"previous_chain":"{tip.chain.hex()}"'
        )
