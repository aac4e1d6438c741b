"""Writes a file whole or not at all: whoever reads it sees the old content or the new."""

import contextlib
import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: str, *, mode: int) -> None:
    """Write beside the file, make it durable, and put it in its place; a symlink stays one.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content.encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        raise
    sync_directory(target.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
