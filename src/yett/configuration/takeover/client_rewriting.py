"""Points a client's file at Yett: its servers go, one entry `yett` comes, everything else stays as it is.

The key is never written into the file: each client has a way to take it from elsewhere. Claude Code
and plain files expand `${YETT_KEY}`, Cursor `${env:YETT_KEY}`, VS Code asks once and keeps it
(`${input:yett-key}`). Claude Desktop's file knows programs only, so the entry starts the bridge
`mcp-remote`, which expands `${YETT_KEY}` of the environment that Claude Desktop runs in.
"""

import json
from typing import Any, Final

from yett.configuration.takeover.client_file import Client, ClientFile, Where, input_ids
from yett.configuration.takeover.jsonc import read_jsonc

ENTRY_NAME: Final = "yett"
_INPUT: Final = {
    "type": "promptString",
    "id": "yett-key",
    "description": "Key of Yett (yett key create)",
    "password": True,
}
_PLACEHOLDERS: Final[dict[Client, str]] = {
    "claude-code": "${YETT_KEY}",
    "claude-desktop": "${YETT_KEY}",
    "cursor": "${env:YETT_KEY}",
    "vscode": "${input:yett-key}",
    "plain": "${YETT_KEY}",
}


def rewritten(file: ClientFile, *, url: str) -> str:
    """Return the file's new text. url: of Yett's `/mcp`."""
    edits = {
        file.document.spans[where]: _json({ENTRY_NAME: client_entry(file.client, url)}, len(where))
        for where, servers in file.places.items()
        if servers
    }
    if file.inputs is not None:
        span, text = _inputs(file, file.inputs)
        edits[span] = text
    text = file.document.text
    for (start, end), new in sorted(edits.items(), reverse=True):
        text = text[:start] + new + text[end:]
    read_jsonc(text)
    return text


def client_entry(client: Client, url: str) -> dict[str, Any]:
    """Return how this client writes a server that is Yett, with a placeholder for the key."""
    authorization = f"Bearer {_PLACEHOLDERS[client]}"
    if client == "claude-desktop":
        header = ["--header", f"Authorization: {authorization}"]
        return {"command": "npx", "args": ["-y", "mcp-remote", url, *header]}
    entry = {"url": url, "headers": {"Authorization": authorization}}
    return entry if client == "cursor" else {"type": "http", **entry}


def how_to_give_the_key(client: Client) -> str:
    """Say what its user does so that the client finds the key."""
    if client == "vscode":
        return "VS Code asks for the key at the first use and keeps it in its own secret storage"
    if client == "claude-desktop":
        return (
            "set YETT_KEY in the environment that Claude Desktop is started in"
            " (macOS: launchctl setenv YETT_KEY …)"
        )
    return "set YETT_KEY in the environment that the client is started in"


def _inputs(file: ClientFile, where: Where) -> tuple[tuple[int, int], str]:
    """Keep the inputs that nothing else than the replaced servers asked for out of the new file."""
    replaced = json.dumps(list(file.places.values()))
    kept = [
        item
        for item in input_ids(file)
        if item.get("id") != _INPUT["id"] and f"${{input:{item.get('id')}}}" not in replaced
    ]
    text = _json([*kept, _INPUT], len(where))
    if where in file.document.spans:
        return file.document.spans[where], text
    inside = file.document.spans[where[:-1]][0] + 1
    indent = "  " * len(where)
    return (inside, inside), f'\n{indent}"inputs": {text},'


def _json(value: Any, depth: int) -> str:
    """Return indented JSON as it looks `depth` levels inside a document."""
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n" + "  " * depth)
