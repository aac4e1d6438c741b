"""Lines in this process: for tests, and for attacks on oneself. Suspends where the real one does."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from typing import Final, final

from yett.audit.chain import seal
from yett.audit.port import Figures, LogLine, PruneRule, Tip, Unwritable
from yett.audit.stamp import stamp

_SEGMENT: Final = "memory"
_GENESIS: Final = Tip(0, bytes(32))


@final
class MemoryLog:
    """trouble: set it, and the log refuses every line with it, as a full disk would."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        self._lock = threading.Lock()
        self._lines: list[bytes] = []
        self._tip = _GENESIS
        self._failures = 0
        self._syncs = 0
        self.append(
            0.0,
            '"kind":"segment","format":2,"previous_sequence":0,'
            f'"previous_chain":"{_GENESIS.chain.hex()}"',
        )

    def append(self, at: float, members: str) -> int:
        return self.extend(at, (members,))

    def extend(self, at: float, lines: Sequence[str]) -> int:
        with self._lock:
            self.check()
            first = self._tip.sequence + 1
            for members in lines:
                sequence = self._tip.sequence + 1
                line, chain = seal(sequence, self._tip.chain, f'"at":"{stamp(at)}",{members}')
                self._tip = Tip(sequence, chain)
                self._lines.append(line[:-1])
            return first

    async def sync(self) -> None:
        await asyncio.sleep(0)
        self.check()
        self._syncs += 1

    def check(self) -> None:
        if self.trouble is not None:
            self._failures += 1
            raise Unwritable(self.trouble)

    def prune(self, before: float, rule: PruneRule | None = None) -> tuple[str, ...]:
        del before, rule  # its one segment is in use
        self.check()
        return ()

    def source(self) -> "MemorySource":
        return MemorySource(self._lines, self._tip)

    def figures(self) -> Figures:
        return Figures(len(self._lines), self._failures, self._syncs, self.trouble is None)

    def close(self) -> None:
        self.trouble = "the audit log is closed"


@final
class MemorySource:
    def __init__(self, lines: list[bytes], tip: Tip) -> None:
        self._lines = lines
        self._tip = tip

    def segments(self) -> list[str]:
        return [_SEGMENT]

    def size(self, segment: str) -> int:
        del segment
        return sum(len(line) + 1 for line in self._lines)

    def lines(self, segment: str, *, skip_bytes: int = 0) -> Iterator[LogLine]:
        for number, line in enumerate(self._whole()[skip_bytes:].splitlines(), 1):
            yield LogLine(segment, number, line)

    def read(self, segment: str, offset: int, size: int) -> bytes:
        del segment
        return self._whole()[offset : offset + size]

    def _whole(self) -> bytes:
        return b"".join(line + b"\n" for line in self._lines)

    def blocks(self, segment: str) -> Iterator[bytes]:
        del segment
        yield b"".join(line + b"\n" for line in self._lines)

    def kept_leaves(self) -> Iterator[tuple[int, bytes]]:
        return iter(())

    def head(self) -> Tip | None:
        return self._tip

    def is_live(self) -> bool:
        return True
