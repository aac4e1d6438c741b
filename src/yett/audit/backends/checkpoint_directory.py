"""Checkpoints in a directory: a file for each day, one note behind the other, only ever added to."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

from yett.audit.proof.note import Checkpoint, checkpoints_in
from yett.audit.proof.port import Unkept
from yett.core.clock import Clock
from yett.storage.files import sync_directory

FILES: Final = "checkpoints-*.txt"


@final
class DirectoryPlace:
    """name: in words. The directory must be there: one that is made where a disk is not mounted would be
    on the wrong disk."""

    def __init__(self, directory: Path, name: str, clock: Clock) -> None:
        self._directory = directory
        self._name = name
        self._clock = clock

    @property
    def name(self) -> str:
        return self._name

    def put(self, checkpoint: Checkpoint) -> None:
        day = time.strftime("%Y-%m-%d", time.gmtime(self._clock.wall()))
        path = self._directory / FILES.replace("*", day)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        note = checkpoint.note.encode()
        try:
            descriptor = os.open(path, flags, 0o600)
            try:
                if not _is_whole(descriptor):
                    note = b"\n\n" + note  # a blank line ends what was cut off
                if os.write(descriptor, note) != len(note):
                    raise Unkept("it was written in part only")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            sync_directory(self._directory)
        except OSError as error:
            raise Unkept(error.strerror or str(error)) from error

    def all(self) -> Iterator[Checkpoint]:
        try:
            # Not `glob`, which finds nothing where nothing can be read.
            for path in sorted(self._directory.iterdir()):
                if path.match(FILES):
                    yield from checkpoints_in(path.read_text("utf-8", "replace"))
        except OSError as error:
            raise Unkept(error.strerror or str(error)) from error


def _is_whole(descriptor: int) -> bool:
    """Tell whether the last note of a file was written to its end."""
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
