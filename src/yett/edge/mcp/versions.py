"""Protocol versions and what each expects. MCP 2026-07-28, basic/versioning."""

from typing import Final

MODERN: Final = "2026-07-28"
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Newest first."""
NEWEST_LEGACY: Final = LEGACY[0]
OLDEST: Final = LEGACY[-1]
BATCHING: Final = "2025-03-26"
"""The one version with batches."""
ASSUMED: Final = "2025-03-26"
"""Of a request without the header, where no session says otherwise (2025-06-18, transports)."""
SUPPORTED: Final = (MODERN, *LEGACY)
KNOWN: Final = frozenset(SUPPORTED)

META_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
META_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
META_LOG_LEVEL: Final = "io.modelcontextprotocol/logLevel"
META_PROGRESS: Final = "progressToken"
META_SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"
META_SERVER: Final = "io.modelcontextprotocol/serverInfo"
