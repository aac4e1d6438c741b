"""Headers that servers have sent before, by their bytes. Pure."""

import re
from typing import Final, final

from yett.core.bounds import ANSWER_BYTES_MAX
from yett.upstreams.backends.http.response import Head
from yett.upstreams.backends.http.single_event import as_document, is_stream

_HEADS_MAX: Final = 256
_HEAD_BYTES_MAX: Final = 2048
_LENGTH: Final = re.compile(rb"\r\ncontent-length: ([1-9][0-9]{0,8})(?=\r\n|\Z)", re.IGNORECASE)
_DIGITS_MAX: Final = 9


@final
class KnownHeads:
    """text, head: of the last document whose header came in one piece. The text is that of the header, with `%d`
    for the length of the body, in which answers of one server differ. get: takes a header, returns what is known of one
    that begins a stream, or None."""

    __slots__ = ("_behind", "_start", "_streams", "get", "head", "text")

    def __init__(self) -> None:
        self._start = self._behind = 0  # of the digits; bytes behind them
        self.text = b"\0%d"  # no header is so
        self.head = Head(0, {})
        self._streams: dict[bytes, Head] = {}
        self.get = self._streams.get

    def announces(self, text: bytes) -> bool:
        """Tell whether it is the header of such a document, of whatever length it may have."""
        digits = text[self._start : len(text) - self._behind]
        if not digits.isdigit() or len(digits) > _DIGITS_MAX:
            return False
        length = int(digits)
        return 0 < length <= ANSWER_BYTES_MAX and text == self.text % length

    def remember(self, text: bytes, head: Head, length: int) -> None:
        """Keep a header that came in one piece, if it is of a document, or of a stream.

        text: empty if it did not come in one piece. length: of the body.
        """
        if not text or len(text) > _HEAD_BYTES_MAX:
            return
        if is_stream(head):
            if len(self._streams) >= _HEADS_MAX:
                self._streams.clear()
            self._streams[text] = as_document(head)
        elif head.length == length:
            found = _LENGTH.search(text)
            if found is not None and int(found[1]) == length:
                before, after = text[: found.start(1)], text[found.end(1) :]
                self.text = b"%b%%d%b" % (before.replace(b"%", b"%%"), after.replace(b"%", b"%%"))
                self._start, self._behind = len(before), len(after)
                self.head = head
