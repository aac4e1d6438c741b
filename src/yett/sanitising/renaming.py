"""URIs of a server in what it answers, under the names that they have on `/mcp`. Pure.

There a resource is `yett://server/…`; a link that a caller is handed must lead back through the gate,
and to the same server. Only where MCP puts a URI of a resource is one looked for: texts stay texts.
"""

from collections.abc import Callable
from typing import Final

from yett.core.target import JSON

Publish = Callable[[str, str], str]
"""Server and its own URI → the public one."""

_LISTS: Final = ("content", "contents", "messages")
_MARK: Final = b'"uri":'


def may_name(encoded: bytes) -> bool:
    """Tell whether an answer can hold a URI at all; nearly none does. encoded: compact JSON."""
    return encoded.find(_MARK) >= 0


def with_public_uris(result: dict[str, JSON], server: str, publish: Publish) -> dict[str, JSON]:
    """Return a checked result with public URIs; the input is not changed."""
    changed = {
        name: [_renamed(item, server, publish) for item in result[name]]
        for name in _LISTS
        if isinstance(result.get(name), list)
    }
    return {**result, **changed}


def _renamed(item: JSON, server: str, publish: Publish) -> JSON:
    """Rename in a block, in the contents of a resource, or in a message that holds a block."""
    if not isinstance(item, dict):
        return item
    found = dict(item)
    if isinstance(item.get("uri"), str):
        found["uri"] = publish(server, item["uri"])
    for inner in ("resource", "content"):
        if isinstance(item.get(inner), dict):
            found[inner] = _renamed(item[inner], server, publish)
    return found
