"""The REST face: the same calls, for programs that speak no MCP."""
