"""Files that are written whole or not at all: whoever reads one finds the old content or the new."""

import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes, *, mode: int) -> None:
    """Put the content in the place of what is there, durable when this returns; a symlink stays one.

    Raises:
        OSError: it cannot be written; the file is as it was.
    """
    target = path.resolve()
    draft = _draft(target, content, mode)
    try:
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(target.parent)


def create_private(path: Path, content: bytes) -> None:
    """Make a file that its owner alone may read, durable when this returns, unless one is there.

    Of several processes that do so at once, the first one wins.

    Raises:
        OSError: it cannot be made.
    """
    draft = _draft(path, content, 0o600)
    try:
        os.link(draft, path)  # a rename would replace what another process has made since
    except FileExistsError:
        return
    finally:
        draft.unlink()
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a loss of power.

    Raises:
        OSError: that cannot be promised.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _draft(path: Path, content: bytes, mode: int) -> Path:
    """Write the content, durably, beside where it belongs."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(draft, flags, mode), "wb") as file:
        try:
            os.fchmod(file.fileno(), mode)  # whatever the umask takes away
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            draft.unlink()
            raise
    return draft
