"""What to paste where, so that an agent finds the gate."""

import json
import shlex


def snippets(url: str, key: str) -> dict[str, str]:
    """Return ready-to-paste text by client. url: of the gate, with or without `/mcp`."""
    base = url.rstrip("/").removesuffix("/mcp")
    header = f"Authorization: Bearer {key}"
    entry = {"url": f"{base}/mcp", "headers": {"Authorization": f"Bearer {key}"}}
    return {
        "curl": f"curl {shlex.quote(f'{base}/v1/tools')} -H {shlex.quote(header)}",
        "Claude Code": (
            f'claude mcp add --transport http yett {shlex.quote(f"{base}/mcp")} --header "{header}"'
        ),
        "Cursor (~/.cursor/mcp.json)": json.dumps({"mcpServers": {"yett": entry}}, indent=2),
        "VS Code (.vscode/mcp.json)": json.dumps(
            {"servers": {"yett": {"type": "http", **entry}}}, indent=2
        ),
    }
