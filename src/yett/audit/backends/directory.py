"""The directory of a log: which files it holds, where the chain ends, and what a crash left behind."""

import os
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final, final

import msgspec

from yett.audit.backends.lock import is_held
from yett.audit.chain import unseal
from yett.audit.port import LogLine, Tip

_SEGMENT: Final = re.compile(r"segment-[0-9]{12,18}\.jsonl")
_HEAD: Final = re.compile(rb"([0-9]{18}) ([0-9a-f]{64})\n")
_FORMAT: Final = re.compile(rb'"format":([0-9]{1,4}),')
_LEAVES: Final = "segment-*.leaves"
_WINDOW_BYTES: Final = 64 * 1024
_BUFFER_BYTES: Final = 64 * 1024
"""Small enough that what was read is still near when it is looked at: larger pieces are a tenth slower."""


def segment_name(first_sequence: int) -> str:
    return f"segment-{first_sequence:012d}.jsonl"


def leaves_name(segment: str) -> str:
    """Return the name of what stays of a segment when it goes."""
    return segment.replace(".jsonl", ".leaves")


def first_sequence(name: str) -> int:
    """Return the sequence that a segment, or what stays of it, begins with."""
    return int(name.partition(".")[0].removeprefix("segment-"))


def segment_names(directory: Path) -> list[str]:
    """Return the segments' names, oldest first; none if there is no directory.

    Raises:
        OSError: the directory cannot be read.
    """
    try:
        names = [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(filter(_SEGMENT.fullmatch, names), key=lambda name: (len(name), name))


@final
class Torn(msgspec.Struct, frozen=True):
    """What lay behind the last whole line, kept as evidence in `file`."""

    file: str
    bytes: int
    sha256: str


@final
class End(msgspec.Struct, frozen=True):
    """Where the chain goes on. segment: None if there is no segment to continue. size: of its whole
    lines. tip: None if nothing was ever written."""

    segment: str | None
    size: int
    tip: Tip | None
    torn: tuple[Torn, ...]


def format_of(path: Path) -> int:
    """Return the format that a segment says it has; 0 if it says none.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        found = _FORMAT.search(file.readline())
    return 0 if found is None else int(found[1])


def find_end(directory: Path) -> End:
    """Find the last whole line and move what lies behind it aside. Only the lock's holder may.

    Raises:
        OSError: a file cannot be read or moved.
    """
    torn: list[Torn] = []
    for name in reversed(segment_names(directory)):
        path = directory / name
        size, tip = _last_line(path)
        found = _set_aside(path, size, tip)
        torn += [found] if found is not None else []
        if tip is not None:
            return End(name, size, tip, tuple(torn))
        path.unlink()  # made by a rotation that did not live to write its first line
    return End(None, 0, None, tuple(torn))


def _last_line(path: Path) -> tuple[int, Tip | None]:
    """Return where the last line that has the right form ends, and its tip. Reads from the end."""
    size = path.stat().st_size
    window = min(_WINDOW_BYTES, size)
    with path.open("rb") as file:
        while True:
            file.seek(size - window)
            found = _last_in(file.read(window), whole=window == size)
            if found is not None:
                return size - window + found[0], found[1]
            if window == size:
                return 0, None
            window = min(window * 4, size)


def _last_in(block: bytes, *, whole: bool) -> tuple[int, Tip] | None:
    """whole: the block's beginning is a line's beginning."""
    end = block.rfind(b"\n")
    while end >= 0:
        start = block.rfind(b"\n", 0, end) + 1
        opened = unseal(block[start:end])
        if opened is not None and (start > 0 or whole):
            return end + 1, opened[1]
        end = start - 1
    return None


def _set_aside(path: Path, size: int, tip: Tip | None) -> Torn | None:
    with path.open("r+b") as file:
        file.seek(size)
        rest = file.read()
        if not rest:
            return None
        sequence = int(path.stem.removeprefix("segment-")) if tip is None else tip.sequence + 1
        digest = sha256(rest).hexdigest()
        aside = path.with_name(f"torn-{sequence}-{digest[:8]}.bin")
        aside.touch(mode=0o600)
        with aside.open("wb") as kept:
            kept.write(rest)
            kept.flush()
            os.fsync(kept.fileno())
        file.truncate(size)
        os.fsync(file.fileno())
    return Torn(aside.name, len(rest), digest)


def read_head(path: Path) -> Tip | None:
    """Return the tip that the writer noted last; None if there is no note.

    Raises:
        OSError: it cannot be read.
    """
    try:
        found = _HEAD.fullmatch(path.read_bytes())
    except FileNotFoundError:
        return None
    return None if found is None else Tip(int(found[1]), bytes.fromhex(found[2].decode()))


def write_head(tip: Tip) -> bytes:
    return b"%018d %b\n" % (tip.sequence, tip.chain.hex().encode())


@final
class DirectorySource:
    """The reading side: plain files, no lock, no state."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._name = str(directory)

    def segments(self) -> list[str]:
        return segment_names(self._directory)

    def size(self, segment: str) -> int:
        try:
            return (self._directory / segment).stat().st_size
        except OSError:
            return 0

    def lines(self, segment: str, *, skip_bytes: int = 0) -> Iterator[LogLine]:
        with (self._directory / segment).open("rb", buffering=_BUFFER_BYTES) as file:
            file.seek(skip_bytes)
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield LogLine(segment, number, line[:-1])
                else:
                    yield LogLine(segment, number, line, complete=False)

    def read(self, segment: str, offset: int, size: int) -> bytes:
        # A search reads thousands of single lines; a path of text costs a fifth of a Path.
        descriptor = os.open(f"{self._name}/{segment}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)

    def blocks(self, segment: str) -> Iterator[bytes]:
        rest = b""
        with (self._directory / segment).open("rb", buffering=0) as file:
            while part := file.read(_BUFFER_BYTES):
                block = rest + part
                end = block.rfind(b"\n") + 1
                rest = block[end:]
                if end:
                    yield block[:end]
        if rest:
            yield rest

    def kept_leaves(self) -> Iterator[tuple[int, bytes]]:
        held = {first_sequence(name) for name in self.segments()}
        names = sorted(map(first_sequence, (p.name for p in self._directory.glob(_LEAVES))))
        for first in names:
            if first not in held:
                path = self._directory / leaves_name(segment_name(first))
                yield first, path.read_bytes()

    def head(self) -> Tip | None:
        return read_head(self._directory / "head")

    def is_live(self) -> bool:
        return is_held(self._directory / "lock")
