"""docs/reference/http.md: the paths of both listeners and the methods of MCP, from their tables."""

import json
from collections.abc import Iterator
from typing import Final

from scripts.reference.page import NOTE

from yett.admin.application import openapi
from yett.core.operations import OPERATIONS, Road
from yett.edge.mcp.versions import LEGACY, MODERN
from yett.edge.rest.formats import FORMATS
from yett.edge.rest.route import PATHS

_DATA_PATHS: Final = {
    "/execute": ("POST", 'One call: `{"tool": SERVER, "operation": TOOL, "input": {…}}`'),
    "/v1/execute": ("POST", "The same. `Idempotency-Key`: made once, answered again for a day"),
    "/v1/tools": (
        "GET",
        f"What the key may call. `format`: {', '.join(FORMATS)}. `q`: only names and descriptions that hold it",
    ),
    "/v1/key": ("GET", "The caller's own key: roles, tenant, expiry, grants, limits"),
    "/v1/usage": ("GET", "The caller's own limits, what is left, when it resets"),
}
_ROADS: Final = {
    Road.CALL: "the whole road, to a server and back",
    Road.LIST: "answered from the approved catalogue",
    Road.ATTEND: "concerns the caller alone",
}


def http_page() -> str:
    if {path.encode() for path in _DATA_PATHS} != PATHS:
        raise ValueError("_DATA_PATHS and the REST route differ")
    lines = [
        "# HTTP\n",
        NOTE,
        "## Data listener (`listen`)\n",
        "Every path but the two for health wants `Authorization: Bearer KEY`. Bodies are JSON in UTF-8, not compressed.",
        "Every answer to a request carries `Yett-Request-Id`, the id of its audit record. After twenty failures in a minute an address is",
        "answered 429 with `Retry-After` instead of 401; those have no record of their own, but are counted in one. A good key works",
        "from there all the same.\n",
        "| path | method | what |",
        "|---|---|---|",
        "| `/mcp` | POST, GET, DELETE | MCP: everything the key may use, tools named `SERVER__TOOL` |",
        "| `/mcp/SERVER` | POST, GET, DELETE | MCP: one server, its names unchanged |",
        *(f"| `{path}` | {method} | {what} |" for path, (method, what) in _DATA_PATHS.items()),
        "| `/healthz` | GET | 200 `ok` while the process answers |",
        "| `/readyz` | GET | 200 `ok` when a call could be served and recorded, else 503 |",
        "",
        "The two for health answer under any `Host`, since those who probe use addresses; nothing else does.\n",
        f"MCP versions: {MODERN} (no session), and {', '.join(LEGACY)} (`initialize`, `Mcp-Session-Id`; GET opens the stream of",
        "server messages, DELETE ends the session). The version decides only the form, never what is allowed.\n",
        "An answer of `/v1/execute`:\n",
        "```json",
        json.dumps(
            {
                "id": "…",
                "tool": "notes",
                "operation": "read_note",
                "output": {"content": [{"type": "text", "text": "…"}], "isError": False},
                "usage": {"cost": "0 USD", "budget_remaining": None},
            },
            ensure_ascii=False,
        ),
        "```\n",
        "Refusals are [one closed list](reasons.md).\n",
        "## MCP methods\n",
        "What is not in this table is refused as `unknown_method`. Names that begin with `yett/` and `session/` cannot be",
        "sent; they are how the REST routes and the session's own requests appear in the record.\n",
        "| method | road |",
        "|---|---|",
        *(f"| `{name}` | {_ROADS[operation.road]} |" for name, operation in OPERATIONS.items()),
        "",
        "## Admin listener (`admin.listen`)\n",
        "Every path but `/healthz` wants `Authorization: Bearer TOKEN` with the token in `admin-token` of the data directory, a",
        "`Host` of its own, and no `Origin`. Every request but a scrape leaves an event in the audit log first; after twenty refusals",
        "in a minute an address is answered 429, and what it is refused from then on is counted in one event a minute.\n",
        "| path | method | what | parameters |",
        "|---|---|---|---|",
        *_admin_rows(),
        "| `/api/v1/openapi.json` | GET | This table as OpenAPI 3.1 | none |",
        "| `/metrics` | GET | [Metrics](metrics.md) | none |",
        "| `/healthz` | GET | 200 `ok` while the process answers | none |",
    ]
    return "\n".join(lines) + "\n"


def _admin_rows() -> Iterator[str]:
    for path, operations in openapi()["paths"].items():
        for method, operation in operations.items():
            names = [f"`{item['name']}`" for item in operation.get("parameters", [])]
            shown = ", ".join(names) or "none"
            yield f"| `{path}` | {method.upper()} | {operation['summary']} | {shown} |"
