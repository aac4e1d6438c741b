"""Headers that servers have sent before, by their bytes. Pure."""

from typing import Final, final

from yett.upstreams.backends.http.response import Head
from yett.upstreams.backends.http.single_event import as_document, is_stream

_HEADS_MAX: Final = 256
_HEAD_BYTES_MAX: Final = 2048


@final
class KnownHeads:
    """get: takes a header, returns what is known of it, or None."""

    __slots__ = ("_heads", "get")

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}
        self.get = self._heads.get

    def remember(self, text: bytes, head: Head, first_bytes: int, length: int) -> None:
        """Keep a header that came in one piece, if all that came with it was its document, or if it is a stream's.

        text: empty if it did not come in one piece. first_bytes: how much came with it. length: of the body.
        """
        if not text or len(text) > _HEAD_BYTES_MAX:
            return
        if is_stream(head):
            head = as_document(head)
        elif head.length is None or not head.length == first_bytes == length:
            return
        if len(self._heads) >= _HEADS_MAX:
            self._heads.clear()
        self._heads[text] = head
