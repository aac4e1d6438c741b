"""Takes entries out of a `yett.yaml` and leaves the rest as it is: comments, order and layout.

As with adding, what comes out is loaded again by whoever calls this, so a layout that is not
understood ends in an error and never in a changed meaning.
"""

from collections.abc import Callable, Iterator
from typing import Final, final

import msgspec
import yaml

from yett.configuration.editing import end_of, top_level
from yett.core.errors import CommandError

_GAP: Final = " \t"


@final
class _Part(msgspec.Struct, frozen=True):
    """One entry of a mapping or list, as characters of the text. start: of its key, or its value."""

    start: int
    end: int


def remove_entry(text: str, key: str, name: str) -> str:
    """Return the text without the entry `name` of the mapping at a top-level key.

    Raises:
        CommandError: the file is laid out in a way that nothing can be taken out of.
    """
    head, node = _found(text, key)
    if head is None or not isinstance(node, yaml.MappingNode):
        return text
    parts = [_Part(k.start_mark.index, end_of(v)) for k, v in node.value]
    gone = {index for index, (k, _) in enumerate(node.value) if k.value == name}
    return _without(text, head, node, parts, gone)


def remove_items(text: str, key: str, wanted: Callable[[str], bool]) -> str:
    """Return the text without the items that are `wanted`, of every list in the mapping at a key.

    Raises:
        CommandError: as for `remove_entry`.
    """
    _, node = _found(text, key)
    if not isinstance(node, yaml.MappingNode):
        return text
    # From the last list to the first, so that the places of the others stay right.
    for head, items in sorted(node.value, key=lambda entry: -entry[1].start_mark.index):
        if isinstance(items, yaml.SequenceNode):
            parts = [_Part(item.start_mark.index, end_of(item)) for item in items.value]
            gone = {index for index, item in enumerate(items.value) if wanted(item.value)}
            text = _without(text, head, items, parts, gone)
    return text


def _found(text: str, key: str) -> tuple[yaml.Node, yaml.Node] | tuple[None, None]:
    try:
        return top_level(text, key) or (None, None)
    except yaml.YAMLError:
        raise CommandError("The configuration is no YAML; run `yett check`") from None


def _without(
    text: str, head: yaml.Node, node: yaml.CollectionNode, parts: list[_Part], gone: set[int]
) -> str:
    """head: the key that the mapping or list stands at."""
    if not gone:
        return text
    cut = _cuts_in_flow if node.flow_style else _cuts_in_block
    cuts = list(cut(text, parts, gone))
    for start, end in sorted(cuts, reverse=True):
        text = text[:start] + text[end:]
    if len(gone) == len(parts) and not node.flow_style:
        empty = " {}" if isinstance(node, yaml.MappingNode) else " []"
        colon = text.index(":", head.end_mark.index) + 1
        return f"{text[:colon]}{empty}{text[colon:]}"
    return text


def _cuts_in_flow(text: str, parts: list[_Part], gone: set[int]) -> Iterator[tuple[int, int]]:
    """With the comma that follows, or for the last ones with the one before."""
    del text
    kept_before = [index for index in range(len(parts)) if index not in gone]
    for index in sorted(gone):
        if kept_before and index > kept_before[-1]:
            yield parts[index - 1].end, parts[index].end
        elif index + 1 < len(parts):
            yield parts[index].start, parts[index + 1].start
        else:
            yield parts[index].start, parts[index].end


def _cuts_in_block(text: str, parts: list[_Part], gone: set[int]) -> Iterator[tuple[int, int]]:
    """Whole lines, and the comments behind them that stand deeper: they were about the entry."""
    for index in sorted(gone):
        start = text.rfind("\n", 0, parts[index].start) + 1
        column = len(text[start:]) - len(text[start:].lstrip(_GAP))
        yield start, _end_of_lines(text, parts[index].end, column)


def _end_of_lines(text: str, end: int, column: int) -> int:
    last = text.find("\n", end - 1 if text[end - 1] == "\n" else end)
    if last < 0:
        return len(text)
    position = last + 1
    while position < len(text):
        line_end = text.find("\n", position)
        line_end = len(text) if line_end < 0 else line_end
        line = text[position:line_end]
        bare = line.lstrip(_GAP)
        if not bare.startswith("#") or len(line) - len(bare) <= column:
            break
        position = min(line_end + 1, len(text))
    return position
