"""The log in files: segments of JSON lines, one chain through all of them, one writer.

`append` costs one system call. What was written reaches the disk within a tenth of a second, and
at once when somebody waits for it.
"""

import contextlib
import errno
import logging
import math
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, final

import yett
from yett.audit.backends.author import Author
from yett.audit.backends.committer import SYNC_SECONDS_MAX, Committer
from yett.audit.backends.directory import (
    DirectorySource,
    End,
    find_end,
    format_of,
    read_head,
    segment_name,
    write_head,
)
from yett.audit.backends.leaves import LeavesMissing, keep
from yett.audit.backends.lock import Lock
from yett.audit.backends.pruning import plan
from yett.audit.backends.segment import End as SegmentEnd
from yett.audit.backends.segment import Segment
from yett.audit.chain import DIGEST_BYTES, FORMAT
from yett.audit.port import Figures, PruneRule, Tip, Unwritable
from yett.core.clock import Clock
from yett.core.target import JSON
from yett.storage.files import sync_directory

_LOOK_SECONDS: Final = 0.01
"""How old the knowledge may be that the file is still where it was; by the wall clock, which each line is given. If
that is set back, the knowledge is old."""
_CLOSED: Final = "the audit log is closed"
_log: Final = logging.getLogger("yett.audit")


