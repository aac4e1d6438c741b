"""A list of tools in which one definition is nested too deep to be read: the others can still be.

What lies too deep is left out, so that the rest parses. That definition stays deeper than one may be, and
is refused by itself. Nothing but a list is read this way: an answer is never altered.
"""

import re
from typing import Final

from yett.core.bounds import DOCUMENT_DEPTH_MAX
from yett.core.document import DocumentError, parse
from yett.core.target import JSON

_WHY: Final = ("not JSON", f"nested deeper than {DOCUMENT_DEPTH_MAX}")
"""What the parser says of too much depth: of a little, and of more than it can count."""
_TO_NEXT_MARK: Final = re.compile(rb'(?>[^"\[\]{}]++|"(?>[^"\\]++|\\.)*+")*+[\[\]{}]', re.DOTALL)
"""Strings are passed over, and what was passed is never looked at again."""
_MARKS_MAX: Final = 60_000
"""About a tenth of a second. A list with more is not worth it."""
_LIST: Final = b'"tools"'
_NO_LIST: Final = frozenset({"content", "structuredContent", "contents", "messages", "task"})


def read_list_of_tools(body: bytes, why: DocumentError) -> JSON:
    """Return the message if it is the answer to `tools/list` once what lies too deep is left out. why: it
    could not be read as it is.

    Raises:
        DocumentError: it is not, or nothing lies too deep.
    """
    if str(why) not in _WHY or _LIST not in body:
        raise why
    pruned = _without_what_is_deep(body)
    if pruned == body:
        raise why
    message = parse(pruned)
    result = message.get("result") if isinstance(message, dict) else None
    if (
        not isinstance(result, dict)
        or type(result.get("tools")) is not list
        or not _NO_LIST.isdisjoint(result)
    ):
        raise why
    return message


def _without_what_is_deep(body: bytes) -> bytes:
    kept: list[bytes] = []
    depth = start = position = 0
    for _ in range(_MARKS_MAX):
        match = _TO_NEXT_MARK.match(body, position)
        if match is None:
            return b"".join([*kept, body[start:]]) if kept else body
        position = match.end()
        if body[position - 1] in b"[{":
            depth += 1
            if depth == DOCUMENT_DEPTH_MAX + 1:
                kept += (body[start : position - 1], b"null")
        else:
            if depth == DOCUMENT_DEPTH_MAX + 1:
                start = position
            depth -= 1
    return body
