"""What a destination has not got yet, in portions: read from the log itself, which is the queue.

A place is kept on the disk for each destination, and moves only after its portion was taken. Who dies between
the two sends a portion again: at least once, never less.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, final

import msgspec
import orjson

from yett.audit.port import AuditSource, LogLine
from yett.storage.files import write_whole

LINES_MAX: Final = 500
BYTES_MAX: Final = 1024 * 1024
"""Of a portion. A single line that is longer is a portion of its own."""


@final
class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Before the next line to send. segment: its file; empty: the beginning of the log. offset: bytes
    into it. sequence: of the last line that was taken; 0: none."""

    segment: str = ""
    offset: int = 0
    sequence: int = 0


@final
class Portion(msgspec.Struct, frozen=True):
    """Lines in their order, each with the place behind it. begin: the place before the first. lost: the sequences (first, last) of lines that were deleted
    before they could be sent."""

    lines: tuple[LogLine, ...]
    places: tuple[Place, ...]
    begin: Place
    lost: tuple[int, int] | None = None


def next_portion(source: AuditSource, place: Place) -> Portion:
    """Return what follows the place; no lines: there is nothing yet.

    Raises:
        OSError: the log cannot be read.
    """
    lines: list[LogLine] = []
    places: list[Place] = []
    size = 0
    for line, behind in islice(_following(source, place), LINES_MAX):
        size += len(line.data)
        if lines and size > BYTES_MAX:
            break
        lines.append(line)
        places.append(behind)
    lost = None
    if lines and place.segment and places[0].sequence > place.sequence + 1:
        lost = (place.sequence + 1, places[0].sequence - 1)
    return Portion(tuple(lines), tuple(places), place, lost)


def _following(source: AuditSource, place: Place) -> Iterator[tuple[LogLine, Place]]:
    for name in source.segments():
        if (len(name), name) < (len(place.segment), place.segment):
            continue
        offset = place.offset if name == place.segment else 0
        for line in source.lines(name, skip_bytes=offset):
            if not line.complete:
                break  # still being written
            offset += len(line.data) + 1
            yield line, Place(name, offset, _sequence(line))


def _sequence(line: LogLine) -> int:
    """0 for what is no line of ours: it is sent all the same, for who verifies shall see it."""
    try:
        return int(orjson.loads(line.data)["sequence"])
    except (ValueError, KeyError, TypeError):
        return 0


def read_place(path: Path) -> Place:
    """Return the place that was noted; the beginning where none can be read: sent twice is better than not at all.

    Raises:
        OSError: there is a note, and it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Place)
    except (FileNotFoundError, msgspec.DecodeError):
        return Place()


def write_place(path: Path, place: Place) -> None:
    """Note how far a destination got, durably.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, msgspec.json.encode(place), mode=0o600)
