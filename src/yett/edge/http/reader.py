"""From bytes to requests: llhttp parses, we bound. A header that was read once need not be read again.

Agents send the same header with each call, but for the length of the body. So a request that comes
in one piece, between two others, with a header that this connection has sent before byte for byte
is known without parsing; everything else goes through the parser (CWE-444).
"""

from time import monotonic
from typing import Final, Protocol, final

import httptools
import msgspec

from yett.core import bounds
from yett.core.reasons import Reason
from yett.edge.http.message import Head, Request

_HEAD_FED_BYTES_MAX: Final = 2 * bounds.REQUEST_HEADER_BYTES_MAX
_FED_BYTES_MAX: Final = 2 * bounds.REQUEST_BODY_BYTES_MAX  # with what says where chunks end

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH_NAME: Final = b"\r\ncontent-length: "
_LENGTH_DIGITS_MAX: Final = 7
_HEADS_KEPT_MAX: Final = 4
_HEAD_BYTES_KEPT_MAX: Final = 2048


@final
class _Known(msgspec.Struct, frozen=True, eq=False):
    """A header that was read, and its bytes: all before and all after the digits of its length."""

    head: Head
    before: bytes
    before_bytes: int
    after: bytes
    after_bytes: int


class Owner(Protocol):
    """Whose bytes are read. deadline: monotonic time by which the next piece must have come."""

    deadline: float

    def accept(self, request: Request) -> None:
        """Take a whole request, or one that is unfit whatever else comes of it."""
        ...

    def encourage(self) -> None:
        """The agent waits for a word before it sends the body."""
        ...


@final
class Reader:
    """One per connection."""

    __slots__ = (
        "_body", "_fed_bytes", "_header_bytes", "_header_count", "_headers", "_in_head", "_is_between",
        "_known", "_owner", "_parser", "_piece", "_repeated", "_target", "_unfit", "peer",
    )  # fmt: skip

    def __init__(self, owner: Owner, peer: str) -> None:
        self._owner = owner
        self.peer = peer
        self._parser = httptools.HttpRequestParser(self)
        self._known: list[_Known] = []
        self._is_between = True
        self._piece = b""
        self._body: bytes | bytearray = b""
        self._reset()

    def feed(self, data: bytes) -> bool:
        """Read on; False if these bytes are not HTTP, so that nothing after them can be trusted."""
        if self._is_between:
            for known in self._known:
                start = known.before_bytes
                end = data.find(b"\r", start)
                digits = data[start:end]
                if (
                    digits.isdigit()
                    and len(digits) <= _LENGTH_DIGITS_MAX
                    and end + known.after_bytes + int(digits) == len(data)
                    and data.startswith(known.before)
                    and data.startswith(known.after, end)
                ):
                    self._owner.accept(Request(known.head, data[end + known.after_bytes :]))
                    return True
            self._piece = data
        else:
            self._piece = b""
        self._fed_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError):
            return False
        # A field is told of when it is whole; until then the parser keeps whatever comes (CWE-770).
        return self._fed_bytes <= (_HEAD_FED_BYTES_MAX if self._in_head else _FED_BYTES_MAX)

    @property
    def arrived_bytes(self) -> int:
        """Of the body that is still on its way."""
        return len(self._body)

    def unread(self) -> Head:
        """Stand for the header of what is not HTTP: nothing of it is believed, a key least of all."""
        return Head(b"", self._target, b"", {}, set(), self.peer, keep_alive=False)

    # -- httptools callbacks, in the order in which they come

    def on_message_begin(self) -> None:
        self._reset()
        self._is_between = False
        self._in_head = True
        self._owner.deadline = monotonic() + bounds.REQUEST_HEADER_SECONDS_MAX

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._header_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        self._header_bytes += len(name) + len(value)
        if (
            self._header_count > bounds.REQUEST_HEADER_COUNT_MAX
            or self._header_bytes > bounds.REQUEST_HEADER_BYTES_MAX
        ):
            raise httptools.HttpParserError("header bounds")
        name = name.lower()
        if name in self._headers:
            self._repeated.add(name)
        self._headers[name] = value

    def on_headers_complete(self) -> None:
        headers = self._headers
        self._in_head = False
        self._owner.deadline = monotonic() + bounds.REQUEST_BODY_SECONDS_MAX
        length = headers.get(b"content-length", b"0")
        if len(length) > 12 or not length.isdigit() or int(length) > bounds.REQUEST_BODY_BYTES_MAX:  # noqa: PLR2004 - twelve digits are a terabyte
            self._accept_unfit()
        elif b"expect" in headers:
            self._owner.encourage()

    def on_body(self, body: bytes) -> None:
        if self._unfit:
            return
        if len(self._body) + len(body) > bounds.REQUEST_BODY_BYTES_MAX:
            self._body = b""
            self._accept_unfit()
        elif not self._body:
            self._body = body
        else:  # it may come in a million pieces
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += body

    def on_message_complete(self) -> None:
        if self._unfit:
            return
        # The answer to HEAD has no body, and none is served here: the connection ends with it.
        is_kept = self._parser.should_keep_alive() and self._parser.get_method() != b"HEAD"
        head = self._head(keep_alive=is_kept)
        body = bytes(self._body)
        self._body = b""
        if head.keep_alive:
            self._is_between = True
            self._remember(head, body)
        self._owner.accept(Request(head, body))

    # -- parts of these

    def _reset(self) -> None:
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._repeated: set[bytes] = set()
        self._header_count = self._header_bytes = self._fed_bytes = 0
        self._body = b""
        self._in_head = True
        self._unfit = False

    def _head(self, *, keep_alive: bool) -> Head:
        path, _, query = self._target.partition(b"?")
        method = self._parser.get_method()
        return Head(method, path, query, self._headers, self._repeated, self.peer, keep_alive)

    def _accept_unfit(self) -> None:
        self._unfit = True
        self._owner.accept(
            Request(self._head(keep_alive=False), b"", unfit=Reason.PAYLOAD_TOO_LARGE)
        )

    def _remember(self, head: Head, body: bytes) -> None:
        """Keep the header of a request that came as one piece and says its length, and no more."""
        piece, self._piece = self._piece, b""
        end_of_head = piece.find(_END_OF_HEAD) + len(_END_OF_HEAD)
        start = piece.lower().find(_LENGTH_NAME, 0, end_of_head) + len(_LENGTH_NAME)
        end = piece.find(b"\r", start)
        digits = piece[start:end]
        if (
            end_of_head > _HEAD_BYTES_KEPT_MAX
            or start < len(_LENGTH_NAME)
            or not digits.isdigit()
            or len(digits) > _LENGTH_DIGITS_MAX
            or int(digits) != len(body)
            or piece[end_of_head:] != body
            or head.repeated
            or b"transfer-encoding" in head.headers
            or b"expect" in head.headers
        ):
            return
        if len(self._known) >= _HEADS_KEPT_MAX:
            self._known.clear()
        after = piece[end:end_of_head]
        self._known.append(_Known(head, piece[:start], start, after, len(after)))
