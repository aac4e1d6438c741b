"""The files in which MCP clients keep their servers: which client it is, and where the servers stand.

Claude Desktop, Claude Code, Cursor and plain `mcp.json` keep `mcpServers`; VS Code keeps `servers`
with `inputs`, in `.vscode/mcp.json` or under `mcp` in settings; `~/.claude.json` keeps them per project.
"""

from pathlib import Path
from typing import Any, Literal, final

import msgspec

from yett.configuration.takeover.jsonc import Document, JsoncError, read_jsonc
from yett.core.errors import CommandError

Client = Literal["claude-desktop", "claude-code", "cursor", "vscode", "plain"]
Where = tuple[str | int, ...]


@final
class ClientFile(msgspec.Struct, frozen=True):
    """places: where in the document servers stand → the servers there, by name. inputs: of VS Code,
    where they stand (None: nowhere). root: the directory that the client calls the workspace."""

    client: Client
    document: Document
    places: dict[Where, dict[str, Any]]
    inputs: Where | None
    root: Path


def read_client_file(path: Path, text: str, *, client: Client | None = None) -> ClientFile:
    """Understand a client's file.

    Raises:
        CommandError: it is not such a file; says why.
    """
    try:
        document = read_jsonc(text)
    except JsoncError as error:
        raise CommandError(f"`{path}` is not JSON: {error}. Nothing was changed") from None
    value = document.value
    if not isinstance(value, dict):
        raise CommandError(f"`{path}` is no client's file: it holds no object. Nothing was changed")
    places = _places(value)
    if not places:
        raise CommandError(
            f"`{path}` names no MCP servers: there is no `mcpServers`, `servers` or `mcp.servers` in it"
        )
    for where, servers in places.items():
        _check_servers(path, where, servers)
    inputs = _inputs(value)
    root = path.resolve().parent
    return ClientFile(
        client=client or _client_of(path, places),
        document=document,
        places=places,
        inputs=inputs,
        root=root.parent if root.name in {".vscode", ".cursor"} else root,
    )


def input_ids(file: ClientFile) -> list[dict[str, Any]]:
    """Return the `inputs` of VS Code as they stand there."""
    if file.inputs is None:
        return []
    value: Any = file.document.value
    for key in file.inputs:
        value = value.get(key, {}) if isinstance(value, dict) else {}
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _places(value: dict[str, Any]) -> dict[Where, Any]:
    places: dict[Where, Any] = {}
    for key in ("mcpServers", "servers"):
        if key in value:
            places[(key,)] = value[key]
    mcp = value.get("mcp")
    if isinstance(mcp, dict) and "servers" in mcp:
        places[("mcp", "servers")] = mcp["servers"]
    projects = value.get("projects")
    if isinstance(projects, dict):
        for name, project in projects.items():
            if isinstance(project, dict) and project.get("mcpServers"):
                places[("projects", name, "mcpServers")] = project["mcpServers"]
    return places


def _check_servers(path: Path, where: Where, servers: object) -> None:
    name = ".".join(map(str, where))
    if not isinstance(servers, dict):
        raise CommandError(f"`{path}`: `{name}` is no object of servers. Nothing was changed")
    for server, section in servers.items():
        if not isinstance(section, dict):
            raise CommandError(f"`{path}`: the server `{server}` is no object. Nothing was changed")


def _inputs(value: dict[str, Any]) -> Where | None:
    if "servers" in value:
        return ("inputs",)
    mcp = value.get("mcp")
    return ("mcp", "inputs") if isinstance(mcp, dict) and "servers" in mcp else None


def _client_of(path: Path, places: dict[Where, Any]) -> Client:
    if path.name == "claude_desktop_config.json":
        return "claude-desktop"
    if path.name in {".mcp.json", ".claude.json"}:
        return "claude-code"
    if path.resolve().parent.name == ".cursor":
        return "cursor"
    if ("servers",) in places or ("mcp", "servers") in places:
        return "vscode"
    return "plain"
