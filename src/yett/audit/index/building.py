"""Makes the index of one stretch out of its lines. Pure: lines in, bytes out, the same each time."""

from array import array
from typing import Final, final

import msgspec

from yett.audit.index.part import ELSEWHERE, NOWHERE, Contents, Piece, Summary, pack
from yett.audit.port import AuditSource
from yett.audit.reading import Entry, ended, merge, unpack
from yett.audit.seeking import line_of
from yett.audit.words import Register

_CHAIN_BYTES: Final = 64
_NOTHING: Final = Piece(0, 0, 0)


@final
class Stretch(msgspec.Struct, frozen=True):
    """The lines of a segment that begin from byte `begin` on and before byte `end`."""

    segment: str
    begin: int
    end: int


@final
class Found(msgspec.Struct):
    """A record: where its last line and its intent stand, from the beginning of the stretch. is_dangling:
    the last line is the intent."""

    line: int
    intent: int
    entry: Entry
    is_dangling: bool = False


@final
class Lines:
    """The lines of a stretch, as records. A record stands where its last line stands; a call without an
    outcome stands where its intent does."""

    def __init__(self, source: AuditSource, stretch: Stretch | None) -> None:
        """Read them. None: there are none.

        Raises:
            OSError: the segment cannot be read.
        """
        self._source = source
        self._open: dict[int, tuple[int, Entry]] = {}
        self.found: list[Found] = []
        self.closed: list[int] = []
        self.first = self.last = 0
        self.chain = ""
        self.begin = self.end = 0
        for offset, data in [] if stretch is None else _lines(source, stretch):
            if self.end == 0:
                self.begin = offset
            self.end = offset + len(data) + 1
            self._take(offset - self.begin, data)
        for line, intent in self._open.values():
            self.found.append(Found(line, NOWHERE, merge(intent, {}), is_dangling=True))
        self.found.sort(key=lambda item: item.line)

    def _take(self, offset: int, data: bytes) -> None:
        self.chain = data[-_CHAIN_BYTES - 2 : -2].decode("ascii", "replace")
        members = unpack(data)
        if members is None:
            return
        kind, sequence = members["kind"], members["sequence"]
        self.first, self.last = self.first or sequence, sequence
        if kind == "intent":
            self._open[sequence] = (offset, members)
        elif kind == "outcome":
            self._close(offset, members)
        else:
            self.found.append(Found(offset, NOWHERE, ended(members)))

    def _close(self, offset: int, outcome: Entry) -> None:
        opened = self._open.pop(outcome["intent"], None)
        if opened is not None:
            self.found.append(Found(offset, opened[0], merge(opened[1], outcome)))
            return
        self.closed.append(outcome["intent"])
        intent = unpack(line_of(self._source, outcome["intent"])) or {}
        self.found.append(Found(offset, ELSEWHERE, merge(intent, outcome)))


def build(source: AuditSource, stretch: Stretch) -> bytes:
    """Return the part of a stretch whose lines are all there.

    Raises:
        OSError: the segment cannot be read.
    """
    lines = Lines(source, stretch)
    register = Register()
    for number, item in enumerate(lines.found):
        register.add(number, item.entry)
    times = [item.entry["at"] for item in lines.found]
    summary = Summary(
        segment=stretch.segment,
        begin=lines.begin,
        end=lines.end,
        chain=lines.chain,
        first=lines.first,
        last=lines.last,
        records=len(lines.found),
        earliest=min(times, default=""),
        latest=max(times, default=""),
        closed=lines.closed,
        dangling=[
            (number, item.entry["sequence"])
            for number, item in enumerate(lines.found)
            if item.is_dangling
        ],
        lines=_NOTHING,
        intents=_NOTHING,
        starts=_NOTHING,
    )
    places = array("I", [item.line for item in lines.found])
    intents = array("I", [item.intent for item in lines.found])
    return pack(summary, Contents(places, intents, register.terms()))


def _lines(source: AuditSource, stretch: Stretch) -> list[tuple[int, bytes]]:
    """Return the whole lines that begin in the stretch, each with its place in the segment."""
    found: list[tuple[int, bytes]] = []
    offset = max(
        0, stretch.begin - 1
    )  # the line that holds this byte belongs to the stretch before
    for line in source.lines(stretch.segment, skip_bytes=offset):
        if not line.complete or offset >= stretch.end:
            break
        if stretch.begin == 0 or offset >= stretch.begin:
            found.append((offset, line.data))
        offset += len(line.data) + 1
    return found
