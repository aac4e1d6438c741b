"""The file `yett.lock`: read strictly, written as a whole."""

import fcntl
import os
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

from yett.catalogue.lock import Lock, decode_lock, encode_lock
from yett.catalogue.pinning import check_lock
from yett.core.errors import ConfigurationError, Fault, Problem
from yett.core.reasons import Reason
from yett.storage.files import write_whole

_TURN_SECONDS_MAX: Final = 5.0
_ASK_AGAIN_SECONDS: Final = 0.05
_MODE: Final = 0o644  # it holds no secret and lies in Git


@final
class LockFile:
    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def stamp(self) -> Hashable:
        try:
            state = self._path.stat()
        except OSError:
            return None
        return (state.st_ino, state.st_mtime_ns, state.st_size)

    def read(self) -> Lock:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return Lock()
        except OSError as error:
            problem = Problem(
                f"the lock cannot be read: {error.strerror}",
                fix="Make it readable for the user who runs Yett",
                file=str(self._path),
            )
            raise ConfigurationError([problem]) from error
        return check_lock(decode_lock(content, str(self._path)), str(self._path))

    def update(self, change: Callable[[Lock], Lock]) -> Lock:
        try:
            with self._turn():
                lock = self.read()
                changed = change(lock)
                if changed != lock:
                    write_whole(self._path, encode_lock(changed), mode=_MODE)
                return changed
        except OSError as error:
            raise Fault(
                Reason.INTERNAL_ERROR, f"`{self._path}` cannot be written: {error.strerror}"
            ) from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Keep others out who change the file, too: by a lock on its directory, which leaves no trace."""
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for _ in range(int(_TURN_SECONDS_MAX / _ASK_AGAIN_SECONDS)):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(_ASK_AGAIN_SECONDS)
            else:
                raise Fault(Reason.INTERNAL_ERROR, f"`{self._path}` is being changed for too long")
            yield
        finally:
            os.close(descriptor)
