"""What goes on beside the calls of one transport: few tasks, ended together."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar, final

from yett.core.errors import Refusal
from yett.upstreams.rpc import InvalidAnswer

BACKGROUND_MAX: Final = 32
_END_SECONDS: Final = 1.0

_T = TypeVar("_T")


@final
class Background:
    __slots__ = ("_loop", "_tasks", "closed")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[Any]] = set()
        self.closed = False

    def start(self, work: Coroutine[Any, Any, _T]) -> "asyncio.Task[_T]":
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)
        return task

    def start_if_room(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start what may as well be left out, such as an answer that a server does not wait for."""
        if self.closed or len(self._tasks) >= BACKGROUND_MAX:
            work.close()
        else:
            self.start(work)

    async def close(self) -> None:
        """Let what is under way end soon, and start nothing more."""
        self.closed = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_END_SECONDS)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_END_SECONDS)

    def _finish(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        report_bug(task)


def report_bug(task: "asyncio.Task[Any]") -> None:
    """Look at how a task ended that nobody may wait for any more. That a server is away or breaks the
    protocol is noticed by who needs it; all else is a bug, and is logged."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, Refusal | InvalidAnswer):
        context = {"message": "bug beside the calls", "exception": error, "task": task}
        task.get_loop().call_exception_handler(context)
