"""A log whose segments are compressed: `segment-….jsonl.gz`, as the archive keeps them.

Each file is a series of gzip members (RFC 1952) of some whole lines each, so `zcat` reads it. The extra field `YT` of a
member says how long it is, compressed and not, so one line is read without the rest.
"""

import io
import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final, final

import msgspec

from yett.audit.backends.directory import first_sequence
from yett.audit.port import LogLine, Tip

SUFFIX: Final = ".gz"
_NAME: Final = re.compile(r"segment-[0-9]{12,18}\.jsonl\.gz")
_LEAVES: Final = "segment-*.leaves"
_MEMBER_BYTES: Final = 256 * 1024
_MEMBER_BYTES_MAX: Final = 16 * 1024 * 1024
"""Nothing that was written here is longer; what claims to be is refused before it takes memory (CWE-409)."""
_LEVEL: Final = 6
_HEAD: Final = struct.Struct("<4sIBBH2sHII")
_BEGIN: Final = b"\x1f\x8b\x08\x04"
_MARK: Final = b"YT"
_EXTRA_BYTES: Final = 12
_TAIL: Final = struct.Struct("<II")
_UNIX: Final = 3


@final
class _Member(msgspec.Struct, frozen=True):
    """offset, size: in the file. begin: in the segment."""

    offset: int
    size: int
    begin: int
    length: int


def compress(blocks: Iterable[bytes], file: BinaryIO) -> tuple[str, int]:
    """Write a segment, given as blocks of whole lines; return SHA-256 and length of what it was.

    Raises:
        OSError: it cannot be written.
    """
    digest, size = sha256(), 0
    pending: list[bytes] = []
    waiting = 0
    for block in blocks:
        digest.update(block)
        size += len(block)
        for line in io.BytesIO(block):
            pending.append(line)
            waiting += len(line)
            if waiting >= _MEMBER_BYTES:
                file.write(_pack(b"".join(pending)))
                pending, waiting = [], 0
    if pending:
        file.write(_pack(b"".join(pending)))
    return digest.hexdigest(), size


def _pack(data: bytes) -> bytes:
    worker = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = worker.compress(data) + worker.flush()
    size = _HEAD.size + len(packed) + _TAIL.size
    head = _HEAD.pack(_BEGIN, 0, 0, _UNIX, _EXTRA_BYTES, _MARK, 8, size, len(data))
    return head + packed + _TAIL.pack(zlib.crc32(data), len(data))


@final
class CompressedSource:
    """The reading side of an archive. Its segments have the names that they had."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._tables: dict[str, list[_Member]] = {}
        self._opened: tuple[str, int, bytes] = ("", 0, b"")  # the member that was read last

    def segments(self) -> list[str]:
        try:
            names = [path.name for path in self._directory.iterdir()]
        except FileNotFoundError:
            return []
        found = [name.removesuffix(SUFFIX) for name in names if _NAME.fullmatch(name)]
        return sorted(found, key=first_sequence)

    def size(self, segment: str) -> int:
        try:
            table = self._table(segment)
        except FileNotFoundError:
            return 0
        return table[-1].begin + table[-1].length if table else 0

    def lines(self, segment: str, *, skip_bytes: int = 0) -> Iterator[LogLine]:
        number = 0
        for member in self._table(segment):
            if member.begin + member.length <= skip_bytes:
                continue
            data = self._member(segment, member)[max(0, skip_bytes - member.begin) :]
            for line in io.BytesIO(data):
                number += 1
                is_complete = line.endswith(b"\n")
                yield LogLine(segment, number, line[:-1] if is_complete else line, is_complete)

    def read(self, segment: str, offset: int, size: int) -> bytes:
        table = self._table(segment)
        at = bisect_right([member.begin for member in table], offset) - 1
        found: list[bytes] = []
        for member in table[max(0, at) :]:
            if member.begin >= offset + size:
                break
            start = max(0, offset - member.begin)
            found.append(self._member(segment, member)[start : offset + size - member.begin])
        return b"".join(found)

    def blocks(self, segment: str) -> Iterator[bytes]:
        for member in self._table(segment):
            yield self._member(segment, member)

    def kept_leaves(self) -> Iterator[tuple[int, bytes]]:
        held = {first_sequence(name) for name in self.segments()}
        for path in sorted(
            self._directory.glob(_LEAVES), key=lambda item: first_sequence(item.name)
        ):
            first = first_sequence(path.name)
            if first not in held:
                yield first, path.read_bytes()

    def head(self) -> Tip | None:
        return None

    def is_live(self) -> bool:
        return False

    def _table(self, segment: str) -> list[_Member]:
        """Return where the members are; walked once.

        Raises:
            OSError: the file cannot be read, or is no series of such members.
        """
        known = self._tables.get(segment)
        if known is None:
            path = self._directory / f"{segment}{SUFFIX}"
            with path.open("rb", buffering=0) as file:
                known = self._tables[segment] = list(_walk(file, path))
        return known

    def _member(self, segment: str, member: _Member) -> bytes:
        name, offset, data = self._opened
        if (name, offset) == (segment, member.offset):
            return data
        path = self._directory / f"{segment}{SUFFIX}"
        with path.open("rb", buffering=0) as file:
            file.seek(member.offset)
            packed = file.read(member.size)
        try:
            data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed, member.length + 1)
        except zlib.error as error:
            raise OSError(f"`{path}` is damaged at byte {member.offset}") from error
        if len(data) != member.length:
            raise OSError(f"`{path}` is damaged at byte {member.offset}")
        self._opened = (segment, member.offset, data)
        return data


def _walk(file: BinaryIO, path: Path) -> Iterator[_Member]:
    end = path.stat().st_size
    offset = begin = 0
    while offset < end:
        file.seek(offset)
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            raise OSError(f"`{path}` breaks off at byte {offset}")
        magic, _, _, _, _, mark, _, size, length = _HEAD.unpack(head)
        if magic != _BEGIN or mark != _MARK:
            raise OSError(f"`{path}` was not compressed by Yett. Unpack it with gunzip to read it")
        if not _HEAD.size < size <= end - offset or not 0 < length <= _MEMBER_BYTES_MAX:
            raise OSError(f"`{path}` is damaged at byte {offset}")
        yield _Member(offset, size, begin, length)
        offset += size
        begin += length
