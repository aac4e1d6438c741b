"""The ledger's journal as a file of this machine: each line is handed to the kernel before a call goes on.

So it survives the death of the process at any instant. One process writes, holding a lock; others
may read at any time. The file is made short at each start, and whenever it has grown.
"""

import errno
import fcntl
import os
from contextlib import suppress
from os import write
from pathlib import Path
from typing import Final, final

from yett.core.errors import ConfigurationError, Problem
from yett.limits.backends.book_ledger import BookLedger
from yett.limits.balances import Balances
from yett.limits.journal import DamagedJournal, compact_lines, line_of, replay
from yett.storage.files import sync_directory

COMPACT_BYTES: Final = 4 * 1024 * 1024
"""To read so much takes a fifth of a second, after a process that was killed."""
_PAUSE_BYTES: Final = 4_096
_PAUSE_BYTES_EACH: Final = 64
_JOURNAL: Final = "journal"
_LOCK: Final = "lock"
_NEW: Final = "journal.new"


@final
class JournalFile:
    """Implements `Journal`."""

    __slots__ = (
        "_balances", "_compact_at", "_compact_bytes", "_descriptor", "_directory", "_lock", "_pause_at", "_size",
        "_torn",
    )  # fmt: skip

    def __init__(self, directory: Path, lock: int, balances: Balances, compact_bytes: int) -> None:
        self._directory = directory
        self._balances = balances
        self._lock = lock
        self._compact_bytes = compact_bytes
        self._torn = False
        self._pause_at = -1
        self._descriptor, self._size = _write_compact(directory, balances)
        self._compact_at = max(compact_bytes, 2 * self._size)

    def append(self, lines: bytes) -> None:
        """One write for all, so that no instant of dying leaves half of two.

        Raises:
            OSError: the lines are not in the journal.
        """
        self._cut()
        written = write(self._descriptor, lines)
        if written != len(lines):
            self._torn = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written

    def compact(self, balances: Balances) -> None:
        self._compact_at = self._size + self._compact_bytes  # when to try again, if it fails
        descriptor, size = _write_compact(self._directory, balances)
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, size
        self._compact_at = max(self._compact_bytes, 2 * size)

    def tidy(self) -> None:
        if self._size <= self._pause_at:
            return
        if self._size > self._compact_at:
            with suppress(OSError):  # the long journal is as true as a short one; try again later
                self.compact(self._balances)
        ended = self._balances.ended()
        if ended:
            with suppress(OSError):  # they are told at another time, or count as spent
                self.append(line_of(["ended", ended]))
                self._balances.let_go(ended)
        # The more is under way, the longer it takes to find what has ended.
        several = _PAUSE_BYTES + _PAUSE_BYTES_EACH * len(self._balances.open)
        self._pause_at = min(self._size + several, self._compact_at)

    def _cut(self) -> None:
        """Take half a line away, if there is one.

        Raises:
            OSError: it is still there.
        """
        if self._torn:
            os.ftruncate(self._descriptor, self._size)
            self._torn = False

    def close(self) -> None:
        """Give the journal to whoever opens it next."""
        if self._descriptor >= 0:
            with suppress(OSError):  # a long journal is as true; the next start only takes longer
                self.compact(self._balances)
            os.close(self._descriptor)
            os.close(self._lock)
            self._descriptor = -1


def open_ledger(directory: Path, *, compact_bytes: int = COMPACT_BYTES) -> BookLedger:
    """Take over the ledger in `directory`, which is made if absent. What was under way when the process
    before died is unknown from now on.

    Raises:
        ConfigurationError: another process holds it, it is damaged, or it cannot be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(directory, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        balances = read_balances(directory)
        balances.doubt_all()
        return BookLedger(balances, JournalFile(directory, lock, balances, compact_bytes))
    except BlockingIOError as error:
        os.close(lock)
        raise _in_use(directory) from error
    except OSError as error:
        os.close(lock)
        raise _unusable(directory, error) from error
    except ConfigurationError:
        os.close(lock)
        raise


def read_balances(directory: Path) -> Balances:
    """Add up the journal without the lock; nothing spent when there is none.

    Raises:
        ConfigurationError: the journal is damaged.
        OSError: it cannot be read.
    """
    try:
        return replay((directory / _JOURNAL).read_bytes())
    except FileNotFoundError:
        return Balances()
    except DamagedJournal as error:
        raise ConfigurationError(
            [
                Problem(
                    f"the ledger `{directory / _JOURNAL}` is damaged at line {error.line}",
                    fix="Restore the file from a backup, or remove it, which starts every budget at zero",
                )
            ]
        ) from error


def _write_compact(directory: Path, balances: Balances) -> tuple[int, int]:
    """Put a short journal in the place of the long one, and return its descriptor and size.

    On any error the long one is still in place.
    """
    new = directory / _NEW
    descriptor = os.open(
        new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600
    )
    try:
        content = memoryview(b"".join(compact_lines(balances)))
        size = len(content)
        while content:
            written = os.write(descriptor, content)
            content = content[written:]
        os.fsync(descriptor)
        new.replace(directory / _JOURNAL)
    except OSError:
        os.close(descriptor)
        with suppress(OSError):
            new.unlink()
        raise
    # Past the rename the new file is the journal, so a failure here must not look like one above.
    with suppress(OSError):
        sync_directory(directory)
    return descriptor, size


def _in_use(directory: Path) -> ConfigurationError:
    return ConfigurationError(
        [
            Problem(
                f"the ledger `{directory}` is in use by another process",
                fix="Stop the other gate, or start this one with another --data",
            )
        ]
    )


def _unusable(directory: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        [
            Problem(
                f"the ledger `{directory}` cannot be used: {error.strerror}",
                fix="Make room on the disk, and the directory writable for the user who runs the gate",
            )
        ]
    )
