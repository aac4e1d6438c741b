"""What an answer of each operation must look like (MCP 2025-03-26 to 2026-07-28, server features).

Only what has a known form goes on: a block of an unknown kind could hold anything.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from yett.core.bounds import ANSWER_BLOCKS_MAX, ANSWER_TEXT_CHARS_MAX
from yett.core.target import JSON

_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_MIME_TYPE: Final = re.compile(r"[A-Za-z0-9.+*-]{1,100}/[A-Za-z0-9.+*-]{1,100}(?:;[ -~]{0,200})?")
_COMPLETE: Final = "complete"
_COMPLETIONS_MAX: Final = 100
_COMMON: Final = frozenset({"resultType", "_meta", "ttlMs", "cacheScope"})


class ShapeError(ValueError):
    """The answer does not have the form of its operation. Quotes nothing of it."""


def is_plain(result: dict[str, JSON]) -> bool:
    """Tell whether this is what nearly every result of tools/call is, texts and structured content and nothing
    besides, and fits as it stands. False says nothing: `check_tool_result` tells."""
    try:
        blocks = result["content"]
        if type(blocks) is not list or len(blocks) > ANSWER_BLOCKS_MAX:
            return False
        for block in blocks:
            if block["type"] != "text":
                return False
            text = block["text"]
            if type(text) is not str or len(text) > ANSWER_TEXT_CHARS_MAX:
                return False
    except (KeyError, TypeError):  # it has no such member, or is no object
        return False
    more = len(result) - 1 - ("structuredContent" in result)
    return more == 0 or (more == 1 and type(result.get("isError")) is bool)


def check_tool_result(result: dict[str, JSON]) -> tuple[int, ...]:
    """Check the result of tools/call; return the ids of the blocks whose `data` is binary.

    Raises:
        ShapeError: it has another form.
    """
    binary: tuple[int, ...] = ()
    for block in _list(result, "content"):
        binary += check_block(block)
    if type(result.get("isError", False)) is not bool:
        raise ShapeError("`isError` is neither true nor false")
    if not _COMMON.isdisjoint(result):
        _check_common(result)
    return binary


def check_resource_result(result: dict[str, JSON]) -> tuple[int, ...]:
    """Check the result of resources/read.

    Raises:
        ShapeError: it has another form.
    """
    binary: tuple[int, ...] = ()
    for contents in _list(result, "contents"):
        binary += _check_contents(contents)
    _check_common(result)
    return binary


def check_prompt_result(result: dict[str, JSON]) -> tuple[int, ...]:
    """Check the result of prompts/get.

    Raises:
        ShapeError: it has another form.
    """
    binary: tuple[int, ...] = ()
    for message in _list(result, "messages"):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise ShapeError("a message has no known role")
        binary += check_block(message.get("content"))
    if "description" in result and not isinstance(result["description"], str):
        raise ShapeError("`description` is not a text")
    _check_common(result)
    return binary


def check_completion(result: dict[str, JSON]) -> tuple[int, ...]:
    """Check the result of completion/complete (MCP 2025-11-25, Completion: at most 100 values).

    Raises:
        ShapeError: it has another form.
    """
    completion = result.get("completion")
    values = completion.get("values") if isinstance(completion, dict) else None
    if not isinstance(values, list) or len(values) > _COMPLETIONS_MAX:
        raise ShapeError("`completion` has no list of at most 100 values")
    if not all(isinstance(value, str) for value in values):
        raise ShapeError("a completion is not a text")
    _check_common(result)
    return ()


def check_nothing(result: dict[str, JSON]) -> tuple[int, ...]:
    """Check a result that says nothing.

    Raises:
        ShapeError: it says something.
    """
    if result:
        raise ShapeError("the answer is not empty")
    return ()


CHECKS: Final[dict[str, Callable[[dict[str, JSON]], tuple[int, ...]]]] = {
    "tools/call": check_tool_result,
    "resources/read": check_resource_result,
    "prompts/get": check_prompt_result,
    "completion/complete": check_completion,
    "resources/subscribe": check_nothing,
    "tasks/result": check_tool_result,
}


def _list(result: dict[str, JSON], name: str) -> list[JSON]:
    items = result.get(name)
    if not isinstance(items, list):
        raise ShapeError(f"`{name}` is not a list")
    if len(items) > ANSWER_BLOCKS_MAX:
        raise ShapeError(f"`{name}` has more than {ANSWER_BLOCKS_MAX} items")
    return items


def _check_common(result: dict[str, JSON]) -> None:
    if result.get("resultType", _COMPLETE) != _COMPLETE:
        raise ShapeError("`resultType` is not `complete`")
    if not isinstance(result.get("_meta", {}), dict):
        raise ShapeError("`_meta` is not an object")
    lifetime = result.get("ttlMs", 0)
    if type(lifetime) is not int or lifetime < 0:
        raise ShapeError("`ttlMs` is not a number of milliseconds")
    if result.get("cacheScope", "private") not in ("private", "public"):
        raise ShapeError("`cacheScope` is neither private nor public")


def check_block(block: JSON) -> tuple[int, ...]:
    """Check a block of content; return the ids of those whose `data` is binary.

    Raises:
        ShapeError: it is of no known type, or has another form than its type.
    """
    kind = block.get("type") if isinstance(block, dict) else None
    check = _BLOCKS.get(kind) if isinstance(kind, str) else None
    if check is None:
        raise ShapeError("a block is of no known type")
    return check(block)


def _check_text(block: dict[str, JSON]) -> tuple[int, ...]:
    text = block.get("text")
    if not isinstance(text, str):
        raise ShapeError("a text block has no text")
    if len(text) > ANSWER_TEXT_CHARS_MAX:
        raise ShapeError(f"a text is longer than {ANSWER_TEXT_CHARS_MAX} characters")
    return ()


def _check_media(block: dict[str, JSON]) -> tuple[int, ...]:
    _check_mime_type(block.get("mimeType"))
    _check_base64(block.get("data"))
    return (id(block),)


def _check_resource(block: dict[str, JSON]) -> tuple[int, ...]:
    return _check_contents(block.get("resource"))


def _check_link(block: dict[str, JSON]) -> tuple[int, ...]:
    if not isinstance(block.get("uri"), str) or not isinstance(block.get("name"), str):
        raise ShapeError("a link has no URI or no name")
    return ()


def _check_contents(contents: JSON) -> tuple[int, ...]:
    if not isinstance(contents, dict) or not isinstance(contents.get("uri"), str):
        raise ShapeError("a resource has no URI")
    if contents.get("mimeType") is not None:
        _check_mime_type(contents["mimeType"])
    if "blob" in contents and "text" not in contents:
        _check_base64(contents["blob"])
        return (id(contents),)
    if "blob" in contents:
        raise ShapeError("a resource is a text and binary at once")
    return _check_text(contents)


def _check_mime_type(value: Any) -> None:
    if not isinstance(value, str) or not _MIME_TYPE.fullmatch(value):
        raise ShapeError("a media type is missing or malformed")


def _check_base64(value: Any) -> None:
    if not isinstance(value, str) or len(value) % 4 or not _BASE64.fullmatch(value):
        raise ShapeError("binary content is not base64")


_BLOCKS: Final[dict[str, Callable[[dict[str, JSON]], tuple[int, ...]]]] = {
    "text": _check_text,
    "image": _check_media,
    "audio": _check_media,
    "resource": _check_resource,
    "resource_link": _check_link,
}
