"""Arguments that a tool's schema wants repeated in `Mcp-Param-*` headers (MCP 2026-07-28, Streamable
HTTP: Custom Headers from Tool Parameters). Pure.

The catalogue refuses tools whose annotations break the rules, so what does so is passed over here.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, final

import msgspec
import orjson

from yett.core.bounds import SCHEMA_DEPTH_MAX
from yett.core.target import JSON
from yett.upstreams.backends.http.headers import encode_value

_ANNOTATION: Final = "x-mcp-header"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")  # RFC 9110 §5.6.2
_TYPES: Final = ("string", "integer", "boolean")


@final
class Mirror(msgspec.Struct, frozen=True):
    """One annotated argument. header: what follows `Mcp-Param-`. path: names that lead to it."""

    header: str
    path: tuple[str, ...]


def mirrors_of(tools: Iterable[dict[str, JSON]]) -> dict[str, tuple[Mirror, ...]]:
    """Return, by the names of those tools that have any, what is to be repeated."""
    found: dict[str, tuple[Mirror, ...]] = {}
    for tool in tools:
        mirrors = tuple(_mirrors(tool.get("inputSchema"), ()))
        name = tool.get("name")
        if mirrors and isinstance(name, str):
            found[name] = mirrors
    return found


def mirrored_lines(mirrors: tuple[Mirror, ...], arguments: JSON) -> bytes:
    """Return the header lines for one call; arguments that are absent or null have none."""
    if isinstance(arguments, orjson.Fragment):
        arguments = orjson.loads(orjson.dumps(arguments))
    lines = ""
    for mirror in mirrors:
        text = _text(_value_at(mirror.path, arguments))
        if text is not None:
            lines += f"Mcp-Param-{mirror.header}: {encode_value(text)}\r\n"
    return lines.encode()


def _mirrors(schema: JSON, path: tuple[str, ...]) -> Iterator[Mirror]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or len(path) >= SCHEMA_DEPTH_MAX:
        return
    for name, place in properties.items():
        if not isinstance(place, dict):
            continue
        header = place.get(_ANNOTATION)
        if isinstance(header, str) and _TOKEN.fullmatch(header) and place.get("type") in _TYPES:
            yield Mirror(header, (*path, name))
        yield from _mirrors(place, (*path, name))


def _value_at(path: tuple[str, ...], arguments: JSON) -> JSON:
    place = arguments
    for name in path:
        if not isinstance(place, dict):
            return None
        place = place.get(name)
    return place


def _text(value: JSON) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | str) else None
