"""Messages of modern callers; tests bend one part of them."""

from typing import Any

MODERN = "2026-07-28"
PREFIX = "io.modelcontextprotocol/"
META = {
    f"{PREFIX}protocolVersion": MODERN,
    f"{PREFIX}clientInfo": {"name": "t", "version": "0"},
    f"{PREFIX}clientCapabilities": {},
}
CALL = {"name": "notes__read", "arguments": {"title": "a"}}


def modern(
    method: str,
    params: dict[str, Any] | None = None,
    *,
    id_: Any = 1,
    **meta: Any,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return body and headers. meta: members of `_meta`; those of MCP without their prefix."""
    prefixed = {
        name if name in ("progressToken", "traceparent", "tracestate", "baggage") else f"{PREFIX}{name}": value
        for name, value in meta.items()
    }  # fmt: skip
    whole = dict(params or {}) | {"_meta": META | prefixed}
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    named = whole.get("name") or whole.get("uri")
    if isinstance(named, str):
        headers["Mcp-Name"] = named
    body: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": whole}
    return (body if id_ is None else body | {"id": id_}), headers
