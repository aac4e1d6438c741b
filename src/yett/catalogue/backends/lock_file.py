"""The file `yett.lock`: read strictly, written as a whole."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final

from yett.catalogue.config import SIGNATURE_SUFFIX
from yett.catalogue.lock import Lock, LockNotSigned, decode_lock, encode_lock
from yett.catalogue.pinning import check_lock
from yett.core.errors import ConfigurationError, Fault, Problem
from yett.core.reasons import Reason
from yett.storage.files import write_whole

_TURN_SECONDS_MAX: Final = 5.0
_ASK_AGAIN_SECONDS: Final = 0.05
_MODE: Final = 0o644  # it holds no secret and lies in Git


@final
class LockFile:
    """signers: keys of which one must have signed it, in a file beside it; none: nobody has to.

    What was read or written last is kept: servers are pinned one after the other, and each reads it anew.
    """

    __slots__ = ("_known", "_path", "_signature", "_signers")

    def __init__(self, path: Path, signers: frozenset[bytes] = frozenset()) -> None:
        self._path = path
        self._signature = path.with_name(path.name + SIGNATURE_SUFFIX)
        self._signers = signers
        self._known: tuple[bytes, Lock] | None = None

    def stamp(self) -> Hashable:
        if not self._signers:
            return _stamp_of(self._path)
        return _stamp_of(self._path), _stamp_of(self._signature)

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
        lock = self._decoded(content)
        if self._signers and self._signer_of(content) not in self._signers:
            raise LockNotSigned(str(self._path), lock)
        return lock

    def _decoded(self, content: bytes) -> Lock:
        digest = hashlib.sha256(content).digest()
        if self._known is not None and self._known[0] == digest:
            return self._known[1]
        lock = check_lock(decode_lock(content, str(self._path)), str(self._path))
        self._known = digest, lock
        return lock

    def _signer_of(self, content: bytes) -> bytes | None:
        try:
            signature = self._signature.read_bytes()
        except OSError:
            return None
        from yett.catalogue.signing import signer_of  # noqa: PLC0415 - cryptography, if signed

        return signer_of(content, signature)

    def update(self, change: Callable[[Lock], Lock]) -> Lock:
        try:
            with self._turn():
                lock = self.read()
                changed = change(lock)
                if changed != lock:
                    content = encode_lock(changed)
                    write_whole(self._path, content, mode=_MODE)
                    self._known = hashlib.sha256(content).digest(), changed
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


def _stamp_of(path: Path) -> Hashable:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size
