"""A stream that holds one answer and nothing besides: what many servers make of each answer. Pure.

Told apart from every other stream by its first bytes, it need not go through the parsers of chunks and of events.
"""

import re
from typing import Final

from yett.core.bounds import ANSWER_BYTES_MAX
from yett.upstreams.backends.http.response import OK, STREAM_TYPE, Head

END_OF_CHUNKS: Final = b"0\r\n\r\n"
_END_OF_CHUNK: Final = b"\r\n"

# One chunk, one event without an id, in it the beginning of what can only be an answer.
_BEGINNING: Final = re.compile(
    rb"([1-9a-f][0-9a-f]{0,6})\r\n((?:event: message\r?\n)?data: )"
    rb'\{(?:"jsonrpc":"2\.0","id":[0-9]{1,18},)?"result":'
)


def is_stream(head: Head) -> bool:
    """Tell whether a stream in chunks may follow, that ends before the connection does."""
    chunked = b"transfer-encoding" in head.headers and head.length is None
    return chunked and head.status == OK and head.media is STREAM_TYPE


def as_document(head: Head) -> Head:
    """Return what stands for the header of such a stream: that of a document, of unknown length."""
    return Head(head.status, {**head.headers, b"content-type": b"application/json"})


def only_answer(body: bytes) -> tuple[bytes, bool] | None:
    """Return the one event that a stream holds by now, if it is an answer, and whether the stream has ended; None:
    it is any other. body: all that came behind the header."""
    found = _BEGINNING.match(body)
    if found is None:
        return None
    end = found.end(1) + len(_END_OF_CHUNK) + int(found[1], 16)
    tail, event = body[end:], body[found.end(2) : end]
    if tail != _END_OF_CHUNK and tail != _END_OF_CHUNK + END_OF_CHUNKS:
        return None
    if event.endswith(b"\r\n\r\n"):
        event = event[:-4]
    elif event.endswith(b"\n\n"):
        event = event[:-2]
    else:
        return None
    if event.find(b"\n") >= 0 or event.find(b"\r") >= 0 or len(event) > ANSWER_BYTES_MAX:
        return None
    return event, tail != _END_OF_CHUNK
