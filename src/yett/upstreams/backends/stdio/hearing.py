"""What passes besides one request to a process: notices to its caller, questions to its caller, and the
answers to them back to the process."""

import asyncio
from collections.abc import Callable
from typing import final

from yett.core.bounds import INPUTS_MAX
from yett.core.target import JSON
from yett.upstreams.notices import Notices
from yett.upstreams.port import Ask, Beside
from yett.upstreams.rpc import encode_reply, question_of
from yett.upstreams.wishes import offered


@final
class Hearing:
    """write: sends one line to the process. asking_since: loop time; None: nothing is asked."""

    def __init__(self, beside: Beside, write: Callable[[bytes], object]) -> None:
        self._beside = beside
        self._write = write
        self._capabilities = {} if beside.ask is None else offered(beside.wishes)
        self._notices: Notices | None = None
        self._asking: dict[int | str, asyncio.Task[None]] = {}
        self._closed = False
        self.asking_since: float | None = None

    @property
    def beside(self) -> Beside:
        return self._beside

    def begin(self, identifier: int) -> None:
        """The request has been numbered; what is said before is not about it."""
        beside = self._beside
        if beside.hear is not None:
            token = identifier if beside.progress else None
            self._notices = Notices(beside.hear, token=token, log_level=beside.wishes.log_level)

    def close(self) -> None:
        """The request is over, and with it all that was asked for its sake."""
        self._closed = True
        self._notices = None
        for task in list(self._asking.values()):
            task.cancel()

    def take_notice(self, message: dict[str, JSON], size: int) -> None:
        if self._notices is not None:
            self._notices.take(message, size)

    def take_question(self, message: dict[str, JSON]) -> bool:
        """Ask the caller; False: this is nothing that it may be asked, or too much at once."""
        ask, question = self._beside.ask, question_of(message, self._capabilities)
        if self._closed or ask is None or question is None or len(self._asking) >= INPUTS_MAX:
            return False
        identifier, method, params = question
        if identifier in self._asking:
            return False
        loop = asyncio.get_running_loop()
        if self.asking_since is None:
            self.asking_since = loop.time()
        task = loop.create_task(self._answer(ask, identifier, method, params))
        self._asking[identifier] = task
        task.add_done_callback(lambda done: self._finish(identifier, done))
        return True

    def withdraw(self, params: JSON) -> None:
        """The process no longer wants to know."""
        identifier = params.get("requestId") if isinstance(params, dict) else None
        if isinstance(identifier, int | str) and identifier in self._asking:
            self._asking[identifier].cancel()

    async def _answer(
        self, ask: Ask, identifier: int | str, method: str, params: dict[str, JSON]
    ) -> None:
        exchange = await ask(method, params)
        self._write(encode_reply(identifier, exchange))

    def _finish(self, identifier: int | str, task: "asyncio.Task[None]") -> None:
        if self._asking.get(identifier) is task:
            del self._asking[identifier]
        if not self._asking:
            self.asking_since = None
        if not task.cancelled():
            task.exception()  # whatever it is, the request itself ends with it, or in time
