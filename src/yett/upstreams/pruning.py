"""A list of tools in which one definition is nested too deep to be read: the others can still be.

What lies too deep is left out, so that the rest parses. That definition stays deeper than one may be, and
is refused by itself (THREATS P20). Nothing but a list is read this way: an answer is never altered.
"""

import re
from typing import Final

from yett.core.bounds import DOCUMENT_DEPTH_MAX
from yett.core.document import DocumentError, parse
from yett.core.target import JSON

_BYTES_MAX: Final = 1024 * 1024
_MARK: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_LIST: Final = b'"tools"'
_NO_LIST: Final = frozenset({"content", "structuredContent", "contents", "messages", "task"})


def read_list_of_tools(body: bytes) -> JSON:
    """Return the message if it is the answer to `tools/list` once what lies too deep is left out.

    Raises:
        DocumentError: it is not, or nothing lies too deep.
    """
    if len(body) > _BYTES_MAX or _LIST not in body:
        raise DocumentError("not JSON")
    pruned = _without_what_is_deep(body)
    if pruned == body:
        raise DocumentError("not JSON")
    message = parse(pruned)
    result = message.get("result") if isinstance(message, dict) else None
    if (
        not isinstance(result, dict)
        or type(result.get("tools")) is not list
        or not _NO_LIST.isdisjoint(result)
    ):
        raise DocumentError(f"nested deeper than {DOCUMENT_DEPTH_MAX}")
    return message


def _without_what_is_deep(body: bytes) -> bytes:
    kept: list[bytes] = []
    depth = start = 0
    for match in _MARK.finditer(body):
        mark = match.group()
        if mark in b"[{":
            depth += 1
            if depth == DOCUMENT_DEPTH_MAX + 1:
                kept += (body[start : match.start()], b"null")
        elif mark in b"]}":
            if depth == DOCUMENT_DEPTH_MAX + 1:
                start = match.end()
            depth -= 1
    return body if not kept else b"".join([*kept, body[start:]])
