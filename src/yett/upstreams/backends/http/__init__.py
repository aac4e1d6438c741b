"""Streamable HTTP: a pooled keep-alive HTTP/1.1 client on httptools, and MCP of both eras over it."""
