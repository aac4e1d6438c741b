"""Headers that were read before. An agent sends the same one with each call, but for the length of the body.

A request whose header is known byte for byte, and whose body is all that follows it, need not be
parsed: the parser said what this header means, and it would say so again. It does not matter which
connection sent it first, since nothing of a connection is kept here (CWE-444). What a connection sent
last it compares first; only another header is looked up.
"""

from typing import Final, final

import msgspec

from yett.edge.http.message import Head, Request

HEADS_KEPT_MAX: Final = 1024
_HEAD_BYTES_MAX: Final = 2048
END_OF_HEAD: Final = b"\r\n\r\n"
_END_BYTES: Final = len(END_OF_HEAD)
_LENGTH_NAME: Final = b"\r\ncontent-length: "
_MARK: Final = b"ength: "
_MARK_BYTES: Final = len(_MARK)
_DIGITS_MAX: Final = 7
_DIGITS_AND_END_MAX: Final = _DIGITS_MAX + 1


@final
class Form(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A known header. text: all of it before the empty line, with `%d` for the digits of the length. start: of these."""

    text: bytes
    start: int
    head: Head

    def read(self, data: bytes, peer: str) -> Request | None:
        """Return the request that `data` is the whole of, if its header has this form."""
        header, end, body = data.partition(END_OF_HEAD)
        # A length written in any other way, it is for the parser to say what it means.
        if not end or header != self.text % len(body):
            return None
        return Request(self.head, body, peer)

    def begins(self, data: bytes) -> bool:
        """Tell whether `data` is a header of this form and no more, though a body belongs to it."""
        digits = data[self.start : data.find(b"\r", self.start, self.start + _DIGITS_AND_END_MAX)]
        return digits.isdigit() and data == self.text % int(digits) + END_OF_HEAD


@final
class Heads:
    """Of one listener. They hold credentials, so once a minute they are forgotten, here and by each
    connection."""

    __slots__ = ("_kept_max", "_known")

    def __init__(self, kept_max: int = HEADS_KEPT_MAX) -> None:
        self._kept_max = kept_max
        self._known: dict[bytes, Form] = {}  # by the header without the digits of its length

    def __len__(self) -> int:
        return len(self._known)

    def find(self, data: bytes) -> Form | None:
        """Return the form of the header at the beginning of `data`, if it is known."""
        # Where a header holds the mark, the digits that follow it first are the ones left out.
        start = data.find(_MARK) + _MARK_BYTES
        end = data.find(b"\r", start)
        tail = data.find(END_OF_HEAD, end)
        return self._known.get(data[:start] + data[end:tail])

    def keep(self, head: Head, piece: bytes, body: bytes) -> None:
        """Remember the header of a request, if it came whole in this piece, says its length plainly and could
        be served. body: of the request, of which the piece may hold some."""
        start = piece.find(_MARK) + _MARK_BYTES
        end = piece.find(b"\r", start)
        tail = piece.find(END_OF_HEAD, end)
        digits = piece[start:end]
        if (
            tail > _HEAD_BYTES_MAX
            or tail != piece.find(END_OF_HEAD)
            or not piece[:start].lower().endswith(_LENGTH_NAME)
            or not digits.isdigit()
            or len(digits) > _DIGITS_MAX
            or int(digits) != len(body)
            or not body.startswith(piece[tail + _END_BYTES :])
            or head.repeated
            or b"transfer-encoding" in head.headers
            or b"expect" in head.headers
        ):
            return
        if len(self._known) >= self._kept_max:
            self._known.clear()
        before, behind = piece[:start], piece[end:tail]
        text = b"%b%%d%b" % (before.replace(b"%", b"%%"), behind.replace(b"%", b"%%"))
        self._known[before + behind] = Form(text, start, head)

    def forget(self) -> None:
        self._known.clear()
