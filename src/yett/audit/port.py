"""What an audit log must do. tests/contracts/test_audit_log.py runs against each."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, final

import msgspec

from yett.core.target import JSON


class Unwritable(Exception):
    """The log cannot take a record, or cannot promise to keep it. No record, no call."""


class LogBusy(Exception):
    """Another process writes this log. The message names it."""


@final
class Tip(msgspec.Struct, frozen=True):
    """The end of a chain: the last line's sequence and its chain value (32 bytes)."""

    sequence: int
    chain: bytes


@final
class LogLine(msgspec.Struct, frozen=True):
    """One line as it is stored. number: from 1, within the segment. data: without the newline.
    complete: there was a newline; only the last line of a segment can lack it."""

    segment: str
    number: int
    data: bytes
    complete: bool = True


@final
class Figures(msgspec.Struct, frozen=True):
    """What the log did since it was opened. failures: attempts to write lines, or to bring them to the disk."""

    lines: int
    failures: int
    syncs: int
    writable: bool


@final
class Aged(msgspec.Struct, frozen=True):
    """A segment that could go. begun: when, as its first line says (ISO 8601). ended: when its successor began,
    in seconds since 1970."""

    name: str
    begun: str
    ended: float


@final
class PruneRule(msgspec.Struct, frozen=True):
    """must_stay: asked of each segment that is old enough. told: by whom and why, for the chain."""

    must_stay: Callable[[Aged], bool]
    told: dict[str, JSON]


class AuditSource(Protocol):
    """The reading side. Needs no lock and may be used while a gate writes."""

    def segments(self) -> list[str]:
        """Return the names of all segments, oldest first.

        Raises:
            OSError: the directory cannot be read.
        """
        ...

    def size(self, segment: str) -> int:
        """Return bytes; 0 if it is gone.

        Raises:
            OSError: it is packed, and cannot be read.
        """
        ...

    def lines(self, segment: str, *, skip_bytes: int = 0) -> Iterator[LogLine]:
        """Yield the lines of one segment as they stand now; `skip_bytes` leaves out that much
        at the beginning (numbers then count from there; the first line may be a fragment).

        Raises:
            OSError: it cannot be read.
        """
        ...

    def read(self, segment: str, offset: int, size: int) -> bytes:
        """Return at most `size` bytes of one segment from `offset`; fewer where it ends.

        Raises:
            OSError: it cannot be read.
        """
        ...

    def blocks(self, segment: str) -> Iterator[bytes]:
        """Yield one segment as it stands now, in pieces of whole lines, newlines included; only the last
        piece can end without one.

        Raises:
            OSError: it cannot be read.
        """
        ...

    def kept_leaves(self) -> Iterator[tuple[int, bytes]]:
        """Yield what stayed of segments that are gone, oldest first: the sequence of the first line, and
        the 32-byte leaf hashes of all of them, joined.

        Raises:
            OSError: it cannot be read.
        """
        ...

    def head(self) -> Tip | None:
        """Return the newest tip that was noted beside the log; None if there is no such note.

        Raises:
            OSError: it cannot be read.
        """
        ...

    def is_live(self) -> bool:
        """Tell whether a process holds the log open for writing.

        Raises:
            OSError: that cannot be found out.
        """
        ...


class AuditLog(Protocol):
    """The writing side: one process, any of its threads."""

    def append(self, at: float, members: str) -> int:
        """Hand one line to the kernel and return its sequence.

        at: when, in seconds since 1970. members: the rest of a JSON object, `"kind":"…",…`, without
        braces; sequence, time and chain are put around it. The line survives the death of the process.

        Raises:
            Unwritable: it was not written; nothing of it is left in the log.
        """
        ...

    def extend(self, at: float, lines: Sequence[str]) -> int:
        """As `append`, of several lines in their order, all or none; return the sequence of the first.

        Raises:
            Unwritable: none was written; nothing of them is left in the log.
        """
        ...

    async def sync(self) -> None:
        """Return when everything appended so far survives a power cut. Callers share the work.

        Raises:
            Unwritable: that cannot be promised.
        """
        ...

    def check(self) -> None:
        """Look whether a line could be written now.

        Raises:
            Unwritable: it could not.
        """
        ...

    def prune(self, before: float, rule: "PruneRule | None" = None) -> tuple[str, ...]:
        """Delete the segments whose every line is older than `before` (seconds since 1970), the oldest
        first and up to the first that must stay, after saying so in the chain; return their names. The
        segment in use stays.

        Raises:
            Unwritable: the line about it could not be written; nothing was deleted.
        """
        ...

    def source(self) -> AuditSource:
        """Return the reading side of this log.

        Raises:
            nothing.
        """
        ...

    def figures(self) -> Figures:
        """Return counters.

        Raises:
            nothing.
        """
        ...

    def close(self) -> None:
        """Sync and let go. Later appends raise `Unwritable`.

        Raises:
            nothing.
        """
        ...
