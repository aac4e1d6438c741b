"""Secrets from files that something else puts there: Docker, Kubernetes, systemd, an agent."""

import asyncio
import os
import stat
from collections.abc import Hashable
from pathlib import Path
from typing import final

from yett.core.bounds import SECRET_BYTES_MAX
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.credentials.port import Leased


@final
class FileSource:
    """`name` is an absolute path. One line end at the end of the file does not belong to the value."""

    def __init__(self) -> None:
        self._read: set[str] = set()

    async def fetch(self, name: str, *, server: str) -> Leased:
        value, version = await asyncio.to_thread(read_secret_file, Path(name))
        self._read.add(name)
        return Leased(value, version, (server,))

    def mark(self) -> Hashable:
        return tuple(_state(path) for path in sorted(self._read))


def read_secret_file(path: Path) -> tuple[Secret, int]:
    """Return the value, and what changes when it does.

    Raises:
        Fault: it cannot be read, or others can read it.
    """
    if not path.is_absolute():
        raise _fault(path, "is not an absolute path")
    try:
        content, state = _read_open(path)
    except (OSError, ValueError) as error:
        raise _fault(path, f"cannot be read ({type(error).__name__})") from None
    if not stat.S_ISREG(state.st_mode):
        raise _fault(path, "is not a file")
    if state.st_mode & stat.S_IRWXO:
        raise _fault(path, "may be read by everybody; run `chmod o-rwx` on it")
    if len(content) > SECRET_BYTES_MAX:
        raise _fault(path, "is too large for a secret")
    value = content.removesuffix(b"\n").removesuffix(b"\r")
    if not value:
        raise _fault(path, "is empty")
    return Secret(value), state.st_mtime_ns


def _read_open(path: Path) -> tuple[bytes, os.stat_result]:
    """Return content and state of the same open file; the content only if it is a plain file."""
    # Not blocking: opening a named pipe would wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            return b"", state
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(SECRET_BYTES_MAX + 1), state
    finally:
        os.close(descriptor)


def _state(path: str) -> tuple[int, ...]:
    try:
        state = Path(path).stat()
    except OSError:
        return ()
    return (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_mode)


def _fault(path: Path, why: str) -> Fault:
    return Fault(Reason.INTERNAL_ERROR, f"the secret's file {path} {why}")
