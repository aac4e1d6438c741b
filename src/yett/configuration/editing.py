"""Adds to a `yett.yaml` without touching what is there: comments, order and layout stay.

The place is found from the YAML parser's own marks; what comes out is loaded again by whoever calls
this, so a layout that is not understood ends in an error and never in a changed meaning.
"""

import json
from typing import Any, Final, final

import msgspec
import yaml

from yett.core.errors import CommandError

_INDENT: Final = "  "
_DEPTH_MAX: Final = 32


@final
class _Block(msgspec.Struct, frozen=True):
    """Where the value of one top-level key stands. Indexes count characters of the text.

    start, end: of the value itself. flow: `{…}`. empty: nothing in it. indent: of its entries, as
    written. last: the end of the last thing in it.
    """

    start: int
    end: int
    flow: bool
    empty: bool
    indent: str
    last: int


def add_entries(text: str, key: str, entries: dict[str, Any]) -> str:
    """Return the text with entries added to the mapping at a top-level key, which is made if needed.

    Raises:
        CommandError: the file is laid out in a way that cannot be added to.
    """
    if not entries:
        return text
    try:
        block = _find(text, key)
    except yaml.YAMLError:
        raise CommandError("The configuration is no YAML; run `yett check`") from None
    if block is None:
        separator = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{separator}{key}:\n{_lines(entries, _INDENT)}"
    if block.empty:
        head = text[: block.start].rstrip(" ")
        rest = text[block.end :]
        comment, newline, after = rest.partition("\n")
        return f"{head}{comment.rstrip()}{newline or chr(10)}{_lines(entries, _INDENT)}{after}"
    if block.flow:
        body = text[: block.end - 1].rstrip()
        comma = "" if body.endswith((",", "{")) else ","
        inner = ", ".join(_entry(name, entry) for name, entry in entries.items())
        return f"{text[: block.end - 1]}{comma} {inner}{text[block.end - 1 :]}"
    line_end = text.find("\n", block.last - 1 if text[block.last - 1] == "\n" else block.last)
    if line_end < 0:
        return f"{text}\n{_lines(entries, block.indent)}"
    return f"{text[: line_end + 1]}{_lines(entries, block.indent)}{text[line_end + 1 :]}"


def top_level(text: str, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return a top-level key and its value with the places where they are written; None without.

    Raises:
        CommandError: the file is one `{…}` or no mapping at all.
        yaml.YAMLError: it is no YAML.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise CommandError(
            "The configuration is not written as one `key: value` per line, so it cannot be edited."
            " Nothing was changed"
        )
    return next((entry for entry in root.value if entry[0].value == key), None)


def _find(text: str, key: str) -> _Block | None:
    found = top_level(text, key)
    if found is None:
        return None
    node = found[1]
    start, end = node.start_mark.index, node.end_mark.index
    if not isinstance(node, yaml.MappingNode) or not node.value:
        return _Block(start, end, flow=False, empty=True, indent=_INDENT, last=end)
    indent = " " * node.value[0][0].start_mark.column
    flow = bool(node.flow_style)
    return _Block(start, end, flow=flow, empty=False, indent=indent, last=end_of(node))


def end_of(node: yaml.Node) -> int:
    """Return the end of the last thing written in a node; a block's own mark lies behind comments."""
    for _ in range(_DEPTH_MAX):
        if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
            break
        child = node.value[-1]
        node = child[1] if isinstance(child, tuple) else child
    return int(node.end_mark.index)


def _lines(entries: dict[str, Any], indent: str) -> str:
    return "".join(f"{indent}{_block(name, entry, indent)}" for name, entry in entries.items())


def _block(name: str, entry: Any, indent: str) -> str:
    if not isinstance(entry, dict) or not entry:
        return f"{_key(name)}: {_flow(entry)}\n"
    inner = "".join(
        f"{indent}{_INDENT}{_key(key)}: {_flow(value)}\n" for key, value in entry.items()
    )
    return f"{_key(name)}:\n{inner}"


def _entry(name: str, entry: Any) -> str:
    return f"{_key(name)}: {_flow(entry)}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str):
        return quoted_text(value)
    return json.dumps(value)


def _key(name: str) -> str:
    plain = name.replace("-", "").replace("_", "")
    traps = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    if plain.isascii() and plain.isalnum() and name[0].isalpha() and name.lower() not in traps:
        return name
    return quoted_text(name)


def quoted_text(text: str) -> str:
    """Return a YAML double-quoted scalar; every character that a reader could mistake is escaped."""
    parts = []
    for character in text:
        if character in '"\\':
            parts.append("\\" + character)
        elif character.isprintable():
            parts.append(character)
        else:
            parts.append(f"\\U{ord(character):08x}")
    return '"' + "".join(parts) + '"'
