"""Is the log what was written? Walks the whole chain, one line in memory at a time. Pure.

What it finds: a line that was edited, deleted, repeated, moved or cut; a segment that was removed or
replaced; a tail that was cut off while the note beside the log (`head`) was forgotten. What nobody
can find without a copy kept elsewhere: that the tail *and* the note were rolled back together.
"""

from collections.abc import Callable, Iterator
from typing import Final, Literal, final

import msgspec
import orjson

from yett.audit.chain import is_sealed, unseal
from yett.audit.port import AuditSource, LogLine, Tip
from yett.core.target import JSON

DamageKind = Literal[
    "altered", "missing", "repeated", "unreadable", "torn", "segment", "beginning", "tail"
]
_MARK_BYTES: Final = 120
"""`kind` and `event` stand within the first bytes of a line, before anything a caller can choose."""
_OUTCOME: Final = b'"kind":"outcome"'
_SEGMENT: Final = b'"kind":"segment"'
_PROGRESS_LINES: Final = 4096


@final
class Damage(msgspec.Struct, frozen=True):
    """line: from 1, within the segment. sequence: the one that should stand there."""

    kind: DamageKind
    segment: str
    line: int
    sequence: int
    text: str


@final
class Verdict(msgspec.Struct, frozen=True):
    """records: good ones; the two lines of a call are one. lines: good ones, each with its sequence,
    from first to last. head: whether the note beside the
    log agrees (None: there is no such note). damage: the first; None means the log is whole."""

    records: int
    lines: int
    segments: int
    first: int
    last: int
    chain: str
    head: bool | None
    damage: Damage | None


@final
class _Walk:
    """Where the walk stands. beginning: what the first segment says came before it."""

    def __init__(self, head: Tip | None) -> None:
        self.tip: Tip | None = None
        self.beginning: Tip | None = None
        self.is_beginning_known = False
        self.first = 0
        self.records = 0
        self.lines = 0
        self.segments = 0
        self.head = head
        self.is_head_met = False

    def take(self, line: LogLine) -> Damage | None:
        opened = unseal(line.data)
        if opened is None:
            return self._damage("unreadable", line, "this is no sealed record")
        text, claimed = opened
        if line.number == 1:
            damage = self._enter(line, claimed)
            if damage is not None:
                return damage
        previous = self.tip or Tip(0, b"")
        if claimed.sequence != previous.sequence + 1:
            return self._out_of_order(line, claimed.sequence)
        if not is_sealed(previous.chain, text, claimed.chain):
            return self._damage("altered", line, "the record, or one before it, was changed")
        self.tip = claimed
        self.lines += 1
        mark = line.data[:_MARK_BYTES]
        self.records += _OUTCOME not in mark and _SEGMENT not in mark
        self._note(claimed)
        return self._listen(line)

    def end(self) -> Damage | None:
        """Judge what only the end can show."""
        tip = self.tip or Tip(0, b"")
        start = self.beginning
        if start is not None and start.sequence > 0 and not self.is_beginning_known:
            text = f"records 1 to {start.sequence} are gone, and no record says they were pruned"
            return Damage("beginning", "", 0, 1, text)
        if self.head is None or self.is_head_met:
            return None
        if self.head.sequence > tip.sequence:
            text = f"the log had reached record {self.head.sequence}; its tail was cut off"
            return Damage("tail", "", 0, tip.sequence + 1, text)
        if start is not None and self.head.sequence <= start.sequence:
            return None  # an old note: what it speaks of was pruned
        text = f"record {self.head.sequence} is not the one that the gate wrote"
        return Damage("tail", "", 0, self.head.sequence, text)

    def torn(self, line: LogLine) -> Damage:
        return self._damage("torn", line, "the line breaks off")

    def verdict(self, damage: Damage | None) -> Verdict:
        tip = self.tip
        return Verdict(
            records=self.records,
            lines=self.lines,
            segments=self.segments,
            first=self.first,
            last=0 if tip is None else tip.sequence,
            chain="" if tip is None else tip.chain.hex(),
            head=None if self.head is None else self.is_head_met,
            damage=damage,
        )

    def _enter(self, line: LogLine, claimed: Tip) -> Damage | None:
        """Begin a segment: its first line must say what came before, and that must be so."""
        self.segments += 1
        members = _members(line, _SEGMENT)
        before = _before(members)
        if before is None:
            return self._damage("segment", line, "the segment does not begin with its own record")
        if self.tip is None:
            self.tip = self.beginning = before
            self.first = claimed.sequence
            return None
        if before == self.tip:
            return None
        if before.sequence != self.tip.sequence:
            return self._out_of_order(line, claimed.sequence)
        return self._damage("segment", line, "the segment continues another log")

    def _out_of_order(self, line: LogLine, found: int) -> Damage:
        expected = self._expected()
        if found > expected:
            text = f"records {expected} to {found - 1} are missing here"
            return self._damage("missing", line, text)
        return self._damage("repeated", line, f"record {found} stands here again")

    def _note(self, tip: Tip) -> None:
        if self.head is not None and tip.sequence == self.head.sequence:
            self.is_head_met = tip.chain == self.head.chain

    def _listen(self, line: LogLine) -> Damage | None:
        """Hear what the log says about itself."""
        members = _members(line, b'"kind":"event","event":"audit.')
        if members is None:
            return None
        if members["event"] == "audit.tail_missing":
            reached = members["details"]["reached"]
            text = f"the log had reached record {reached} before; its tail was cut off"
            return self._damage("tail", line, text)
        if members["event"] == "audit.pruned" and self.beginning is not None:
            self.is_beginning_known |= any(
                item["through"] == self.beginning.sequence
                and item["chain"] == self.beginning.chain.hex()
                for item in members["details"]["segments"]
            )
        return None

    def _expected(self) -> int:
        return 1 if self.tip is None else self.tip.sequence + 1

    def _damage(self, kind: DamageKind, line: LogLine, text: str) -> Damage:
        return Damage(kind, line.segment, line.number, self._expected(), text)


