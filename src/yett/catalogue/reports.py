"""What is told of a server's definitions, and only when it is new."""

from collections import deque
from typing import Final, final

import msgspec

from yett.catalogue.board import KINDS, Board, State
from yett.catalogue.definitions import Offered, Sight
from yett.catalogue.diff import TextFindings, compare, summarise, texts_in
from yett.catalogue.lock import ServerPins
from yett.catalogue.port import RecordEvent
from yett.core.errors import Fault
from yett.core.operations import Kind
from yett.core.target import JSON

CHANGES_TOLD_MAX: Final = 100
"""Of one verification: a server that changes thousands of definitions must not fill the log."""
EVENTS_KEPT_MAX: Final = 10_000


@final
class Teller:
    """Passes events on in order, and keeps those that could not be written down until they can.

    What an event tells of has happened and only ever takes something away, so it does not wait for
    the log; calls do, and none is made while the log cannot be written.
    """

    __slots__ = ("_kept", "_lost", "_record_event")

    def __init__(self, record_event: RecordEvent) -> None:
        self._record_event = record_event
        self._kept: deque[dict[str, JSON]] = deque()
        self._lost = 0

    def __call__(self, event: dict[str, JSON]) -> None:
        if len(self._kept) < EVENTS_KEPT_MAX:
            self._kept.append(event)
        else:
            self._lost += 1
        self.flush()

    def flush(self) -> None:
        """Try again what is kept."""
        while self._kept:
            try:
                self._record_event(self._kept[0])
            except Fault:
                return
            self._kept.popleft()
            if not self._kept and self._lost:
                self._kept.append({"event": "catalogue.events_lost", "count": self._lost})
                self._lost = 0


def report_changes(
    server: str,
    before: Board | None,
    after: Board,
    pins: ServerPins,
    sight: Sight,
    tell: RecordEvent,
) -> None:
    """Tell each definition whose state is another than on the last board. What is simply approved
    on the first board is no news."""
    known: dict[tuple[Kind, str], State] = {} if before is None else before.states
    told = 0
    for (kind, name), state in sorted(after.states.items()):
        was = known.get((kind, name))
        if state == was or (state == "approved" and was in {None, "appeared"}):
            continue
        told += 1
        if told > CHANGES_TOLD_MAX:
            continue
        event: dict[str, JSON] = {
            "event": f"tool.{'restored' if state == 'approved' else state}",
            "server": server,
            "kind": kind.value,
            "tool": name,
        }
        tell(event | _details(kind, name, pins, sight))
    if told > CHANGES_TOLD_MAX:
        tell({"event": "server.changed", "server": server, "changes": told})


def report_pins(
    server: str, pins: ServerPins, tell: RecordEvent, text_findings: TextFindings
) -> None:
    """Tell what was pinned at first sight, on whose word it has its class, and why it is out of use."""
    for kind in KINDS:
        for name, pin in pins.of(kind).items():
            event: dict[str, JSON] = {
                "event": "tool.pinned",
                "server": server,
                "kind": kind.value,
                "tool": name,
                "digest": pin.digest,
                "access": pin.access,
                "access_from": pin.access_from,
            }
            if pin.quarantined:
                texts = (text for _, text in texts_in(pin.definition))
                found = dict.fromkeys(says for text in texts for says in text_findings(text))
                event |= {"quarantined": True, "findings": list(found), "alert": "high"}
            tell(event)


def without_copies(sight: Sight, pins: ServerPins) -> Sight:
    """Let go of each definition that equals its pin: ten thousand tools need not lie here twice."""
    return {
        kind: {name: _shared(item, pins, kind, name) for name, item in offered.items()}
        for kind, offered in sight.items()
    }


def _shared(item: Offered, pins: ServerPins, kind: Kind, name: str) -> Offered:
    pin = pins.of(kind).get(name)
    if pin is None or not item.means(pin.digest):
        return item
    return msgspec.structs.replace(item, definition=pin.definition)


def _details(kind: Kind, name: str, pins: ServerPins, sight: Sight) -> dict[str, JSON]:
    details: dict[str, JSON] = {}
    pin = pins.of(kind).get(name)
    item = sight.get(kind, {}).get(name)
    if pin is not None:
        details["pinned_digest"] = pin.digest
    if item is not None:
        details["digest"] = item.digest
        if item.problem:
            details["problem"] = item.problem
    if pin is not None and item is not None and (item.problem or not item.means(pin.digest)):
        details["alert"] = "high"
        known, changes = item.changed
        if known != pin.digest and not item.problem:
            # The lock is another than when the server was last asked.
            changes = summarise(compare(pin.definition, item.definition))
        if changes:
            details["changes"] = changes
    return details
