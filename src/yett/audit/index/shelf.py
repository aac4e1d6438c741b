"""Where the parts of the index lie: `index/` beside the segments, one file for each stretch.

Several processes may make the same part at once: each writes a file of its own and renames it.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, final

from yett.audit.index.building import Stretch, build
from yett.audit.index.part import Part, Read, Unusable
from yett.audit.port import AuditSource
from yett.audit.seeking import first_sequence

_FOLDER: Final = "index"
_SEALED_BYTES: Final = 96
"""How much of a line's end is read to see its chain value."""


@final
class Shelf:
    """on_build: is told of each stretch that is about to be indexed."""

    def __init__(
        self, source: AuditSource, log: Path, *, on_build: Callable[[Stretch], None] | None = None
    ) -> None:
        self._source = source
        self._folder = log / _FOLDER
        self._on_build = on_build

    @contextmanager
    def part(self, stretch: Stretch) -> Iterator[Part]:
        """Open the part of a stretch; make it if there is none that fits the log.

        Raises:
            OSError: the log cannot be read.
        """
        path = self._path(stretch)
        fd = -1
        try:
            with suppress(OSError):
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            yield self._known(fd, stretch) or self.make(stretch)
        finally:
            if fd >= 0:
                os.close(fd)

    def has(self, stretch: Stretch) -> bool:
        """Tell whether there is a part; not whether it is any good."""
        return self._path(stretch).exists()

    def make(self, stretch: Stretch) -> Part:
        """Make a part, whatever there is.

        Raises:
            OSError: the log cannot be read.
        """
        if self._on_build is not None:
            self._on_build(stretch)
        data = build(self._source, stretch)
        with suppress(OSError):  # of a copy that cannot be written to, it is made each time
            self._keep(self._path(stretch), data)
        return Part(lambda offset, size: data[offset : offset + size])

    def check(self, stretch: Stretch) -> bool:
        """Tell whether the part is, byte for byte, what would be made of the log now.

        Raises:
            OSError: the log cannot be read.
        """
        try:
            found = self._path(stretch).read_bytes()
        except FileNotFoundError:
            return True
        return found == build(self._source, stretch)

    def forget_gone(self) -> None:
        """Delete the parts of segments that are no more."""
        kept = {first_sequence(name) for name in self._source.segments()}
        with suppress(OSError):  # nothing is lost: they are asked for no more
            for path in self._folder.iterdir():
                if first_sequence(path.name) not in kept:
                    path.unlink()

    def _known(self, fd: int, stretch: Stretch) -> Part | None:
        if fd < 0:
            return None
        try:
            part = Part(_reader(fd))
        except (Unusable, OSError):
            return None
        summary = part.summary
        if summary.segment != stretch.segment or summary.begin < stretch.begin:
            return None
        start = max(summary.begin, summary.end - _SEALED_BYTES)
        sealed = self._source.read(stretch.segment, start, summary.end - start)
        return part if sealed.endswith(f'"{summary.chain}"}}\n'.encode()) else None

    def _keep(self, path: Path, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                file.write(data)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def _path(self, stretch: Stretch) -> Path:
        name = stretch.segment.partition(".")[0]
        return self._folder / f"{name}.{stretch.begin:012d}"


def _reader(fd: int) -> Read:
    return lambda offset, size: os.pread(fd, size, offset)
