"""What passes besides one request to a process: notices to its caller, questions to its caller, and the
answers to them back to the process."""

from collections.abc import Callable
from typing import final

from yett.core.target import JSON
from yett.upstreams.inquiries import Inquiries
from yett.upstreams.notices import Notices, notices_of
from yett.upstreams.port import Beside


@final
class Hearing:
    """write: sends one line to the process. inquiries: what the process asks."""

    def __init__(self, beside: Beside, write: Callable[[bytes], object]) -> None:
        self.beside = beside
        self.inquiries = Inquiries(beside.ask, beside.wishes, self._bring)
        self._write = write
        self._notices: Notices | None = None

    def begin(self, identifier: int) -> None:
        """The request has been numbered; what is said before is not about it."""
        self._notices = notices_of(self.beside, identifier)

    def close(self) -> None:
        """The request is over."""
        self._notices = None
        self.inquiries.close()

    def take_notice(self, message: dict[str, JSON], size: int) -> None:
        if self._notices is not None:
            self._notices.take(message, size)

    def take_notices(self, lines: list[bytes], start: int) -> int:
        """See `Notices.take_together`."""
        return 0 if self._notices is None else self._notices.take_together(lines, start)

    async def _bring(self, reply: bytes) -> None:
        self._write(reply)
