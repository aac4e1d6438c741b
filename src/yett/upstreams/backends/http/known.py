"""Headers that servers have sent before, by their bytes. Pure."""

import re
from typing import Final, final

from yett.upstreams.backends.http.response import Head
from yett.upstreams.backends.http.single_event import as_document, is_stream

_HEADS_MAX: Final = 256
_HEAD_BYTES_MAX: Final = 2048
_LENGTH: Final = re.compile(rb"\r\ncontent-length: ([1-9][0-9]{0,8})(?=\r\n|\Z)", re.IGNORECASE)


@final
class KnownHeads:
    """text, head: of the last document that came with its header in one piece. The text is that of the header, with `%d`
    for the length of the body, in which answers of one server differ. get: takes a header, returns what is known of one
    that begins a stream, or None."""

    __slots__ = ("_streams", "get", "head", "text")

    def __init__(self) -> None:
        self.text = b"\0%d"  # no header is so
        self.head = Head(0, {})
        self._streams: dict[bytes, Head] = {}
        self.get = self._streams.get

    def remember(self, text: bytes, head: Head, first_bytes: int, length: int) -> None:
        """Keep a header that came in one piece, if all that came with it was its document, or if it is a stream's.

        text: empty if it did not come in one piece. first_bytes: how much came with it. length: of the body.
        """
        if not text or len(text) > _HEAD_BYTES_MAX:
            return
        if is_stream(head):
            if len(self._streams) >= _HEADS_MAX:
                self._streams.clear()
            self._streams[text] = as_document(head)
        elif head.length == first_bytes == length:
            found = _LENGTH.search(text)
            if found is not None and int(found[1]) == length:
                before, after = text[: found.start(1)], text[found.end(1) :]
                self.text = b"%b%%d%b" % (before.replace(b"%", b"%%"), after.replace(b"%", b"%%"))
                self.head = head
