"""The catalogue in the words of model providers (`GET /v1/tools?format=`): pure."""

from collections.abc import Callable
from typing import Final

from yett.core.target import JSON

Tool = dict[str, JSON]


def _openai(tool: Tool) -> Tool:
    return {
        "type": "function",
        "function": {
            "name": tool["name"],
            "description": tool.get("description", ""),
            "parameters": tool["inputSchema"],
        },
    }


def _anthropic(tool: Tool) -> Tool:
    return {
        "name": tool["name"],
        "description": tool.get("description", ""),
        "input_schema": tool["inputSchema"],
    }


FORMATS: Final[dict[str, Callable[[Tool], Tool]]] = {
    "mcp": lambda tool: tool,
    "openai": _openai,
    "anthropic": _anthropic,
}


def render(tools: list[Tool], *, form: str, query: str) -> dict[str, JSON]:
    """Return the tools whose name or description holds `query`, in `form`."""
    wanted = query.casefold()
    return {
        "tools": [
            FORMATS[form](tool)
            for tool in tools
            if wanted in tool["name"].casefold()
            or wanted in str(tool.get("description", "")).casefold()
        ]
    }
