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
_read: Final = msgspec.json.Decoder(str).decode
"""A text alone is read in three quarters of the time that any document takes."""


@final
class TextForm(msgspec.Struct, frozen=True):
    """What stands around the text of an answer.

    before, after: of the message, with the quotes of the text, and `%(id)b` in the place of the id. start, end: of its
    result alone, without `resultType` and those quotes. result: the same, read; without the text, which is another's.
    """

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
        asked = {b"id": identifier}
        before, after = self.before % asked, self.after % asked
        if not (body.startswith(before) and body.endswith(after)):
            return None
        encoded = body[len(before) - 1 : 1 - len(after)]  # each with its quote
        try:
            text = _read(encoded)
        except ValueError:
            return None
        if orjson.dumps(text) != encoded:
            return None
        result = {**self.result, "content": [{"type": "text", "text": text}]}
        exact = b"".join((self.start, encoded, self.end))  # of a long text, `%` makes another copy
        return Exchange(result, None, len(body), exact, True)  # noqa: FBT003 - keywords cost each call


NO_FORM: Final = TextForm(b"\0", b"\0", b"", b"", {})
"""No answer has it."""


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
    number, named = b'"id":' + identifier, b'"id":%(id)b'
    return TextForm(
        before=before.replace(number, named, 1) + b'"',
        after=b'"' + after.replace(number, named, 1),
        start=start,
        end=end,
        result={**result, "content": []},
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
