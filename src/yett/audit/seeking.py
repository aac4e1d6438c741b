"""Finding lines in a segment without reading it: by sequence, and by place. Pure over an `AuditSource`."""

import re
from bisect import bisect_right
from typing import Final

from yett.audit.port import AuditSource

_SEQUENCE: Final = re.compile(rb'\n\{"sequence":([1-9][0-9]{0,17}),')
_NAME: Final = re.compile(r"[0-9]+")
_LINE_BYTES: Final = 4 * 1024
"""Most lines are shorter; of longer ones the rest is read too."""
_WINDOW_BYTES: Final = 256 * 1024
"""More than a line has: a line's beginning is found in any window inside a segment."""


def first_sequence(segment: str) -> int:
    """Return with which line a segment begins; its name says so."""
    found = _NAME.search(segment)
    return int(found[0]) if found else 0


def line_at(source: AuditSource, segment: str, offset: int) -> bytes:
    """Return the line that begins at `offset`, without its newline; empty if no whole one does.

    Raises:
        OSError: it cannot be read.
    """
    size = _LINE_BYTES
    while True:
        block = source.read(segment, offset, size)
        end = block.find(b"\n")
        if end >= 0:
            return block[:end]
        if len(block) < size:
            return b""
        size *= 8


def line_of(source: AuditSource, sequence: int) -> bytes:
    """Return the line with this sequence; empty if the log does not hold it any more.

    Raises:
        OSError: the log cannot be read.
    """
    place = place_of(source, sequence)
    return b"" if place is None else line_at(source, *place)


def place_of(source: AuditSource, sequence: int) -> tuple[str, int] | None:
    """Return in which segment the line with this sequence stands, and where; None: in none.

    Raises:
        OSError: the log cannot be read.
    """
    names = source.segments()
    at = bisect_right([first_sequence(name) for name in names], sequence) - 1
    if at < 0:
        return None
    low, high = 0, source.size(names[at])
    while high - low > _WINDOW_BYTES:
        middle = (low + high) // 2
        block = source.read(names[at], middle, _WINDOW_BYTES)
        # Behind a line break: a caller may write the same inside a line.
        found = _SEQUENCE.search(block)
        if found is None or int(found[1]) > sequence:
            high = middle
        else:
            low = middle
    wanted = b'{"sequence":%d,' % sequence
    block = source.read(names[at], low, 2 * _WINDOW_BYTES)
    if low == 0 and block.startswith(wanted):
        return names[at], 0
    start = block.find(b"\n" + wanted)
    return None if start < 0 else (names[at], low + start + 1)


def end_of_lines(source: AuditSource, segment: str) -> int:
    """Return where the last whole line of a segment ends.

    Raises:
        OSError: it cannot be read.
    """
    size = source.size(segment)
    start = max(0, size - _WINDOW_BYTES)
    return start + source.read(segment, start, size - start).rfind(b"\n") + 1


def sequence_after(source: AuditSource, segment: str, offset: int) -> int:
    """Return the sequence of the first line that begins at `offset` or later; there is one, in this segment
    or in the next.

    Raises:
        OSError: the log cannot be read.
    """
    found = _SEQUENCE.search(source.read(segment, max(0, offset - 1), 2 * _WINDOW_BYTES))
    if found is not None:
        return int(found[1])
    later = (first_sequence(name) for name in source.segments())
    return next(number for number in later if number > first_sequence(segment))
