"""The leaf hashes of a log, wherever they stand: in its lines, or in what stays of a segment that went.

`segment-N.leaves` holds 32 bytes for each line of `segment-N.jsonl`, in order.
"""

import bisect
import re
from pathlib import Path
from typing import Final, final

import msgspec

from yett.audit.backends.directory import first_sequence, leaves_name, segment_names
from yett.audit.proof.tree import HASH_BYTES
from yett.storage.files import write_whole

_CHAINS: Final = re.compile(rb',"chain":"([0-9a-f]{64})"\}\n')
_SUFFIX: Final = ".leaves"
_BLOCK_BYTES: Final = 256 * 1024
"""More than the longest line."""


class LeavesMissing(ValueError):
    """A part of the log is gone and left no leaf hashes. The message says which."""


def leaves_in(block: bytes) -> bytes:
    """Return the leaf hashes of whole lines, joined, as the lines claim them. No line holds what ends
    one, so nothing else is taken for a seal."""
    return bytes.fromhex(b"".join(_CHAINS.findall(block)).decode())


def keep(directory: Path, segment: str) -> Path:
    """Write down the leaf hashes of a segment that is complete, beside it, durably; return the file.

    Raises:
        OSError: it cannot be written, or the segment not be read.
        LeavesMissing: the segment is damaged, so they would not be those of what was written.
    """
    path = directory / segment
    block = path.read_bytes()
    leaves = leaves_in(block)
    if len(leaves) != HASH_BYTES * block.count(b"\n") or not block.endswith(b"\n"):
        raise LeavesMissing(f"`{segment}` is damaged: its leaf hashes cannot be kept")
    kept = path.with_name(leaves_name(segment))
    if not (kept.exists() and kept.read_bytes() == leaves):
        write_whole(kept, leaves, mode=0o600)
    return kept


@final
class _Piece(msgspec.Struct, frozen=True):
    """first: index of its first leaf. is_kept: the lines are gone."""

    first: int
    path: Path
    is_kept: bool


@final
class LeafReader:
    """Reads leaf hashes of the log in `directory`, which may grow meanwhile. Holds one segment's at a time,
    and goes on in it where it stopped."""

    def __init__(self, directory: Path) -> None:
        """Look which files there are.

        Raises:
            OSError: the directory cannot be read.
        """
        self._directory = directory
        self._pieces: list[_Piece] = []
        self._loaded: _Piece | None = None
        self._leaves = bytearray()
        self._offset = 0
        self.refresh()

    def __call__(self, low: int, high: int) -> bytes:
        """Return the leaf hashes from index `low` up to and without `high`, joined.

        Raises:
            OSError: a file cannot be read.
            LeavesMissing: some of them are not there.
        """
        found = bytearray()
        at = low
        while at < high:
            piece = self._piece_of(at)
            self._load(piece)
            begin, end = (index - piece.first for index in (at, high))
            here = self._leaves[begin * HASH_BYTES : end * HASH_BYTES]
            if not here:
                raise LeavesMissing(f"the leaf hash of record {at + 1} is missing")
            found += here
            at += len(here) // HASH_BYTES
        return bytes(found)

    def refresh(self) -> None:
        """Look again which files there are.

        Raises:
            OSError: the directory cannot be read.
        """
        kept = [path.name for path in self._directory.glob(f"segment-*{_SUFFIX}")]
        found = {}
        for name in (
            *kept,
            *segment_names(self._directory),
        ):  # the lines themselves, if both are there
            first = first_sequence(name) - 1
            found[first] = _Piece(first, self._directory / name, is_kept=name.endswith(_SUFFIX))
        self._pieces = [found[first] for first in sorted(found)]

    def _piece_of(self, index: int) -> _Piece:
        at = bisect.bisect_right(self._pieces, index, key=lambda piece: piece.first) - 1
        if at < 0:
            raise LeavesMissing(f"the leaf hash of record {index + 1} is missing")
        return self._pieces[at]

    def _load(self, piece: _Piece) -> None:
        """Read what is new of a piece, a little at a time: other threads have work to do."""
        if piece != self._loaded:
            self._loaded, self._offset = piece, 0
            self._leaves.clear()
        with piece.path.open("rb") as file:
            file.seek(self._offset)
            while block := file.read(_BLOCK_BYTES):
                if piece.is_kept:
                    self._leaves += block
                    self._offset += len(block)
                    continue
                end = block.rfind(b"\n") + 1
                if not end:
                    break
                self._leaves += leaves_in(block[:end])
                self._offset += end
                file.seek(self._offset)
