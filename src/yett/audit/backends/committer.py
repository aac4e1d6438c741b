"""Group commit: a thread that brings what was written to the disk, for all who wait at once."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Final, final

_GROUP_SECONDS: Final = 0.1
SYNC_SECONDS_MAX: Final = 5.0
_END_SECONDS_MAX: Final = 10.0
_log: Final = logging.getLogger("yett.audit")
_Waiters = list["asyncio.Future[str | None]"]


@final
class Committer:
    """commit: bring everything to the disk and return None, or say what is wrong; called by the
    thread ten times a second, and at once when somebody waits. It must not raise."""

    def __init__(self, commit: Callable[[], str | None]) -> None:
        self._commit = commit
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._waiters: _Waiters = []
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="yett-audit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hurry(self) -> None:
        """Let the thread go round now."""
        self._wake.set()

    async def wait(self) -> str | None:
        """Return after a commit that began after this call: None, or what is wrong."""
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        with self._mutex:
            if self._ending:
                return "the audit log is closed"
            self._waiters.append(future)
        self._wake.set()
        try:
            async with asyncio.timeout(SYNC_SECONDS_MAX):
                return await future
        except TimeoutError:
            return f"the disk did not answer in {SYNC_SECONDS_MAX:g} s"

    def end(self) -> None:
        """Commit once more and stop. Those who still wait are told how that went."""
        with self._mutex:
            self._ending = True
        self._wake.set()
        self._thread.join(_END_SECONDS_MAX)

    def _work(self) -> None:
        ending = False
        while not ending:
            self._wake.wait(_GROUP_SECONDS)
            self._wake.clear()
            with self._mutex:
                ending = self._ending
                waiters, self._waiters = self._waiters, []
            _release(waiters, self._try())

    def _try(self) -> str | None:
        """Commit; a mistake of ours is trouble like any other, and must not end the thread: nobody could
        ever be told again that a record is safe."""
        try:
            return self._commit()
        except Exception as bug:  # noqa: BLE001 - whoever waits is told no
            _log.exception("bringing the audit log to the disk")
            return f"{type(bug).__name__} while syncing"


def _release(waiters: _Waiters, trouble: str | None) -> None:
    """Wake those who waited, each loop once."""
    for loop in {future.get_loop() for future in waiters}:
        mine = [future for future in waiters if future.get_loop() is loop]
        try:
            loop.call_soon_threadsafe(_settle, mine, trouble)
        except RuntimeError:  # the loop ended meanwhile, and with it whoever waited
            continue


def _settle(waiters: _Waiters, trouble: str | None) -> None:
    for future in waiters:
        if not future.done():
            future.set_result(trouble)
