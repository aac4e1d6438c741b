"""Exactly one process writes a log: an flock on a file beside it. Readers only ask."""

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Final, final

from yett.audit.port import LogBusy

_ATTEMPTS: Final = 100
_PAUSE_SECONDS: Final = 0.01
"""A reader that asks holds the lock for microseconds, a command that records an event for some
milliseconds; a gate that starts meanwhile tries again."""
_PID_BYTES_MAX: Final = 32


@final
class Lock:
    """Held from construction to `release`, and by nobody after the process died."""

    def __init__(self, path: Path) -> None:
        """Take it.

        Raises:
            LogBusy: another process holds it.
            OSError: the file cannot be made.
        """
        self._path = path
        self._fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        for attempt in range(_ATTEMPTS):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == _ATTEMPTS - 1:
                    holder = (
                        os.pread(self._fd, _PID_BYTES_MAX, 0).decode("ascii", "replace").strip()
                    )
                    os.close(self._fd)
                    raise LogBusy(
                        f"process {holder or 'unknown'} writes the audit log in `{path.parent}`"
                    ) from None
                time.sleep(_PAUSE_SECONDS)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)

    def is_in_place(self) -> bool:
        """Tell whether the path still leads to the file that is locked.

        Raises:
            OSError: the path leads nowhere.
        """
        return os.path.samestat(os.fstat(self._fd), self._path.stat())

    def release(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._fd)


def is_held(path: Path) -> bool:
    """Tell whether a process holds the lock.

    Raises:
        OSError: the file is there and cannot be opened.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
