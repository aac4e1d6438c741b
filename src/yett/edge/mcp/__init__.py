"""MCP over Streamable HTTP, both eras: pure translation between JSON-RPC and `Call` / `Reply`."""
