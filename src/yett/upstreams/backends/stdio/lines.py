"""Bytes of a pipe into lines, bounded and linear; and the last words of a process. Pure."""

import re
from collections import deque
from typing import Final, final

from yett.core.bounds import ANSWER_BYTES_MAX

WORDS_LINES_MAX: Final = 100
WORDS_CHARS_MAX: Final = 500
# A process may write to standard error faster than anybody can read; the end of it is what matters.
_WORDS_BYTES_MAX: Final = 64 * 1024

# C0 and C1 controls and DEL: they would act on the operator's terminal (THREATS.md C07, CWE-150).
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


class LineTooLong(Exception):
    """A line is longer than an answer may be."""


@final
class LineReader:
    __slots__ = ("_buffer", "_bytes_max")

    def __init__(self, bytes_max: int = ANSWER_BYTES_MAX) -> None:
        self._buffer = bytearray()
        self._bytes_max = bytes_max

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that ended in this chunk, without their ends.

        Raises:
            LineTooLong: one is longer than the bound.
        """
        if not self._buffer and chunk.endswith(b"\n") and len(chunk) <= self._bytes_max:
            return chunk[:-1].split(b"\n")
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._keep(chunk)
            return []
        if self._buffer:
            lines = bytes(self._buffer + chunk[: end - 1]).split(b"\n")
            self._buffer.clear()
        else:
            lines = chunk[: end - 1].split(b"\n")
        if sum(map(len, lines)) > self._bytes_max and max(map(len, lines)) > self._bytes_max:
            raise LineTooLong
        self._keep(chunk[end:])
        return lines

    def _keep(self, rest: bytes) -> None:
        self._buffer += rest
        if len(self._buffer) > self._bytes_max:
            raise LineTooLong


@final
class LastWords:
    """The last lines that a process wrote to standard error, fit to be printed."""

    __slots__ = ("_lines", "_rest")

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=WORDS_LINES_MAX)
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *lines, rest = (self._rest + chunk[-_WORDS_BYTES_MAX:]).split(b"\n")
        self._rest = rest[-WORDS_CHARS_MAX:]
        for line in lines[-WORDS_LINES_MAX:]:
            self.add(line.decode("utf-8", "replace"))

    def add(self, text: str) -> None:
        """Note one line of our own, or of standard output where it does not belong."""
        shown = _CONTROLS.sub("", text[:WORDS_CHARS_MAX]).rstrip()
        if shown:
            self._lines.append(shown)

    def take(self) -> tuple[str, ...]:
        if self._rest:
            self.add(self._rest.decode("utf-8", "replace"))
            self._rest = b""
        return tuple(self._lines)
