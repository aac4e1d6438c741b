"""What may pass between a caller and a server besides one request and its answer. No I/O.

A server asks its caller something in one form only, inside and out: its answer is `input_required`,
and the caller sends the call again with what was asked for (MCP 2026-07-28, Multi Round-Trip
Requests). Servers and callers of the older versions, which ask and answer in the middle of a call,
are brought to this form at the two edges of the gate: `upstreams` and `edge`. So every round takes
the whole road, and has a record of its own.
"""

from collections.abc import Callable
from typing import Final, Protocol, final

import msgspec

from yett.core.notices import Notice, Several
from yett.core.target import JSON

INPUT_REQUIRED: Final = "input_required"
"""`resultType` of an answer that asks for more."""

QUESTIONS: Final[dict[str, str]] = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
"""What a server may ask → the client capability that it needs."""

Hear = Callable[[Notice | Several], None]
"""Takes what a server says about one request while it works on it. Plain and quick; never raises."""


class Line(Protocol):
    """The caller's end of a call that is under way."""

    def tell(self, said: Notice | Several) -> None:
        """Pass on what was cleaned. Never waits, never raises; who does not read is not told."""
        ...


@final
class Talk(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller takes and gives besides the request itself.

    line: None if it cannot be told anything before the answer. progress: it asked for it. log_level:
    the least severe messages it wants; None: none. capabilities: what it declared that a server may
    ask of it, as it declared it. inputs: what the server asked for in the round before, by its keys;
    None: this is the first round. failed: keys of what the caller would or could not give. state:
    `requestState`, sealed by this gate; empty: there is none. trace: `traceparent`, `tracestate`.
    """

    line: Line | None = None
    progress: bool = False
    log_level: str | None = None
    capabilities: dict[str, JSON] = {}
    inputs: dict[str, JSON] | None = None
    failed: tuple[str, ...] = ()
    state: str = ""
    trace: dict[str, JSON] = {}


@final
class Resumption(msgspec.Struct, frozen=True):
    """The next round of a call: what the server asked for, and what it gave out to know it again.

    state: as the upstream's side gave it out, unsealed and proven to belong to this caller and this
    call. seal: what it came in, which is good once. continues: id of the round before. Without a seal,
    the caller sends inputs that nobody asked for in a round before.
    """

    inputs: dict[str, JSON]
    failed: tuple[str, ...] = ()
    state: str = ""
    seal: str = ""
    continues: str = ""
