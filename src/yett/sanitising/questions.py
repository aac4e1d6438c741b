"""What a server may ask of a caller, and say to it in the middle of a call: known forms only.

Sources: MCP 2026-07-28 Multi Round-Trip Requests, Elicitation, Sampling, Roots; 2025-11-25 likewise.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from yett.core.bounds import ANSWER_BLOCKS_MAX, INPUTS_MAX, URI_CHARS_MAX
from yett.core.document import encode
from yett.core.notices import LOG_LEVELS
from yett.core.target import JSON
from yett.sanitising.shape import ShapeError, check_block

_ASKING: Final = frozenset({"tools/call", "resources/read", "prompts/get"})
_MEMBERS: Final = frozenset({"resultType", "inputRequests", "requestState", "_meta"})
_KEY_CHARS_MAX: Final = 128
STATE_BYTES_MAX: Final = 32 * 1024
"""With the keys of the questions, its seal still fits (core/seal.py)."""
_TEXT_CHARS_MAX: Final = 10_000
_NUMBER: Final = (int, float)
_NOTICES: Final = {
    "notifications/progress": ("progress", "total", "message"),
    "notifications/message": ("level", "logger", "data"),
}


def check_question(method: str, result: dict[str, JSON]) -> tuple[int, ...]:
    """Check an `input_required` result; return the ids of the blocks whose `data` is binary.

    Raises:
        ShapeError: it has another form, or asks what nobody may ask.
    """
    requests, state = result.get("inputRequests", {}), result.get("requestState", "")
    if method not in _ASKING or not result.keys() <= _MEMBERS:
        raise ShapeError("a question where none may be asked, or with more to it than a question")
    if not isinstance(state, str) or len(encode(state)) > STATE_BYTES_MAX:
        raise ShapeError(f"`requestState` is not a text of at most {STATE_BYTES_MAX} bytes")
    if not isinstance(requests, dict) or len(requests) > INPUTS_MAX:
        raise ShapeError("`inputRequests` is not an object of a few questions")
    binary: tuple[int, ...] = ()
    for key, request in requests.items():
        if len(key) > _KEY_CHARS_MAX or not key.isprintable() or not isinstance(request, dict):
            raise ShapeError("a question is not an object under a short key")
        check = _CHECKS.get(str(request.get("method")))
        params = request.get("params", {})
        if check is None or not isinstance(params, dict):
            raise ShapeError("a question of no known kind")
        binary += check(params)
    return binary


def methods_of(result: dict[str, JSON]) -> dict[str, str]:
    """Return key → method of the questions in a checked result."""
    requests = result.get("inputRequests", {})
    return {key: request["method"] for key, request in requests.items()}


def checked_notice(method: str, params: dict[str, JSON]) -> dict[str, JSON]:
    """Return what a server says about a call while it works on it, without members that mean nothing.

    Raises:
        ShapeError: it is neither progress nor a log message, or has another form.
    """
    if method == "notifications/progress":
        if (
            type(params.get("progress")) not in _NUMBER
            or type(params.get("total", 0)) not in _NUMBER
        ):
            raise ShapeError("progress that is not a number")
        if not isinstance(params.get("message", ""), str):
            raise ShapeError("a message of progress that is not a text")
    elif method == "notifications/message":
        if params.get("level") not in LOG_LEVELS or "data" not in params:
            raise ShapeError("a log message without a known level or without data")
        if not isinstance(params.get("logger", ""), str):
            raise ShapeError("a logger that is not a text")
    else:
        raise ShapeError("a notification that belongs to no call")
    return {name: params[name] for name in _NOTICES[method] if name in params}


def _check_elicitation(params: dict[str, JSON]) -> tuple[int, ...]:
    _check_text(params.get("message"), "the message of an elicitation")
    mode = params.get("mode", "form")
    if mode == "url":
        _check_url(params.get("url"))
    elif mode != "form" or not isinstance(params.get("requestedSchema"), dict):
        raise ShapeError("an elicitation that is neither a form with a schema nor a URL")
    return ()


def _check_url(url: JSON) -> None:
    """A page for the person to open: of the web, and with a host (SPEC: Authorization URL validation)."""
    if not isinstance(url, str) or len(url) > URI_CHARS_MAX or not url.isprintable():
        raise ShapeError("the URL of an elicitation is no URL")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ShapeError("the URL of an elicitation is no URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ShapeError("the URL of an elicitation leads elsewhere than to a web page")


def _check_sampling(params: dict[str, JSON]) -> tuple[int, ...]:
    messages = params.get("messages")
    if not isinstance(messages, list) or len(messages) > ANSWER_BLOCKS_MAX:
        raise ShapeError("a request for sampling without a list of messages")
    if type(params.get("maxTokens")) is not int:
        raise ShapeError("a request for sampling without `maxTokens`")
    binary: tuple[int, ...] = ()
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise ShapeError("a message to sample from has no known role")
        content = message.get("content")
        for block in content if isinstance(content, list) else [content]:
            binary += _check_sampled(block)
    return binary


def _check_sampled(block: JSON) -> tuple[int, ...]:
    """Tools may be used and answered in the middle of sampling (2025-11-25, Sampling with Tools)."""
    if isinstance(block, dict) and block.get("type") in ("tool_use", "tool_result"):
        return ()
    return check_block(block)


def _check_roots(params: dict[str, JSON]) -> tuple[int, ...]:
    if not params.keys() <= {"_meta"}:
        raise ShapeError("a request for roots with parameters")
    return ()


def _check_text(value: JSON, what: str) -> None:
    if not isinstance(value, str) or len(value) > _TEXT_CHARS_MAX:
        raise ShapeError(f"{what} is not a text of at most {_TEXT_CHARS_MAX} characters")


_CHECKS: Final[dict[str, Callable[[dict[str, JSON]], tuple[int, ...]]]] = {
    "elicitation/create": _check_elicitation,
    "sampling/createMessage": _check_sampling,
    "roots/list": _check_roots,
}
