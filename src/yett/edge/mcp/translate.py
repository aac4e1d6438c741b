"""Results in the words of the caller's version (docs/explanation/versions.md): nothing is lost that the version can
say, and nothing is sent that it does not know. Pure.

A result comes in as some upstream gave it, in either era.
"""

from collections.abc import Callable
from typing import Final

import yett
from yett.core.document import encode
from yett.core.target import JSON
from yett.edge.mcp.versions import META_PROGRESS, META_SERVER, META_SUBSCRIPTION, MODERN

Result = dict[str, JSON]

SERVER_INFO: Final = {"name": "yett", "title": "Yett", "version": yett.__version__}
_CACHEABLE: Final = frozenset(
    {
        "server/discover",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "resources/read",
    }
)
_TTL_MILLISECONDS: Final = {"server/discover": 60_000}
_OWN_META: Final = frozenset({META_SERVER, META_SUBSCRIPTION, META_PROGRESS})
_MODERN_KEYS: Final = ("resultType", "ttlMs", "cacheScope")


def to_version(version: str, method: str, result: Result) -> Result:
    """Return `result` as a caller of `version` expects it; the input is never changed."""
    if version == MODERN:
        return to_modern(method, result)
    return _LEGACY[version](method, plain(result))


def plain(result: Result) -> Result:
    """Return the result without what only the modern era's transport means something by."""
    result = without_own_meta(result)
    if result.keys().isdisjoint(_MODERN_KEYS):
        return result
    return _without(result, *_MODERN_KEYS)


def without_own_meta(value: Result) -> Result:
    """Return a result, or parameters of a notification, without the members of `_meta` that each side of
    the gate has of its own: a server cannot name itself there, nor a stream of the caller."""
    meta = value.get("_meta")
    if not isinstance(meta, dict) or _OWN_META.isdisjoint(meta):
        return value
    kept = _without(meta, *_OWN_META)
    return value | {"_meta": kept} if kept else _without(value, "_meta")


def to_modern(method: str, result: Result) -> Result:
    """Add what 2026-07-28 demands. What the caller sees is filtered for it, so it is never shared; a
    question is not even kept (Caching)."""
    if method == "tools/list":
        result = _each(
            _without_bound_to_tasks(result), "tools", lambda tool: _without(tool, "execution")
        )
    result = without_own_meta(result)
    kind = result.get("resultType", "complete")
    added: Result = {"resultType": kind}
    if kind == "complete" and method in _CACHEABLE:
        added |= {"ttlMs": _TTL_MILLISECONDS.get(method, 0), "cacheScope": "private"}
    meta = result.get("_meta")
    own = {META_SERVER: SERVER_INFO}
    return result | added | {"_meta": meta | own if isinstance(meta, dict) else own}


def splice_modern(result: Result, encoded: bytes) -> bytes | None:
    """Do the work of `to_modern` for a `tools/call` on bytes; None where only the slow way is right. encoded:
    compact JSON of `result`."""
    if not result or not SPLICED.isdisjoint(result):
        return None
    return MODERN_PREFIX + encoded[1:]


SPLICED: Final = frozenset({"resultType", "_meta"})
"""Members that are put into a result, in front of all others, where it has none of them."""
MODERN_PREFIX: Final = (
    encode({"resultType": "complete", "_meta": {META_SERVER: SERVER_INFO}})[:-1] + b","
)


def _as_2025_11_25(method: str, result: Result) -> Result:
    if method in ("tools/call", "tasks/result"):
        return _object_structure_only(result)
    if method == "tools/list":
        return _each(result, "tools", _object_output_only)
    return result


def _as_2025_06_18(method: str, result: Result) -> Result:
    result = _without_bound_to_tasks(_as_2025_11_25(method, result))
    for key in ("tools", "resources", "resourceTemplates", "prompts"):
        if key in result:
            return _each(result, key, lambda item: _without(item, "icons", "execution"))
    return result


def _as_2025_03_26(method: str, result: Result) -> Result:
    result = _as_2025_06_18(method, result)
    if method == "tools/call":
        return _each(_without(result, "structuredContent"), "content", _link_as_text)
    if method == "prompts/get":
        return _each(result, "messages", lambda message: _in_message(message, _link_as_text))
    for key in ("tools", "resources", "resourceTemplates", "prompts"):
        if key in result:
            return _each(result, key, lambda item: _without(item, "title", "outputSchema", "_meta"))
    return result


def _as_2024_11_05(method: str, result: Result) -> Result:
    result = _as_2025_03_26(method, result)
    if method == "tools/call":
        return _each(result, "content", _sound_as_text)
    if method == "prompts/get":
        return _each(result, "messages", lambda message: _in_message(message, _sound_as_text))
    if method == "tools/list":
        return _each(result, "tools", lambda tool: _without(tool, "annotations"))
    return result


_LEGACY: Final[dict[str, Callable[[str, Result], Result]]] = {
    "2025-11-25": _as_2025_11_25,
    "2025-06-18": _as_2025_06_18,
    "2025-03-26": _as_2025_03_26,
    "2024-11-05": _as_2024_11_05,
}
REWRITTEN: Final = frozenset({"2025-03-26", "2024-11-05"})
"""Versions for which the result of a call is looked through, whatever is in it."""


TRANSLATED: Final = frozenset({*_MODERN_KEYS, "structuredContent", "_meta"})
"""Members of the result of a call that may stand otherwise in the other versions."""


def _without_bound_to_tasks(result: Result) -> Result:
    """Leave out tools that can be called as a task of 2025-11-25 only, where there are no such tasks."""
    tools = result.get("tools")
    if not isinstance(tools, list) or not any("execution" in tool for tool in tools):
        return result
    return result | {"tools": [tool for tool in tools if not _is_bound_to_tasks(tool)]}


def _is_bound_to_tasks(tool: Result) -> bool:
    execution = tool.get("execution")
    return isinstance(execution, dict) and execution.get("taskSupport") == "required"


def _object_structure_only(result: Result) -> Result:
    """Before 2026-07-28 `structuredContent` is an object; the text copy stays."""
    if "structuredContent" in result and not isinstance(result["structuredContent"], dict):
        return _without(result, "structuredContent")
    return result


def _object_output_only(tool: Result) -> Result:
    schema = tool.get("outputSchema")
    if schema is not None and (not isinstance(schema, dict) or schema.get("type") != "object"):
        return _without(tool, "outputSchema")
    return tool


def _link_as_text(block: Result) -> Result:
    if block.get("type") != "resource_link":
        return block
    return {"type": "text", "text": f"{block.get('name', '')} {block.get('uri', '')}".strip()}


def _sound_as_text(block: Result) -> Result:
    if block.get("type") != "audio":
        return block
    return {"type": "text", "text": f"[audio, {block.get('mimeType', 'of an unknown type')}]"}


def _in_message(message: Result, change: Callable[[Result], Result]) -> Result:
    content = message.get("content")
    return message | {"content": change(content)} if isinstance(content, dict) else message


def _each(result: Result, key: str, change: Callable[[Result], Result]) -> Result:
    items = result.get(key)
    if not isinstance(items, list):
        return result
    return result | {key: [change(item) if isinstance(item, dict) else item for item in items]}


def _without(value: Result, *names: str) -> Result:
    return {name: item for name, item in value.items() if name not in names}