def verify(source: AuditSource, progress: Callable[[int], None] | None = None) -> Verdict:
    """Walk the chain to its end or to the first damage.

    progress: called now and then with the number of bytes walked since the last time.

    Raises:
        OSError: the log cannot be read.
    """
    live = source.is_live()
    walk = _Walk(source.head())
    unreported = 0
    for count, line in enumerate(_all_lines(source), 1):
        if not line.complete:
            if live or source.is_live():  # being written at this moment
                break
            return walk.verdict(walk.torn(line))
        damage = walk.take(line)
        if damage is not None:
            return walk.verdict(damage)
        unreported += len(line.data) + 1
        if progress is not None and count % _PROGRESS_LINES == 0:
            progress(unreported)
            unreported = 0
    if progress is not None:
        progress(unreported)
    return walk.verdict(walk.end())


def _all_lines(source: AuditSource) -> Iterator[LogLine]:
    """Yield every line, of segments too that begin meanwhile."""
    seen: set[str] = set()
    while True:
        fresh = [name for name in source.segments() if name not in seen]
        if not fresh:
            return
        for name in fresh:
            seen.add(name)
            yield from source.lines(name)


def _members(line: LogLine, mark: bytes) -> dict[str, JSON] | None:
    if mark not in line.data[:_MARK_BYTES]:
        return None
    try:
        members: dict[str, JSON] = orjson.loads(line.data)
    except ValueError:
        return None
    return members


def _before(members: dict[str, JSON] | None) -> Tip | None:
    try:
        if members is not None:
            return Tip(members["previous_sequence"], bytes.fromhex(members["previous_chain"]))
    except (KeyError, ValueError, TypeError):
        pass
    return None
