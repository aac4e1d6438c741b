"""The catalogue in the words of model providers (`GET /v1/tools?format=`): pure.

OpenAI: function calling, of chat completions and of responses. Anthropic: tool use. Names that they
would refuse are replaced by an alias, by which `/v1/execute` and `/mcp` know the tool as well.
"""

from collections.abc import Callable
from typing import Final

from yett.core.aliases import alias_of
from yett.core.target import JSON

Tool = dict[str, JSON]


def _openai(tool: Tool) -> Tool:
    return {"type": "function", "function": _function(tool, "parameters")}


def _openai_responses(tool: Tool) -> Tool:
    return {"type": "function", **_function(tool, "parameters")}


def _anthropic(tool: Tool) -> Tool:
    return _function(tool, "input_schema")


def _function(tool: Tool, schema_name: str) -> Tool:
    return {
        "name": alias_of(tool["name"]),
        "description": tool.get("description", ""),
        schema_name: tool["inputSchema"],
    }


FORMATS: Final[dict[str, Callable[[Tool], Tool]]] = {
    "mcp": lambda tool: tool,
    "openai": _openai,
    "openai-responses": _openai_responses,
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
