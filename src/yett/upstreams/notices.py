"""Which of a server's notifications about one request its caller hears: those that it asked for. Pure.

Progress that names another request, goes backwards or comes without end is passed over, and so are
messages below the wanted level (MCP 2025-11-25, Progress and Logging).
"""

from itertools import takewhile
from typing import Final, final

from yett.core.bounds import NOTICE_BYTES_MAX, NOTICE_BYTES_PER_CALL_MAX, NOTICES_PER_CALL_MAX
from yett.core.notices import LOG_LEVELS, MESSAGE, PROGRESS, Notice, Several, together
from yett.core.talk import Hear
from yett.core.target import JSON
from yett.upstreams.port import Beside

_SEVERITY: Final[dict[str, int]] = {level: severity for severity, level in enumerate(LOG_LEVELS)}
_BEFORE_ALL: Final = float("-inf")
_AT_ONCE: Final = 128
"""Where notices of several forms take turns, each attempt looks at so many for nothing."""
_NONE: Final = float("inf")
"""No message is as severe as that."""

# How servers write a notification: in the order of JSON-RPC 2.0, or the version last; each up to where its own
# parameters begin, and from where they end.
_ORDERS: Final = (
    (b'{"jsonrpc":"2.0","method":"%b","params":{', b"}}"),
    (b'{"method":"%b","params":{', b'},"jsonrpc":"2.0"}'),
)
_Form = tuple[str, bytes, bytes]
"""Method, and what stands before and behind the parameters that are the server's own."""


@final
class Notices:
    """token: our progress token for the request; None: none was given. log_level: None for none."""

    __slots__ = ("_bytes_left", "_count", "_forms", "_hear", "_progress", "_severity", "_token")

    def __init__(self, hear: Hear, *, token: int | None, log_level: str | None) -> None:
        self._hear = hear
        self._token = token
        self._severity: float = _NONE if log_level is None else _SEVERITY[log_level]
        self._progress = _BEFORE_ALL
        self._count = 0
        self._bytes_left = NOTICE_BYTES_PER_CALL_MAX
        self._forms = _forms(token, log_level)

    def take_together(self, events: list[bytes], start: int) -> int:
        """Pass on at once those of the events from `start` on that look alike; return how many there were. 0: they
        are to be taken one by one (`take`), which says the same of each, and of others more.

        events: messages that have not been parsed.
        """
        form = self._form_of(events[start]) if start < len(events) else None
        if form is None:
            return 0
        method, head, tail = form
        members, size = _members(events[start : start + _AT_ONCE], head, tail)
        said, count = together(method, members), len(members)
        if said is None or size > min(NOTICE_BYTES_MAX, self._bytes_left):
            return 0
        if self._count + count > NOTICES_PER_CALL_MAX or not self._wants(said):
            return 0
        self._count += count
        self._bytes_left -= size
        self._hear(said)
        return count

    def _form_of(self, event: bytes) -> _Form | None:
        for form in self._forms:
            if event.startswith(form[1]):
                return form
        return None

    def _wants(self, several: Several) -> bool:
        """Tell whether the caller wants all of it."""
        if several.method == MESSAGE:
            return min([_SEVERITY[one.level] for one in several.said]) >= self._severity
        if several.said[0].progress <= self._progress:
            return False
        self._progress = several.said[-1].progress
        return True

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
        return type(level) is str and _SEVERITY.get(level, _BEFORE_ALL) >= self._severity


def _members(events: list[bytes], head: bytes, tail: bytes) -> tuple[list[bytes], int]:
    """Return what stands between head and tail in the first of these events, up to one that has not both; and how many
    bytes those events are."""
    if not events[-1].startswith(head):  # most often it is the answer
        events.pop()
    first, last = len(head), -len(tail)
    members, said = [event[first:last] for event in events], b"".join(events)
    # What is put together is no shorter than what was said, event by event. So if both are the same, each event is.
    if b"".join((head, (tail + head).join(members), tail)) == said:
        return members, len(said)
    alike = list(takewhile(lambda event: event.startswith(head) and event.endswith(tail), events))
    return [event[first:last] for event in alike], sum(map(len, alike))


def _forms(token: int | None, log_level: str | None) -> list[_Form]:
    """Return how notifications that are wanted may be written; see `Notices`."""
    wanted: list[tuple[str, bytes]] = []
    if token is not None:
        wanted.append((PROGRESS, b'"progressToken":%d,' % token))
    if log_level is not None:
        wanted.append((MESSAGE, b""))
    return [
        (method, before % method.encode() + own, after)
        for method, own in wanted
        for before, after in _ORDERS
    ]


def notices_of(beside: Beside, identifier: int) -> Notices | None:
    """Return what takes the notices of a request; None: nobody hears them. identifier: of the request,
    and its progress token."""
    if beside.hear is None:
        return None
    token = identifier if beside.progress else None
    return Notices(beside.hear, token=token, log_level=beside.wishes.log_level)
