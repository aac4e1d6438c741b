"""Answers that are one text and nothing besides, which nearly all are: each is like the one before it but for the id
and the text. So these two are read, and the rest is compared. Pure.
"""

from typing import Final, final

import msgspec
import orjson

from yett.core.document import encode
from yett.core.target import JSON
from yett.upstreams.port import Exchange

_RESULT: Final = frozenset({"content", "isError"})
_BLOCK: Final = ["type", "text"]
_LONG: Final = 1024
"""Below that, to look for escapes takes as long as to read."""
_read: Final = msgspec.json.Decoder(str).decode
"""A short text alone is read in three quarters of the time that any document takes."""


@final
class TextForm(msgspec.Struct, frozen=True):
    """What stands around the text of an answer.

    id_first: the id stands before the text. edge, before, after: of the message, what is beyond the id, and what is
    nearer to the text on either side, with its quotes. start, end: of its result alone, without `resultType` and those
    quotes. result: the same, read; without the text, which is another's.
    """

    id_first: bool
    edge: bytes
    before: bytes
    after: bytes
    start: bytes
    end: bytes
    result: dict[str, JSON]

    def read(self, body: bytes, identifier: bytes) -> Exchange | None:
        """Return what `read_result` would, if the answer has this form; None: it may be any other. identifier: of
        the request, in digits.

        A text that is JSON by itself, and stands where a text stood in a document that was read, makes the same
        document with another text.
        """
        before, after = self.before, self.after
        if self.id_first:
            before = self.edge + identifier + before
        else:
            after = after + identifier + self.edge
        if not (body.startswith(before) and body.endswith(after)):
            return None
        encoded = body[len(before) - 1 : 1 - len(after)]  # each with its quote
        try:
            text = _read(encoded) if len(encoded) < _LONG else _read_long(encoded)
        except ValueError:
            return None
        if orjson.dumps(text) != encoded:
            return None
        result = {**self.result, "content": [{"type": "text", "text": text}]}
        exact = b"".join((self.start, encoded, self.end))  # of a long text, `%` makes another copy
        return Exchange(result, None, len(body), exact, True)  # noqa: FBT003 - keywords cost each call


NO_FORM: Final = TextForm(True, b"\0", b"\0", b"\0", b"", b"", {})  # noqa: FBT003 - as above
"""No answer has it."""


def _read_long(encoded: bytes) -> str:
    """As `_read`, of what encodes to the same bytes again: where nothing is escaped, that is what stands there. Of what
    does not, it may return anything.

    Raises:
        ValueError: it is no text.
    """
    if encoded.find(b"\\") < 0:
        return encoded[1:-1].decode()
    text: str = orjson.loads(encoded)  # faster than `_read` where much is escaped
    return text


def form_of(body: bytes, identifier: bytes, exchange: Exchange) -> TextForm | None:
    """Return the form of an answer that was read; None: it is not one text, or not written so that this is easily
    seen. exchange: what `read_result` made of `body`."""
    result, encoded = exchange.result, exchange.encoded
    if not encoded or result is None or not result.keys() <= _RESULT:
        return None
    text = _only_text(result)
    if text is None or type(result.get("isError", False)) is not bool:
        return None
    # What is in front of it are names of this protocol, so it is the first that looks like it.
    shown = encode(text)
    start, end = _split(encoded, shown)
    before, after = _split(body, shown)
    id_first = before.find(b'"id":') >= 0
    named = b'"id":' + identifier
    first, found, second = (before if id_first else after).partition(named)
    if not found:
        return None
    edge = first + b'"id":' if id_first else second
    before, after = (second, after) if id_first else (before, first + b'"id":')
    return TextForm(
        id_first, edge, before + b'"', b'"' + after, start, end, {**result, "content": []}
    )


def _split(document: bytes, text: bytes) -> tuple[bytes, bytes]:
    before, mark, after = document.partition(b'"text":' + text)
    return before + mark.removesuffix(text), after


def _only_text(result: dict[str, JSON]) -> str | None:
    content = result.get("content")
    if type(content) is not list or len(content) != 1:
        return None
    block = content[0]
    if type(block) is not dict or list(block) != _BLOCK or block["type"] != "text":
        return None
    text = block["text"]
    return text if type(text) is str else None
