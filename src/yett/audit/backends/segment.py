"""One file of the log, open for writing. Knows offsets and what is on the disk; not what lines say."""

import contextlib
import os
from binascii import hexlify
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, final

from yett.audit.chain import END, LEAF, MARK, is_sealed, seal, unseal
from yett.audit.port import Tip
from yett.audit.stamp import stamp

End = tuple[int, bytes, int]
"""Of a file: the last line's sequence and chain value, and the offset behind it. One value, so that no thread can see
half of a change."""
_PRIVATE: Final = 0o600


@final
class Segment:
    """Written at a known offset, never merely appended: what a failed write left behind the end is
    cut off before the next line, so the chain stays whole.

    end: of what is with the kernel. synced: of what is on the disk.
    """

    __slots__ = ("_torn", "end", "fd", "path", "synced")

    def __init__(self, fd: int, path: Path, tip: Tip, size: int) -> None:
        self.fd = fd
        self.path = path
        self._torn = False
        self.end: End = (tip.sequence, tip.chain, size)
        self.synced = self.end

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
        return Tip(self.end[0], self.end[1])

    @property
    def size(self) -> int:
        return self.end[2]

    def extend(self, at: float, lines: Sequence[str], bytes_max: int | None = None) -> bool:
        """Seal lines and hand them to the kernel, all or none. Return whether there was room: the file does not
        grow beyond `bytes_max`.

        Raises:
            OSError: they were not written.
        """
        if self._torn:
            self._mend()
        sequence, chain, size = self.end
        when = stamp(at)
        sealed: list[bytes] = []
        for members in lines:
            sequence += 1
            if not members.isascii() or "\x7f" in members or "\n" in members:
                line, chain = seal(sequence, chain, f'"at":"{when}",{members}')
                sealed.append(line)
            else:  # the same, without what a plain line does not need
                text = f'{{"sequence":{sequence!s},"at":"{when}",{members}'.encode()
                chain = sha256(LEAF + chain + text).digest()
                sealed += text, MARK, hexlify(chain), END
        block = b"".join(sealed)
        end = size + len(block)
        if bytes_max is not None and end > bytes_max:
            return False
        try:
            written = os.pwrite(self.fd, block, size)
            if written != len(block):
                self._write(block[written:], size + written)
        except OSError:
            self._tear()
            raise
        self.end = (sequence, chain, end)
        return True

    def _write(self, block: bytes, offset: int) -> None:
        while block:
            written = os.pwrite(self.fd, block, offset)
            if written == 0:
                raise OSError("the disk takes no more bytes")
            block, offset = block[written:], offset + written

    def _tear(self) -> None:
        """Cut off what a failed write left; if that fails, too, before the next line."""
        self._torn = True
        with contextlib.suppress(OSError):
            self._mend()

    def _mend(self) -> None:
        os.ftruncate(self.fd, self.end[2])
        self._torn = False

    def is_in_place(self) -> bool:
        """Tell whether the path still leads to this file and nothing of it was cut off.

        Raises:
            OSError: the path leads nowhere.
        """
        size = self.end[2]
        ours = os.fstat(self.fd)
        return (
            ours.st_nlink > 0 and ours.st_size >= size and os.path.samestat(ours, self.path.stat())
        )

    def sync(self, end: End) -> None:
        """Bring everything up to `end` to the disk.

        Raises:
            OSError: it may not be there. Only `sync_again` helps then.
        """
        os.fdatasync(self.fd)
        self.synced = end

    def sync_again(self, end: End) -> None:
        """Do what `sync` could not. The kernel reports a failed sync once and forgets which pages it
        did not write, so a second sync would succeed without writing them: write them again.

        Raises:
            OSError: not this time; or what is in the file is no longer what was written.
        """
        _, chain, begin = self.synced
        unsynced = os.pread(self.fd, end[2] - begin, begin)
        for line in unsynced.split(b"\n")[:-1]:
            opened = unseal(line)
            if opened is None or not is_sealed(chain, opened[0], opened[1].chain):
                raise OSError("lines that were written are gone from the file")
            chain = opened[1].chain
        if chain != end[1]:
            raise OSError("lines that were written are gone from the file")
        if os.pwrite(self.fd, unsynced, begin) != len(unsynced):
            raise OSError("the disk takes no more bytes")
        self.sync(end)

    def close(self) -> None:
        """Let go of the file. A disk that complains even now says nothing about what was synced."""
        with contextlib.suppress(OSError):
            os.close(self.fd)
