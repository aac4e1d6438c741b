"""From bytes to requests: llhttp parses, we bound. A header that was read once is not read again."""

from time import monotonic
from typing import Final, Protocol, final

import httptools

from yett.core import bounds
from yett.core.reasons import Reason
from yett.edge.http.heads import Form, Heads
from yett.edge.http.message import Head, Request

_HEAD_FED_BYTES_MAX: Final = 2 * bounds.REQUEST_HEADER_BYTES_MAX
_FED_BYTES_MAX: Final = 2 * bounds.REQUEST_BODY_BYTES_MAX  # with what says where chunks end

_PIECE_BYTES_MAX: Final = 4096  # longer than any header that is kept


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
    """One per connection. form: of the header that it sent last, while nothing of another request has come;
    what has that form need not come here at all. _begun: a header of a known form whose body has not come.
    _piece: where a header began that is not known."""

    __slots__ = (
        "_begun", "_body", "_fed_bytes", "_header_bytes", "_header_count", "_headers", "_heads", "_in_head",
        "_is_between", "_owner", "_parser", "_piece", "_repeated", "_target", "_unfit", "form", "peer",
    )  # fmt: skip

    def __init__(self, owner: Owner, peer: str, heads: Heads) -> None:
        self._owner = owner
        self._heads = heads
        self.form: Form | None = None
        self.peer = peer
        self._parser = httptools.HttpRequestParser(self)
        self._is_between = True
        self._begun: tuple[Form, bytes] | None = None
        self._piece = b""
        self._body: bytes | bytearray = b""
        self._headers: dict[bytes, bytes] = {}
        self._reset()

    def feed(self, data: bytes) -> bool:
        """Read on; False if these bytes are not HTTP, so that nothing after them can be trusted."""
        if self._is_between:
            if self._begun is None:
                form = self._heads.find(data)
            else:
                (form, header), self._begun = self._begun, None
                data = header + data
            request = None if form is None else form.read(data, self.peer)
            if request is not None:
                self.form = form
                self._owner.accept(request)
                return True
            self.form = None
            if form is not None and form.begins(data):  # many agents send the body apart
                self._begun = form, data
                self._owner.deadline = monotonic() + bounds.REQUEST_BODY_SECONDS_MAX
                return True
            self._piece = data[:_PIECE_BYTES_MAX]
        elif self._in_head:
            self._piece = b""  # it did not hold all of the header
        self._fed_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError):
            return False
        # A field is told of when it is whole; until then the parser keeps whatever comes (CWE-770).
        return self._fed_bytes <= (_HEAD_FED_BYTES_MAX if self._in_head else _FED_BYTES_MAX)

    def forget(self) -> None:
        """Hold no header of a request that is over, nor the credential in it."""
        self.form = None

    @property
    def arrived_bytes(self) -> int:
        """Of the body that is still on its way."""
        return len(self._body)

    def unread(self) -> Request:
        """Stand for what is not HTTP: nothing of it is believed, a key least of all."""
        head = Head(b"", self._target, b"", {}, set(), keep_alive=False)
        return Request(head, b"", self.peer, Reason.MALFORMED_REQUEST)

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
        self._headers[name] = value.rstrip(b" \t")  # the parser leaves it on (RFC 9110, 5.5)

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
        self._headers = {}  # if what comes from now on is known, nothing is parsed any more
        if head.keep_alive:
            self._is_between = True
            self._heads.keep(head, self._piece, body)
        self._piece = b""
        self._owner.accept(Request(head, body, self.peer))

    # -- parts of these

    def _reset(self) -> None:
        self._target = b""
        self._headers = {}
        self._repeated: set[bytes] = set()
        self._header_count = self._header_bytes = self._fed_bytes = 0
        self._body = b""
        self._in_head = True
        self._unfit = False

    def _head(self, *, keep_alive: bool) -> Head:
        path, _, query = self._target.partition(b"?")
        method = self._parser.get_method()
        return Head(method, path, query, self._headers, self._repeated, keep_alive)

    def _accept_unfit(self) -> None:
        self._unfit = True
        self._owner.accept(
            Request(self._head(keep_alive=False), b"", self.peer, Reason.PAYLOAD_TOO_LARGE)
        )
