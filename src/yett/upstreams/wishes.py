"""Which of a caller's capabilities a server hears of: what the operator lets it ask, in words of ours. Pure."""

from collections.abc import Collection
from typing import Final

import orjson

from yett.core.talk import QUESTIONS, Talk
from yett.core.target import JSON
from yett.upstreams.port import NO_WISHES, Wishes

_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "elicitation": ("form", "url"),
    "sampling": ("tools", "context"),
    "roots": (),
}
"""Capabilities and the parts of them that mean something. All else a caller declares is dropped."""
_TOOLS: Final = frozenset({"tools", "toolChoice"})


def wishes_of(talk: Talk, may_ask: Collection[str]) -> Wishes:
    """Return what a conversation must offer for this call. may_ask: capabilities, by the operator.

    An empty `elicitation` means forms (MCP 2025-11-25, Elicitation: Capabilities).
    """
    capabilities: dict[str, JSON] = {}
    for name, parts in _PARTS.items():
        declared = talk.capabilities.get(name)
        if name in may_ask and isinstance(declared, dict):
            capabilities[name] = {
                part: {} for part in parts if isinstance(declared.get(part), dict)
            }
    if not capabilities and talk.log_level is None:
        return NO_WISHES
    return Wishes(orjson.dumps(capabilities), talk.log_level)


def every_wish(may_ask: Collection[str]) -> Wishes:
    """Return what a conversation must offer in which a server shows what it has: some of it only to a client
    that can be asked. may_ask: as above."""
    declared: dict[str, JSON] = {
        name: {part: {} for part in parts} for name, parts in _PARTS.items()
    }
    return wishes_of(Talk(capabilities=declared), may_ask)


def offered(wishes: Wishes) -> dict[str, JSON]:
    """Return the capabilities as they are declared to the server."""
    found: dict[str, JSON] = orjson.loads(wishes.capabilities)
    return found


def may_be_asked(wishes: Wishes, method: str, params: dict[str, JSON]) -> bool:
    """Tell whether a server may ask this of the caller: the caller declared it, and the operator lets it.

    MCP 2025-11-25: Elicitation (modes), Sampling (tools).
    """
    parts = offered(wishes).get(QUESTIONS.get(method, ""))
    if not isinstance(parts, dict):
        return False
    if method == "elicitation/create":
        mode = params.get("mode", "form")
        return mode == "form" if not parts else mode in ("form", "url") and mode in parts
    if method == "sampling/createMessage" and not params.keys().isdisjoint(_TOOLS):
        return "tools" in parts
    return True
