"""Do a caller's answers to a server's questions have the form of answers? What they say is the server's
business. MCP 2026-07-28: Elicitation, Sampling, Roots; the older versions likewise."""

from collections.abc import Callable, Mapping
from typing import Final

from yett.core.target import JSON

_ACTIONS: Final = ("accept", "decline", "cancel")
_SCALARS: Final = (str, int, float, bool)
_ROLES: Final = ("user", "assistant")


def problem_of(method: str, answer: Mapping[str, JSON]) -> str | None:
    """Return what is wrong with an answer to a question of this method; None: nothing."""
    judge = _JUDGES.get(method)
    return "answers no known question" if judge is None else judge(answer)


def _of_elicitation(answer: Mapping[str, JSON]) -> str | None:
    """Forms are flat: texts, numbers, yes or no, and lists of texts."""
    content = answer.get("content", {})
    if answer.get("action") not in _ACTIONS:
        return f"has no `action` of {', '.join(_ACTIONS)}"
    if not isinstance(content, dict) or not all(map(_is_field, content.values())):
        return "has `content` that is no filled-in form"
    return None


def _is_field(value: JSON) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, _SCALARS)


def _of_sampling(answer: Mapping[str, JSON]) -> str | None:
    content = answer.get("content")
    if answer.get("role") not in _ROLES or not isinstance(answer.get("model"), str):
        return "has no `role` or names no `model`"
    blocks = content if isinstance(content, list) else [content]
    if not all(isinstance(block, dict) and isinstance(block.get("type"), str) for block in blocks):
        return "has no `content`"
    return None


def _of_roots(answer: Mapping[str, JSON]) -> str | None:
    roots = answer.get("roots")
    if not isinstance(roots, list) or not all(
        isinstance(root, dict)
        and isinstance(root.get("uri"), str)
        and root["uri"].startswith("file://")
        for root in roots
    ):
        return "is no list of `roots` with URIs of files"
    return None


_JUDGES: Final[dict[str, Callable[[Mapping[str, JSON]], str | None]]] = {
    "elicitation/create": _of_elicitation,
    "sampling/createMessage": _of_sampling,
    "roots/list": _of_roots,
}
