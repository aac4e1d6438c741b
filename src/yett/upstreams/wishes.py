"""Which of a caller's capabilities a server hears of: what the operator lets it ask, in words of ours. Pure."""

from collections.abc import Collection
from typing import Final

import orjson

from yett.core.talk import Talk
from yett.core.target import JSON
from yett.upstreams.port import NO_WISHES, Wishes

_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "elicitation": ("form", "url"),
    "sampling": ("tools", "context"),
    "roots": (),
}
"""Capabilities and the parts of them that mean something. All else a caller declares is dropped."""


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


def offered(wishes: Wishes) -> dict[str, JSON]:
    """Return the capabilities as they are declared to the server."""
    found: dict[str, JSON] = orjson.loads(wishes.capabilities)
    return found
