"""MCP over Streamable HTTP, both eras: between JSON-RPC on the wire and `Call` / `Reply`. Nothing is decided here."""
