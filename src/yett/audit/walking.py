"""Walk the chain of a log: fast where all is well, line by line where something is not. Pure.

`check_segment` judges one segment by itself, a few instructions per line, so segments can be judged in
several processes at once. Whatever it does not find whole, `Walk` goes through again and says what is wrong.
"""

from binascii import hexlify
from hashlib import sha256
from typing import Final, Literal, final

import msgspec
import orjson

from yett.audit.chain import FORMAT, FORMATS, LEAF, MARK, SEAL_BYTES, is_sealed, unseal
from yett.audit.port import AuditSource, LogLine, Tip
from yett.core.target import JSON

DamageKind = Literal[
    "altered", "missing", "repeated", "unreadable", "torn", "segment", "beginning", "tail", "checkpoint"
]  # fmt: skip
_END: Final = b'"}'
_MARK_BYTES: Final = 120
"""`kind` and `event` stand within the first bytes of a line, before anything a caller can choose."""
_OUTCOME: Final = b'"kind":"outcome"'
_SEGMENT: Final = b'"kind":"segment"'
_OWN_EVENT: Final = b'"kind":"event","event":"audit.'
_TAIL_MISSING: Final = b'"event":"audit.tail_missing"'
_KIND: Final = b'"kind":"'
_U, _V = b"uv"  # the second letters of `outcome` and `event`, which no other kind has


@final
class Anchor(msgspec.Struct, frozen=True):
    """What a checkpoint says that the log was once. place: where it is kept, in words. root: 32 bytes."""

    place: str
    size: int
    root: bytes


@final
class Damage(msgspec.Struct, frozen=True):
    """line: from 1, within the segment. sequence: the one that should stand there."""

    kind: DamageKind
    segment: str
    line: int
    sequence: int
    text: str


@final
class Pruned(msgspec.Struct, frozen=True):
    """What was deleted: when, by whom or what, how many segments, up to which sequence."""

    at: str
    by: str
    segments: int
    through: int


@final
class Checked(msgspec.Struct, frozen=True):
    """A segment that is whole in itself. before: what it says came before. events: its lines in which the
    log speaks of itself, with their numbers. head: whether the noted tip is in it: None if it lies elsewhere.
    leaves: its leaf hashes, joined; empty if nobody asked. bytes: read."""

    before: Tip
    tip: Tip
    lines: int
    records: int
    events: tuple[tuple[int, bytes], ...]
    head: bool | None
    leaves: bytes
    bytes: int


def check_segment(
    source: AuditSource, segment: str, head: Tip | None, *, with_leaves: bool
) -> Checked | None:
    """Judge one segment of the format of today; None: it is not whole, or not of that format.

    Raises:
        OSError: it cannot be read.
    """
    check = _Check(0 if head is None else head.sequence)
    for block in source.blocks(segment):
        lines = block.split(b"\n")
        if lines.pop():
            return None
        if not check.is_begun:
            before = _before(_members(lines[0], _SEGMENT), FORMAT) if lines else None
            if before is None:
                return None
            check.begin(before)
            check.records -= 1  # the segment's own line is none
        if not check.take(lines, with_leaves=with_leaves):
            return None
        check.bytes += len(block)
    return check.result(head)


@final
class _Check:
    def __init__(self, noted: int) -> None:
        self.is_begun = False
        self.records = self.bytes = self._lines = 0
        self._noted = noted
        self._noted_chain: bytes | None = None
        self._events: list[tuple[int, bytes]] = []
        self._leaves: list[bytes] = []

    def begin(self, before: Tip) -> None:
        self.is_begun = True
        self._before = self._tip = before

    def take(self, lines: list[bytes], *, with_leaves: bool) -> bool:
        """Take lines that follow; return whether they do."""
        sequence, chain = self._tip.sequence, self._tip.chain
        outcomes = 0
        leaves = []
        for line in lines:
            sequence += 1
            chain = sha256(LEAF + chain + line[:-SEAL_BYTES]).digest()
            if line[-SEAL_BYTES:] != MARK + hexlify(chain) + _END or not line.startswith(
                b'{"sequence":%d,' % sequence
            ):
                return False
            leaves.append(chain)
            letter = line[line.find(_KIND) + 9]
            if letter == _U:
                outcomes += 1
            elif letter == _V and _OWN_EVENT in line[:_MARK_BYTES]:
                if _TAIL_MISSING in line[:_MARK_BYTES]:
                    return False
                self._events.append((self._lines + len(leaves), line))
        first = self._tip.sequence + 1
        if first <= self._noted <= sequence:
            self._noted_chain = leaves[self._noted - first]
        if with_leaves:
            self._leaves.append(b"".join(leaves))
        self.records += len(lines) - outcomes
        self._lines += len(lines)
        self._tip = Tip(sequence, chain)
        return True

    def result(self, head: Tip | None) -> Checked | None:
        if not self.is_begun:
            return None
        met = None
        if head is not None and self._noted_chain is not None:
            met = self._noted_chain == head.chain
        return Checked(
            self._before,
            self._tip,
            self._lines,
            self.records,
            tuple(self._events),
            met,
            b"".join(self._leaves),
            self.bytes,
        )


