"""One file of the log, open for writing. Knows offsets and what is on the disk; not what lines say."""

import contextlib
import os
from binascii import hexlify
from hashlib import sha256
from os import pwrite
from pathlib import Path
from typing import Final, final

from yett.audit.chain import END, LEAF, MARK, is_sealed, tidy, unseal
from yett.audit.port import Tip

_PRIVATE: Final = 0o600


@final
class Segment:
    """Written at a known offset, never merely appended: what a failed write left behind the end is
    cut off before the next line, so the chain stays whole.

    sequence, chain, size: of what is with the kernel. synced_chain, synced_size: of what is on the
    disk.
    """

    __slots__ = (
        "_fd",
        "_torn",
        "chain",
        "path",
        "sequence",
        "size",
        "synced_chain",
        "synced_size",
    )

    def __init__(self, fd: int, path: Path, tip: Tip, size: int) -> None:
        self._fd = fd
        self._torn = False
        self.path = path
        self.sequence = tip.sequence
        self.chain = self.synced_chain = tip.chain
        self.size = self.synced_size = size

    @classmethod
    def create(cls, path: Path, tip: Tip) -> "Segment":
        """Make an empty file that continues the chain after `tip`.

        Raises:
            OSError: it cannot be made, or is there already.
        """
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        return cls(os.open(path, flags, _PRIVATE), path, tip, 0)

    @classmethod
    def reopen(cls, path: Path, tip: Tip, size: int) -> "Segment":
        """Open a file whose last whole line ends at `size` and is `tip`.

        Raises:
            OSError: it cannot be opened.
        """
        return cls(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW), path, tip, size)

    @property
    def tip(self) -> Tip:
        return Tip(self.sequence, self.chain)

    def append(self, members: str) -> int:
        """Seal a line (as `chain.seal` does, in fewer steps), hand it to the kernel whole or not at all, and
        return its sequence.

        Raises:
            OSError: it was not written.
        """
        if self._torn:
            self._mend()
        if not members.isascii() or "\x7f" in members or "\n" in members:
            members = tidy(members)
        sequence = self.sequence + 1
        text = f'{{"sequence":{sequence!s},{members}'.encode()
        chain = sha256(LEAF + self.chain + text).digest()
        line = text + MARK + hexlify(chain) + END
        size = self.size
        try:
            written = pwrite(self._fd, line, size)
            if written != len(line):
                self._write_rest(line, written)
        except OSError:
            self._torn = True
            self._mend()
            raise
        self.chain = chain
        self.sequence = sequence
        self.size = size + len(line)
        return sequence

    def _write_rest(self, line: bytes, written: int) -> None:
        while written < len(line):
            more = pwrite(self._fd, line[written:], self.size + written)
            if more == 0:
                raise OSError("the disk takes no more bytes")
            written += more

    def _mend(self) -> None:
        os.ftruncate(self._fd, self.size)
        self._torn = False

    def is_in_place(self) -> bool:
        """Tell whether the path still leads to this file and nothing of it was cut off.

        Raises:
            OSError: the path leads nowhere.
        """
        ours = os.fstat(self._fd)
        return (
            ours.st_nlink > 0
            and ours.st_size >= self.size
            and os.path.samestat(ours, self.path.stat())
        )

    def sync(self, tip: Tip, size: int) -> None:
        """Bring everything up to `size`, whose last line is `tip`, to the disk.

        Raises:
            OSError: it may not be there. Only `sync_again` helps then.
        """
        os.fdatasync(self._fd)
        self.synced_chain, self.synced_size = tip.chain, size

    def sync_again(self, tip: Tip, size: int) -> None:
        """Do what `sync` could not. The kernel reports a failed sync once and forgets which pages it
        did not write, so a second sync would succeed without writing them: write them again.

        Raises:
            OSError: not this time; or what is in the file is no longer what was written.
        """
        unsynced = os.pread(self._fd, size - self.synced_size, self.synced_size)
        chain = self.synced_chain
        for line in unsynced.split(b"\n")[:-1]:
            opened = unseal(line)
            if opened is None or not is_sealed(chain, opened[0], opened[1].chain):
                raise OSError("lines that were written are gone from the file")
            chain = opened[1].chain
        if chain != tip.chain:
            raise OSError("lines that were written are gone from the file")
        if os.pwrite(self._fd, unsynced, self.synced_size) != len(unsynced):
            raise OSError("the disk takes no more bytes")
        self.sync(tip, size)

    def close(self) -> None:
        """Let go of the file. A disk that complains even now says nothing about what was synced."""
        with contextlib.suppress(OSError):
            os.close(self._fd)
