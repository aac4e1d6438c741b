"""Money in a file of this machine: each reservation is handed to the kernel before the call goes on.

So it survives the death of the process at any instant. One process writes, holding a lock; others
may read at any time. Balances are held in memory; the file is made short again at each start, and
whenever it has grown.
"""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Self, final

from yett.core.errors import ConfigurationError, Fault, Problem
from yett.core.reasons import Reason
from yett.limits.balances import Balances, end_of
from yett.limits.journal import DamagedJournal, compact_lines, line_of, replay
from yett.limits.port import Period, Reservation
from yett.storage.files import sync_directory

COMPACT_BYTES: Final = 8 * 1024 * 1024
LINES_KEPT: Final = 4_096
_JOURNAL: Final = "journal"
_LOCK: Final = "lock"
_NEW: Final = "journal.new"


@final
class JournalLedger:
    __slots__ = (
        "_balances", "_compact_at", "_compact_bytes", "_descriptor", "_directory", "_lines",
        "_lock", "_number", "_open", "_size", "_torn",
    )  # fmt: skip

    def __init__(self, directory: Path, lock: int, balances: Balances, compact_bytes: int) -> None:
        self._directory = directory
        self._lock = lock
        self._balances = balances
        self._compact_bytes = compact_bytes
        self._number = 0
        self._open: set[int] = set()
        self._lines: dict[tuple[str, int, int], bytes] = {}
        self._torn = False
        self._descriptor, self._size = _write_compact(directory, balances)
        self._compact_at = max(compact_bytes, 2 * self._size)

    @classmethod
    def open(cls, directory: Path, *, compact_bytes: int = COMPACT_BYTES) -> Self:
        """Take over the ledger in `directory`, which is made if absent.

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
            return cls(directory, lock, read_balances(directory), compact_bytes)
        except BlockingIOError as error:
            os.close(lock)
            raise _in_use(directory) from error
        except OSError as error:
            os.close(lock)
            raise _unusable(directory, error) from error
        except ConfigurationError:
            os.close(lock)
            raise

    def reserve(
        self, account: str, micros: int, *, limit_micros: int | None, period: Period, at: float
    ) -> Reservation | None:
        if micros <= 0:
            raise ValueError("only a positive amount can be reserved")
        balances = self._balances
        before = balances.newest_day
        day = balances.charge_within(account, micros, limit_micros, period, at)
        if day is None:
            return None
        line = self._lines.get((account, micros, day))
        if line is None:
            line = self._line(account, micros, day)
        try:
            self._append(line)
        except OSError as error:
            balances.refund(account, micros, day)
            balances.newest_day = before
            raise Fault(
                Reason.INTERNAL_ERROR, f"the ledger cannot be written: {error.strerror}"
            ) from error
        self._number = number = self._number + 1
        self._open.add(number)
        if self._size > self._compact_at:
            self._compact()
        return Reservation(number, account, micros, day)

    def settle(self, reservation: Reservation) -> None:
        # Nothing to write: a reservation counts as spent from the start.
        self._open.discard(reservation.number)

    def release(self, reservation: Reservation) -> None:
        if reservation.number not in self._open:
            return
        self._open.remove(reservation.number)
        account, micros, day = reservation.account, reservation.micros, reservation.day
        try:
            self._append(line_of(["-", day, micros, account]))
        except OSError:
            return  # spent, then: what is not written down has not happened
        self._balances.refund(account, micros, day)

    def spent(self, account: str, period: Period, at: float) -> int:
        return self._balances.spent_at(account, period, at)

    def resets_at(self, period: Period, at: float) -> float | None:
        return end_of(period, self._balances.today(at))

    def rewind(self, at: float) -> None:
        """Take the clock for right: let the day of `at` be the newest (see `Balances.rewind`).

        Raises:
            OSError: it cannot be written; what the journal says stays as it was.
        """
        self._balances.rewind(at)
        descriptor, self._size = _write_compact(self._directory, self._balances)
        os.close(self._descriptor)
        self._descriptor = descriptor

    def close(self) -> None:
        """Give the ledger to whoever opens it next. Writes nothing: it is all written."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            os.close(self._lock)
            self._descriptor = -1

    def _append(self, line: bytes) -> None:
        """One write per entry, so that no instant of dying leaves half of two.

        Raises:
            OSError: the line is not in the journal.
        """
        if self._torn:
            os.ftruncate(self._descriptor, self._size)
            self._torn = False
        written = os.write(self._descriptor, line)
        if written != len(line):
            self._torn = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written

    def _line(self, account: str, micros: int, day: int) -> bytes:
        """Put a reservation into words; all of one account, price and day have the same."""
        if len(self._lines) >= LINES_KEPT:
            self._lines.clear()
        line = self._lines[account, micros, day] = line_of(["+", day, micros, account])
        return line

    def _compact(self) -> None:
        try:
            descriptor, size = _write_compact(self._directory, self._balances)
        except OSError:  # the long journal is as true as a short one; try again later
            self._compact_at = self._size + self._compact_bytes
            return
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, size
        self._compact_at = max(self._compact_bytes, 2 * size)


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
            content = content[os.write(descriptor, content) :]
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
