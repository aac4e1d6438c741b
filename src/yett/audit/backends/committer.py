"""Group commit: a thread that brings what was written to the disk, for all who wait at once.

It competes with the loop for the interpreter: each time that it comes back from the kernel, it waits until the loop lets
go of it. So it does nothing for those who wait but to sync; what else is to be done for them is done in their loop, once for
all of them. It is woken by a system call that itself lets go of the interpreter, and goes on by itself while somebody waits.
"""

import asyncio
import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, final

_GROUP_SECONDS: Final = 0.1
SYNC_SECONDS_MAX: Final = 5.0
_LOOK_SECONDS: Final = 0.25
_END_SECONDS_MAX: Final = 10.0
_CLOSED: Final = "the audit log is closed"
_log: Final = logging.getLogger("yett.audit")
_Answer = asyncio.Future[str | None]
_Loop = asyncio.AbstractEventLoop


@final
class _Waiters:
    """Of one loop. queue: in the order in which they came, for which line each waits, and since when."""

    __slots__ = ("is_watched", "queue")

    def __init__(self) -> None:
        self.queue: deque[tuple[int, float, _Answer]] = deque()
        self.is_watched = False


@final
class Committer:
    """flush: bring everything to the disk; return up to which line that was tried, and None or what is wrong. Called
    by the thread ten times a second, and at once when somebody waits. note: what is to be done when that went well, before
    anybody is told; return None or what is wrong. Called once for each sync, by the loop of those who wait or by the
    thread."""

    def __init__(
        self, flush: Callable[[], tuple[int, str | None]], note: Callable[[], str | None]
    ) -> None:
        self._flush = flush
        self._note = note
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._waiters: dict[_Loop, _Waiters] = {}
        self._wanted = 0
        self._is_rung = False  # the thread is about to look, and need not be told
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="yett-audit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hurry(self) -> None:
        """Let the thread go round now."""
        if not self._ending:
            os.eventfd_write(self._bell, 1)

    def wait(self, sequence: int) -> _Answer:
        """Tell when the lines up to this one, which are written, are on the disk: None, or what is wrong."""
        loop = asyncio.get_running_loop()
        answer: _Answer = loop.create_future()
        if self._ending:
            answer.set_result(_CLOSED)
            return answer
        waiters = self._waiters.get(loop)
        if waiters is None:
            waiters = self._waiters[loop] = _Waiters()
        waiters.queue.append((sequence, loop.time(), answer))
        if not waiters.is_watched:
            self._watch(loop, waiters)
        self._wanted = sequence
        self._ring()
        return answer

    def end(self) -> None:
        """Commit once more and stop. Those who still wait are told how that went."""
        self._ending = True
        os.eventfd_write(self._bell, 1)
        self._thread.join(_END_SECONDS_MAX)
        if not self._thread.is_alive():
            os.close(self._bell)

    def _ring(self) -> None:
        if not self._is_rung:
            self._is_rung = True
            self.hurry()

    def _watch(self, loop: _Loop, waiters: _Waiters) -> None:
        """Tell those who have waited for too long; look again while there are others."""
        queue, too_long = waiters.queue, loop.time() - SYNC_SECONDS_MAX
        while queue and queue[0][1] <= too_long:
            _give(queue.popleft()[2], f"the disk did not answer in {SYNC_SECONDS_MAX:g} s")
        waiters.is_watched = bool(queue)
        if queue:
            loop.call_later(_LOOK_SECONDS, self._watch, loop, waiters)

    def _settle(self, waiters: _Waiters, through: int, trouble: str | None) -> None:
        """In their loop, tell those who waited for no more than what was tried."""
        queue = waiters.queue
        if trouble is None and not self._ending and queue and queue[0][0] <= through:
            trouble = self._try_to_note()
        while queue and queue[0][0] <= through:
            _give(queue.popleft()[2], trouble)
        if queue:
            self._ring()

    def _try_to_note(self) -> str | None:
        try:
            return self._note()
        except Exception as bug:  # noqa: BLE001 - as in `_try`
            _log.exception("noting how far the audit log is on the disk")
            return f"{type(bug).__name__} after syncing"

    # --- in the thread -----------------------------------------------------------------------------

    def _work(self) -> None:
        with select.epoll() as bell:
            # Edge-triggered, so that nobody has to read what was rung.
            bell.register(self._bell, select.EPOLLIN | select.EPOLLET)
            while not self._ending:
                if not self._is_rung:
                    bell.poll(_GROUP_SECONDS)
                self._go_round()
        through, trouble = self._try()
        self._tell(through, trouble or self._try_to_note())

    def _go_round(self) -> None:
        through, trouble = self._try()
        # Whoever comes after this, and rings for nobody, is told of by `_settle`, which rings again.
        self._is_rung = trouble is None and self._wanted > through
        if not self._tell(through, trouble) and trouble is None:
            self._try_to_note()

    def _try(self) -> tuple[int, str | None]:
        """Flush; a mistake of ours is trouble like any other, and must not end the thread: nobody could
        ever be told again that a record is safe."""
        wanted = self._wanted
        try:
            return self._flush()
        except Exception as bug:  # noqa: BLE001 - whoever waits is told no
            _log.exception("bringing the audit log to the disk")
            return wanted, f"{type(bug).__name__} while syncing"

    def _tell(self, through: int, trouble: str | None) -> bool:
        """Let each loop tell those of it who waited; return whether there are any."""
        is_any = False
        for loop, waiters in tuple(self._waiters.items()):
            if not waiters.queue:
                continue
            try:
                loop.call_soon_threadsafe(self._settle, waiters, through, trouble)
                is_any = True
            except RuntimeError:  # the loop ended meanwhile, and with it whoever waited
                del self._waiters[loop]
        return is_any


def _give(answer: _Answer, trouble: str | None) -> None:
    if not answer.done():
        answer.set_result(trouble)
