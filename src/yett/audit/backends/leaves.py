"""The leaf hashes of a log, wherever they stand: in its lines, or in what stays of a segment that went.

`segment-N.leaves` holds 32 bytes for each line of `segment-N.jsonl`, in order.
"""

import itertools
import re
from pathlib import Path
from typing import Final, final

import msgspec

from yett.audit.backends.directory import first_sequence, leaves_name, segment_names
from yett.audit.proof.tree import HASH_BYTES
from yett.storage.files import write_whole

_CHAINS: Final = re.compile(rb',"chain":"([0-9a-f]{64})"\}\n')
_SUFFIX: Final = ".leaves"


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
    """Reads leaf hashes of the log in `directory` as it stands now. Holds one segment's at a time."""

    def __init__(self, directory: Path) -> None:
        """Look which files there are.

        Raises:
            OSError: the directory cannot be read.
        """
        pieces = {
            first_sequence(path.name): _Piece(first_sequence(path.name) - 1, path, is_kept=True)
            for path in directory.glob(f"segment-*{_SUFFIX}")
        }
        for name in segment_names(directory):
            pieces[first_sequence(name)] = _Piece(
                first_sequence(name) - 1, directory / name, is_kept=False
            )
        self._pieces = [piece for _, piece in sorted(pieces.items())]
        self._loaded: tuple[_Piece | None, bytes] = (None, b"")

    def __call__(self, low: int, high: int) -> bytes:
        """Return the leaf hashes from index `low` up to and without `high`, joined.

        Raises:
            OSError: a file cannot be read.
            LeavesMissing: some of them are not there.
        """
        found, at = [], low
        while at < high:
            piece = self._piece_of(at)
            leaves = self._load(piece)
            here = leaves[(at - piece.first) * HASH_BYTES : (high - piece.first) * HASH_BYTES]
            if not here:
                raise LeavesMissing(f"the leaf hash of record {at + 1} is missing")
            found.append(here)
            at += len(here) // HASH_BYTES
        return b"".join(found)

    def _piece_of(self, index: int) -> _Piece:
        before = [*itertools.takewhile(lambda piece: piece.first <= index, self._pieces)]
        if not before:
            raise LeavesMissing(f"the leaf hash of record {index + 1} is missing")
        return before[-1]

    def _load(self, piece: _Piece) -> bytes:
        known, leaves = self._loaded
        if known is not piece or not piece.is_kept:
            content = piece.path.read_bytes()
            leaves = content if piece.is_kept else leaves_in(content)
            self._loaded = (piece, leaves)
        return leaves
