"""One request as it was received, one answer as it will be sent."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, final

import msgspec

from yett.core.reasons import Reason
from yett.core.secret import Secret


@final
class Head(msgspec.Struct):
    """What stands before the body. `headers`: lower-case names; of a repeated name the last value,
    and the name is in `repeated`; `content-length` may be of an earlier request that began alike.

    `path` is exactly what was routed: no decoding, no normalising (CVE-2026-48710).

    The rest is what was made out of it; it holds for every request that repeats it byte for byte.
    `is_judged`: `credential` and `mirrored` (see `read_mirrored`) are set. `is_sound`: nothing is
    wrong with it on any route. `is_json_post`: it may stand before a message of MCP. `way`: where
    it led the last time, a `Way` of `connection`.
    """

    method: bytes
    path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    repeated: set[bytes]
    keep_alive: bool = True
    credential: Secret | None = None
    is_judged: bool = False
    is_sound: bool = False
    is_json_post: bool = False
    mirrored: dict[str, str | None] = {}
    way: Callable[..., Awaitable[Any] | None] | None = None


@final
class Request(msgspec.Struct, frozen=True, gc=False):
    """`peer`: the address it came from. `unfit`: why the bytes themselves cannot be served, found
    while reading them."""

    head: Head
    body: bytes
    peer: str
    unfit: Reason | None = None


@final
class Response(msgspec.Struct, frozen=True, gc=False):
    """`headers`: complete lines, each ended by CRLF. `close`: end the connection afterwards."""

    status: int
    body: bytes = b""
    content_type: bytes = b"application/json"
    headers: bytes = b""
    close: bool = False


_REASON_PHRASES: Final = {status.value: status.phrase.encode() for status in HTTPStatus} | {
    499: b"Client Closed Request"
}
_COMMON: Final = b"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
_HEADS: Final = {
    (status, content_type): b"HTTP/1.1 %d %b\r\n%b%b"
    % (status, phrase, b"Content-Type: %b\r\n" % content_type if content_type else b"", _COMMON)
    for status, phrase in _REASON_PHRASES.items()
    for content_type in (b"application/json", b"application/problem+json", b"text/plain", b"")
}

GOOD_JSON: Final = _HEADS[200, b"application/json"]
"""What the head of nearly every answer begins with."""


def encode(response: Response) -> bytes:
    """Return head and body as one piece: one write, one packet where it fits."""
    body = response.body
    return b"%b%bContent-Length: %d\r\n%b\r\n%b" % (
        _HEADS[response.status, response.content_type],
        response.headers,
        len(body),
        b"Connection: close\r\n" if response.close else b"",
        body,
    )


def stream_head(headers: bytes) -> bytes:
    """Return the head of an SSE answer but for its end, which says whether it is the last on its connection
    (`Connection.begin_stream`). The chunks follow (`chunk`)."""
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
        b"X-Content-Type-Options: nosniff\r\nX-Accel-Buffering: no\r\n"
        b"Transfer-Encoding: chunked\r\n" + headers
    )


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK: Final = b"0\r\n\r\n"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