@final
class FileLog:
    """Opens, or continues, the log in `directory`, which is made with mode 0700."""

    def __init__(self, directory: Path, *, clock: Clock, node: str, segment_bytes: int) -> None:
        """Take the lock, find the end of the chain, say in the chain what was found.

        Raises:
            LogBusy: another process writes the log.
            OSError: the directory cannot be used.
        """
        self._directory = directory
        self._wall = clock.wall
        self._monotonic = clock.monotonic
        self._author = Author(node=node)
        self._bytes_max = segment_bytes
        self._mutex = threading.Lock()
        self._committing = threading.Lock()
        self._retired: list[Segment] = []  # full, and not yet on the disk
        self._trouble: str | None = None  # of the last sync
        self._refusing = False  # and the log has said so
        self._closing = False
        self._looked_at = -math.inf  # whether all is well; what is known of that is soon too old
        self._syncing_since: float | None = None
        self._started_at = self._failures = self._syncs = 0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = Lock(directory / "lock")
        try:
            self._head = os.open(directory / "head", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            self._segment = self._open()
        except BaseException:
            self._lock.release()
            raise
        self._reached = self._noted = (
            self._segment.end
        )  # what is on the disk, and what `head` says of it
        self._committer = Committer(self._flush, self._note)
        self._committer.start()

    def append(self, at: float, members: str) -> int:
        return self.extend(at, (members,))

    def extend(self, at: float, lines: Sequence[str]) -> int:
        with self._mutex:
            if not self._looked_at <= at < self._looked_at + _LOOK_SECONDS:
                self._look()
                self._looked_at = at
            try:
                if not self._segment.extend(at, lines, self._bytes_max):
                    self._rotate().extend(at, lines)
            except OSError as error:
                raise self._refuse(_words(error)) from error
            self._refusing = False
            return self._segment.end[0] - len(lines) + 1

    async def sync(self) -> None:
        trouble = await self._committer.wait(self._segment.end[0])
        if trouble is not None:
            with self._mutex:
                raise self._refuse(trouble)

    def check(self) -> None:
        with self._mutex:
            self._look()
        if self._refusing:  # only a line that was written tells that there is room again
            self._tell("audit.resumed", {})

    def prune(self, before: float, rule: PruneRule | None = None) -> tuple[str, ...]:
        with self._mutex:
            newest = self._segment.path.name
        old = plan(self._directory, before, keep=newest, rule=rule)
        if not old:
            return ()
        self._keep_leaves([item.name for item in old])
        removed = [
            {"file": item.name, "through": item.tip.sequence, "chain": item.tip.chain.hex()}
            for item in old
        ]
        self._tell("audit.pruned", {"segments": removed, **(rule.told if rule else {})})
        trouble = self._flush()[1] or self._note()
        if trouble is not None:
            with self._mutex:
                raise self._refuse(trouble)
        for item in old:
            (self._directory / item.name).unlink(missing_ok=True)
        return tuple(item.name for item in old)

    def _keep_leaves(self, segments: list[str]) -> None:
        """Let stay what the proof needs of segments that go.

        Raises:
            Unwritable: it cannot be written, or a segment is damaged; it must not go then.
        """
        for name in segments:
            try:
                keep(self._directory, name)
            except (OSError, LeavesMissing) as error:
                raise Unwritable(f"`{name}` cannot go: {error}") from error

    def _tell(self, event: str, details: dict[str, JSON]) -> None:
        wall = self._wall
        self.append(wall(), self._author.event(event, details))

    def source(self) -> DirectorySource:
        return DirectorySource(self._directory)

    def figures(self) -> Figures:
        lines = self._segment.end[0] - self._started_at
        return Figures(lines, self._failures, self._syncs, not self._refusing)

    def close(self) -> None:
        if self._closing:
            return
        with contextlib.suppress(Unwritable):  # logged; what the log holds stays as it is
            self._tell("audit.closed", {})
        self._closing = True
        self._looked_at = -math.inf
        self._committer.end()
        for segment in (*self._retired, self._segment):
            segment.close()
        with contextlib.suppress(OSError):
            os.close(self._head)
        self._lock.release()

    # --- the end of the chain --------------------------------------------------------------------

    def _open(self) -> Segment:
        noted = read_head(self._directory / "head")
        end = find_end(self._directory)
        if end.segment is None or end.tip is None:
            # A random beginning, so that two logs never share a chain value.
            segment = self._create(Tip(0, secrets.token_bytes(DIGEST_BYTES)), None)
        else:
            segment = Segment.reopen(self._directory / end.segment, end.tip, end.size)
            if format_of(self._directory / end.segment) != FORMAT:
                segment.close()
                segment = self._create(end.tip, end.segment)
        self._started_at = segment.end[0]
        for members in self._findings(end, noted):
            segment.extend(self._wall(), (members,))
        segment.sync(segment.end)
        sync_directory(self._directory)
        os.pwrite(self._head, write_head(segment.tip), 0)
        return segment

    def _findings(self, end: End, noted: Tip | None) -> Iterator[str]:
        """Yield what was found at the start, to be said before anything else."""
        for torn in end.torn:
            yield self._author.event(
                "audit.torn", {"file": torn.file, "bytes": torn.bytes, "sha256": torn.sha256}
            )
        reached = 0 if end.tip is None else end.tip.sequence
        if noted is not None and noted.sequence > reached:
            text = "the audit log ends at %d but had reached %d: its tail was removed"
            _log.critical(text, reached, noted.sequence)
            yield self._author.event(
                "audit.tail_missing", {"reached": noted.sequence, "chain": noted.chain.hex()}
            )
        yield self._author.event(
            "audit.opened", {"version": yett.__version__, "process": os.getpid()}
        )

    def _rotate(self) -> Segment:
        old = self._segment
        fresh = self._create(old.tip, old.path.name)
        self._retired.append(old)  # first, for `_flush` looks at it last
        self._segment = fresh
        return fresh

    def _create(self, tip: Tip, previous: str | None) -> Segment:
        path = self._directory / segment_name(tip.sequence + 1)
        with contextlib.suppress(
            FileNotFoundError
        ):  # left by an attempt that failed, and was not acknowledged
            path.rename(path.with_name(f"torn-{tip.sequence + 1}-begun.bin"))
        segment = Segment.create(path, tip)
        try:
            segment.extend(self._wall(), (self._author.segment(tip, previous),))
            sync_directory(self._directory)
        except OSError:
            segment.close()
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            raise
        return segment

    # --- trouble ---------------------------------------------------------------------------------

    def _look(self) -> None:
        """See, with the mutex held, whether a line may be written.

        Raises:
            Unwritable: it may not.
        """
        if self._trouble is not None:
            self._committer.hurry()  # so that it is tried again soon
        trouble = (
            _CLOSED if self._closing else self._trouble or self._stall() or self._displacement()
        )
        if trouble is not None:
            raise self._refuse(trouble)

    def _stall(self) -> str | None:
        """Say so if the disk has not answered for long: what is written meanwhile may never get there."""
        began = self._syncing_since
        if began is not None and self._monotonic() - began > SYNC_SECONDS_MAX:
            return f"the disk did not answer in {SYNC_SECONDS_MAX:g} s"
        return None

    def _displacement(self) -> str | None:
        with contextlib.suppress(OSError):
            if self._segment.is_in_place() and self._lock.is_in_place():
                return None
        return f"the audit log in `{self._directory}` was moved, replaced or cut by somebody else"

    def _refuse(self, trouble: str) -> Unwritable:
        self._looked_at = -math.inf
        self._failures += 1
        if not self._refusing:
            self._refusing = True
            _log.critical("calls are refused because they cannot be recorded: %s", trouble)
        return Unwritable(trouble)

    # --- in the committer's thread -----------------------------------------------------------------

    def _flush(self) -> tuple[int, str | None]:
        """Bring all there is to the disk; return up to which line that was tried, and None or what is wrong.

        Nearly always that is one file without trouble. The mutex is not taken for it: the loop holds it while it writes,
        which is when this thread gets on.
        """
        with self._committing:
            segment = self._segment
            end = segment.end
            is_plain = not self._retired and self._trouble is None
            if is_plain and segment.synced == end:
                return end[0], None
            self._syncing_since = self._monotonic()
            try:
                if is_plain:
                    segment.sync(end)
                    self._reached = end
                else:
                    end = self._flush_all()
            except OSError as error:
                with self._mutex:
                    return end[0], self._fail(error)
            finally:
                self._syncing_since = None
            self._syncs += 1
            return end[0], None

    def _flush_all(self) -> SegmentEnd:
        """Sync oldest first, also what could not be synced before; return how far the log reaches on the disk.

        Raises:
            OSError: it may not reach so far.
        """
        with self._mutex:
            batch = [(item, item.end) for item in (*self._retired, self._segment)]
        for segment, end in batch:
            if self._trouble is None:
                segment.sync(end)
            else:
                segment.sync_again(end)
        done = [segment for segment, _ in batch[:-1]]
        with self._mutex:
            self._reached = batch[-1][1]
            self._write_head()
            self._trouble = None
            self._retired = [item for item in self._retired if item not in done]
        for segment in done:
            segment.close()  # what it held is on the disk
        return self._reached

    def _note(self) -> str | None:
        """Note how far the log reaches on the disk; say what is wrong if it is not where it was."""
        with self._mutex:
            try:
                self._write_head()
            except OSError as error:
                return self._fail(error)
            return self._displacement()

    def _write_head(self) -> None:
        reached = self._reached
        if reached != self._noted:
            os.pwrite(self._head, write_head(Tip(reached[0], reached[1])), 0)
            self._noted = reached

    def _fail(self, error: OSError) -> str:
        """With the mutex held: from here on every line is looked at first, and refused."""
        self._trouble = _words(error)
        self._looked_at = -math.inf
        return self._trouble


def _words(error: OSError) -> str:
    """Name an error without its path: `No space left on device (ENOSPC)`."""
    name = errno.errorcode.get(error.errno or 0)
    return f"{error.strerror} ({name})" if name else str(error)
