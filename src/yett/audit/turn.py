"""The lines of one turn of the event loop, written as one.

Calls that come together reach the same point in the same turn. Their lines are put together one after the other and
handed to the kernel at once, which costs a third of doing so in the midst of each call: what is needed for it is fetched
into the processor's caches once. While few requests are under way, a line is written at once: a turn of the loop costs more.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, final

from yett.audit.port import AuditLog, Unwritable
from yett.core.clock import Clock

Words = Callable[[float, float], str]
"""Puts a line into words when it is written, as `AuditLog.append` takes it: by the wall clock, and the monotonic one."""
Line = asyncio.Future[int]
"""A line that is to be written: its sequence, or why there is none: `Unwritable`, or what its words raised."""

FEW: Final = 3
"""While no more requests are under way, hardly two lines come in one turn."""


@final
class Turn:
    """requests: how many are under way; whoever begins one counts it."""

    __slots__ = ("_lines", "_log", "_loop", "_monotonic", "_wall", "requests")

    def __init__(self, log: AuditLog, clock: Clock) -> None:
        self._log = log
        self._wall = clock.wall
        self._monotonic = clock.monotonic
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lines: list[tuple[Line, Words]] = []
        self.requests = 0

    def put(self, words: Words) -> Line:
        """Let a line be written when the loop has turned; while few requests are under way, at once. If nobody waits
        for it then, it is not."""
        loop = asyncio.get_running_loop()
        line = loop.create_future()
        if self.requests <= FEW:
            wall, monotonic = self._wall, self._monotonic
            self._write_each(((line, words),), wall(), monotonic())
            return line
        if not self._lines or loop is not self._loop:
            self._loop, self._lines = loop, []  # nobody waits for what an ended loop left behind
            loop.call_soon(self._write)
        self._lines.append((line, words))
        return line

    def _write(self) -> None:
        lines = [item for item in self._lines if not item[0].cancelled()]
        self._lines = []
        wall, monotonic = self._wall, self._monotonic
        at, now = wall(), monotonic()
        try:
            sequence = self._log.extend(at, [words(at, now) for _, words in lines])
        except Exception:  # noqa: BLE001 - because of one of them, and only that one shall bear it
            sequence = 0
        if not sequence:
            self._write_each(lines, at, now)
            return
        for line, _ in lines:
            line.set_result(sequence)
            sequence += 1

    def _write_each(self, lines: Iterable[tuple[Line, Words]], at: float, now: float) -> None:
        """Write one by one what could not be written as one: words failed, or there is not room for all."""
        for line, words in lines:
            try:
                line.set_result(self._log.append(at, words(at, now)))
            except Unwritable as trouble:
                # A new one: what is traced holds this frame, and so the lines with all their inputs.
                line.set_exception(Unwritable(str(trouble)))
            except StopIteration:
                line.set_exception(RuntimeError("no words"))  # a future takes no `StopIteration`
            except Exception as trouble:  # noqa: BLE001 - raised where it is waited for
                line.set_exception(trouble)


def sequence_of(line: Line) -> int:
    """Return the sequence of a line that is written; 0: it is not."""
    if not line.done() or line.cancelled() or line.exception() is not None:
        return 0
    return line.result()
