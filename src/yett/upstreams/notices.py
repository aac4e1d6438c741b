"""Which of a server's notifications about one request its caller hears: those that it asked for. Pure.

Progress that names another request, goes backwards or comes without end is passed over, and so are
messages below the wanted level (MCP 2025-11-25, Progress and Logging).
"""

from typing import Final, final

from yett.core.bounds import NOTICE_BYTES_MAX, NOTICE_BYTES_PER_CALL_MAX, NOTICES_PER_CALL_MAX
from yett.core.talk import LOG_LEVELS, Hear, Notice
from yett.core.target import JSON
from yett.upstreams.port import Beside

PROGRESS: Final = "notifications/progress"
MESSAGE: Final = "notifications/message"

_SEVERITY: Final = {level: severity for severity, level in enumerate(LOG_LEVELS)}
_BEFORE_ALL: Final = float("-inf")


@final
class Notices:
    """token: our progress token for the request; None: none was given. log_level: None for none."""

    __slots__ = ("_bytes_left", "_count", "_hear", "_log_level", "_progress", "_token")

    def __init__(self, hear: Hear, *, token: int | None, log_level: str | None) -> None:
        self._hear = hear
        self._token = token
        self._log_level = log_level
        self._progress = _BEFORE_ALL
        self._count = 0
        self._bytes_left = NOTICE_BYTES_PER_CALL_MAX

    def take(self, message: dict[str, JSON], size: int) -> None:
        """Pass a notification on, if it is one that the caller wants. size: of the message in bytes."""
        params = message.get("params")
        if type(params) is not dict or size > NOTICE_BYTES_MAX:
            return
        method = message["method"]
        if method == PROGRESS and self._token is not None:
            wanted = self._advances(params)
        else:
            wanted = method == MESSAGE and self._is_severe(params)
        if not wanted or self._count >= NOTICES_PER_CALL_MAX or size > self._bytes_left:
            return
        self._count += 1
        self._bytes_left -= size
        params.pop("progressToken", None)
        self._hear(Notice(method, params))

    def _advances(self, params: dict[str, JSON]) -> bool:
        token, progress = params.get("progressToken"), params.get("progress")
        if type(token) is not int or token != self._token:
            return False
        if not isinstance(progress, int | float) or isinstance(progress, bool):
            return False
        if progress <= self._progress:
            return False
        self._progress = progress
        return True

    def _is_severe(self, params: dict[str, JSON]) -> bool:
        level = params.get("level")
        if self._log_level is None or type(level) is not str or level not in _SEVERITY:
            return False
        return _SEVERITY[level] >= _SEVERITY[self._log_level]


def notices_of(beside: Beside, identifier: int) -> Notices | None:
    """Return what takes the notices of a request; None: nobody hears them. identifier: of the request,
    and its progress token."""
    if beside.hear is None:
        return None
    token = identifier if beside.progress else None
    return Notices(beside.hear, token=token, log_level=beside.wishes.log_level)
