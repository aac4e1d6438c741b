"""What a connection hands back, and which header fields it looks at. Pure."""

from functools import lru_cache
from typing import Final, final

import msgspec

from yett.upstreams.port import Exchange
from yett.upstreams.rpc import InvalidAnswer

OK: Final = 200
JSON_TYPE: Final = "json"
STREAM_TYPE: Final = "stream"

HEADER_COUNT_MAX: Final = 100
HEADER_BYTES_MAX: Final = 64 * 1024

# Everything else is not even kept. None of these may come twice.
KEPT_HEADERS: Final = frozenset(
    {
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"transfer-encoding",
        b"mcp-session-id",
    }
)


@final
class Head:
    """The header of an answer. length: of the body; None if it says its end in another way. is_plain: of one
    JSON document that is no refusal."""

    __slots__ = ("headers", "is_plain", "length", "media", "status")

    def __init__(self, status: int, headers: dict[bytes, bytes]) -> None:
        """Raises:
        InvalidAnswer: the body is compressed, although that was not asked for and a bomb may hide
            in it (CWE-409); or transferred in a way that is not `chunked`.
        """
        if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            raise InvalidAnswer("the body is encoded although that was not asked for")
        if headers.get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":
            raise InvalidAnswer("an unknown transfer encoding")
        length = headers.get(b"content-length")
        self.status = status
        self.headers = headers
        self.media = media_type(headers.get(b"content-type", b""))
        self.is_plain = status == OK and self.media is JSON_TYPE
        self.length = None if length is None else int(length[:10])  # llhttp saw that it is digits


@final
class Response(msgspec.Struct, eq=False):
    """One HTTP answer. body: of JSON and everything else. exchange: from an event stream."""

    head: Head
    body: bytes
    exchange: Exchange | None = None


@final
class ConnectionLost(Exception):
    """The peer closed the connection before a whole answer. answering: some of it had arrived."""

    def __init__(self, *, answering: bool) -> None:
        super().__init__("the connection was closed")
        self.answering = answering


@lru_cache(maxsize=64)
def media_type(value: bytes) -> str | None:
    """Return JSON_TYPE, STREAM_TYPE or None for anything else, another charset than UTF-8 included."""
    kind, *parameters = (part.strip().lower() for part in value.split(b";"))
    for parameter in parameters:
        name, _, text = parameter.partition(b"=")
        if name.strip() == b"charset" and text.strip().strip(b'"') not in (b"utf-8", b"utf8"):
            return None
    if kind == b"application/json":
        return JSON_TYPE
    return STREAM_TYPE if kind == b"text/event-stream" else None
