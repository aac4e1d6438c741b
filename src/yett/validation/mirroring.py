"""Arguments that a caller mirrors into `Mcp-Param-*` headers: what a schema asks for, and whether a call
says the same in both places. Pure.

MCP 2026-07-28, Streamable HTTP: Custom Headers from Tool Parameters (SEP-2243). Somebody on the way may
have routed or allowed the call by such a header, so one that differs from the body is refused (CWE-444).
"""

import re
from collections.abc import Iterator
from typing import Final, final

import msgspec

from yett.core.bounds import INTEGER_DIGITS_MAX
from yett.core.errors import Denied
from yett.core.reasons import Reason
from yett.core.target import JSON
from yett.validation.arguments import pointer_to
from yett.validation.references import SchemaRefused, subschemas

_ANNOTATION: Final = "x-mcp-header"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")  # RFC 9110, 5.6.2
_TYPES: Final = frozenset({"string", "integer", "boolean"})
_INTEGER: Final = re.compile(r"(-?[0-9]+)(?:\.0+)?")


@final
class Mirror(msgspec.Struct, frozen=True):
    """One annotated argument. header: what follows `Mcp-Param-`, in lower case."""

    header: str
    path: tuple[str, ...]
    is_integer: bool


def mirrors_of(schema: dict[str, JSON]) -> tuple[Mirror, ...]:
    """Return what a tool's schema wants mirrored; nearly always nothing.

    Raises:
        SchemaRefused: an annotation stands where none may, or means nothing.
    """
    found: dict[str, Mirror] = {}
    for path, place in _annotated(schema):
        mirror = _mirror(path, place)
        if mirror.header in found:
            raise SchemaRefused(f"two arguments have the same `{_ANNOTATION}`")
        found[mirror.header] = mirror
    return tuple(found.values())


def check_mirrored(
    mirrors: tuple[Mirror, ...], headers: dict[str, str | None], arguments: dict[str, JSON]
) -> None:
    """Let a call go on only if each mirrored argument stands in its header as it stands in the body.
    Headers that the tool does not ask for mean nothing here.

    Raises:
        Denied: header_mismatch.
    """
    for mirror in mirrors:
        value = _value_at(mirror.path, arguments)
        if value is None and mirror.header not in headers:
            continue
        header = headers.get(mirror.header)
        if value is None or header is None or not _is_same(mirror, header, value):
            pointer = pointer_to(mirror.path)
            shown = f"Mcp-Param-{mirror.header} is missing, malformed or differs from the argument"
            raise Denied(Reason.HEADER_MISMATCH, f"{pointer} {shown}", pointer=pointer, shown=shown)


def _annotated(
    root: dict[str, JSON],
) -> Iterator[tuple[tuple[str, ...] | None, dict[str, JSON]]]:
    """Yield each annotated place with the names that lead to it; None if anything else leads there."""
    waiting: list[tuple[tuple[str, ...] | None, JSON]] = [((), root)]
    while waiting:
        path, place = waiting.pop()
        if not isinstance(place, dict):
            continue
        if _ANNOTATION in place:
            yield path, place
        for keyword, name, sub in subschemas(place):
            is_member = path is not None and keyword == "properties"
            waiting.append(((*(path or ()), str(name)) if is_member else None, sub))


def _mirror(path: tuple[str, ...] | None, place: dict[str, JSON]) -> Mirror:
    header, kind = place[_ANNOTATION], place.get("type")
    if not path:
        raise SchemaRefused(f"`{_ANNOTATION}` stands where no argument is reached by names alone")
    if not isinstance(header, str) or not _TOKEN.fullmatch(header):
        raise SchemaRefused(f"`{_ANNOTATION}` is no name of a header")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise SchemaRefused(f"`{_ANNOTATION}` is for texts, integers, true and false only")
    return Mirror(header.lower(), path, kind == "integer")


def _value_at(path: tuple[str, ...], arguments: dict[str, JSON]) -> JSON:
    place: JSON = arguments
    for name in path:
        if not isinstance(place, dict):
            return None
        place = place.get(name)
    return place


def _is_same(mirror: Mirror, header: str, value: JSON) -> bool:
    """Integers are compared as numbers: `42.0` is 42 (Server Validation)."""
    if isinstance(value, bool):
        return header == ("true" if value else "false")
    if mirror.is_integer and isinstance(value, (int, float)):
        found = _INTEGER.fullmatch(header)
        return found is not None and len(found[1]) <= INTEGER_DIGITS_MAX and int(found[1]) == value
    return isinstance(value, str) and header == value