@final
class Walk:
    """Where the walk stands. beginning: what the first segment says came before it. leaves: those of what
    was walked since they were taken last. pruned: what the log says that it let go of."""

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
        self.leaves: list[bytes] = []
        self.pruned: list[Pruned] = []
        self._format = FORMAT

    def accept(self, segment: str, checked: Checked) -> bool:
        """Go over a segment that is whole, if it follows; return whether it does."""
        if self.tip is not None and checked.before != self.tip:
            return False
        if self.tip is None:
            self.beginning = checked.before
            self.first = checked.before.sequence + 1
        self.segments += 1
        self.tip = checked.tip
        self.lines += checked.lines
        self.records += checked.records
        if checked.head is not None:
            self.is_head_met = checked.head
        self.leaves.append(checked.leaves)
        for number, line in checked.events:
            self._listen(LogLine(segment, number, line))
        return True

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
        if not is_sealed(previous.chain, text, claimed.chain, self._format):
            return self._damage("altered", line, "the record, or one before it, was changed")
        self.tip = claimed
        self.lines += 1
        mark = line.data[:_MARK_BYTES]
        self.records += _OUTCOME not in mark and _SEGMENT not in mark
        self.leaves.append(claimed.chain)
        if self.head is not None and claimed.sequence == self.head.sequence:
            self.is_head_met = claimed.chain == self.head.chain
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

    def take_leaves(self) -> bytes:
        """Return the leaf hashes since the last time, joined, and forget them."""
        leaves = b"".join(self.leaves)
        self.leaves.clear()
        return leaves

    def _enter(self, line: LogLine, claimed: Tip) -> Damage | None:
        """Begin a segment: its first line must say what came before, and that must be so."""
        self.segments += 1
        members = _members(line.data, _SEGMENT)
        before = _before(members)
        if members is None or before is None:
            return self._damage("segment", line, "the segment does not begin with its own record")
        self._format = members.get("format", FORMAT)
        if self._format not in FORMATS:
            text = f"the segment has format {self._format}, which this version does not know"
            return self._damage("segment", line, text)
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

    def _listen(self, line: LogLine) -> Damage | None:
        """Hear what the log says about itself."""
        members = _members(line.data, _OWN_EVENT)
        if members is None:
            return None
        if members["event"] == "audit.tail_missing":
            reached = members["details"]["reached"]
            text = f"the log had reached record {reached} before; its tail was cut off"
            return self._damage("tail", line, text)
        if members["event"] == "audit.pruned" and self.beginning is not None:
            gone = members["details"]["segments"]
            self.is_beginning_known |= any(
                item["through"] == self.beginning.sequence
                and item["chain"] == self.beginning.chain.hex()
                for item in gone
            )
            by = str(members["details"].get("by", "retention"))
            self.pruned.append(Pruned(members["at"], by, len(gone), gone[-1]["through"]))
        return None

    def _expected(self) -> int:
        return 1 if self.tip is None else self.tip.sequence + 1

    def _damage(self, kind: DamageKind, line: LogLine, text: str) -> Damage:
        return Damage(kind, line.segment, line.number, self._expected(), text)


def _members(line: bytes, mark: bytes) -> dict[str, JSON] | None:
    if mark not in line[:_MARK_BYTES]:
        return None
    try:
        members: dict[str, JSON] = orjson.loads(line)
    except ValueError:
        return None
    return members


def _before(members: dict[str, JSON] | None, format_: int | None = None) -> Tip | None:
    """Return what a segment's first line says came before. format_: the one it must have."""
    try:
        if members is not None and (format_ is None or members["format"] == format_):
            return Tip(members["previous_sequence"], bytes.fromhex(members["previous_chain"]))
    except (KeyError, ValueError, TypeError):
        pass
    return None
