"""YAML read as plain values, with the line of every key; only the part of YAML that means one thing.

Refused: duplicate keys, anchors, aliases, merge keys, tags, several documents, keys that are no text,
and the words of YAML 1.1 that quietly become something else (`no`, `on`, `0o10`, `12:30`, dates).
The tree is built from the parser's events, so nothing is ever constructed or expanded (CWE-502, CWE-776).
"""

import re
from collections.abc import Iterator
from typing import Any, Final, final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from yett.core.errors import Problem

Path = tuple[str | int, ...]

DEPTH_MAX: Final = 16
_EVENTS_MAX: Final = 500_000

_PLAIN: Final = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_NUMBER: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,15})\.[0-9]{1,15}")
# What YAML 1.1 (and so other readers of this file) takes for a boolean, a number or a date.
_TRAP: Final = re.compile(
    r"(?:y|yes|no|n|on|off|true|false|null)"
    r"|[-+]?(?:0[0-9_]+|0[xob][0-9a-f_]+|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?)"
    r"|[-+]?[0-9][0-9_]*_[0-9_]*|[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?"
    r"|[-+]?\.inf|\.nan|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[t ].*)?|=|<<",
    re.IGNORECASE,
)


@final
class Source:
    """value: dicts, lists, texts, numbers, booleans and None. lines: path → line, counted from 1.
    complete: the whole file was read, so that `value` says all of it."""

    def __init__(self) -> None:
        self.value: Any = None
        self.lines: dict[Path, int] = {(): 1}
        self.problems: list[Problem] = []
        self.complete = False

    def line(self, path: Path) -> int:
        """Return the line of a path, or of the nearest thing around it that is there."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return self.lines[()]

    def refuse(self, message: str, fix: str, path: Path, line: int) -> None:
        self.problems.append(Problem(message, fix=fix, path=path, line=line))


@final
class _Place:
    """A mapping or a list that is still open. key: of a mapping, the one that waits for its value."""

    __slots__ = ("container", "key", "path")

    def __init__(self, container: dict[str, Any] | list[Any], path: Path) -> None:
        self.container = container
        self.path = path
        self.key: str | None = None


def read_source(text: str) -> Source:
    """Read one YAML document; whatever is wrong is in `problems` of the answer, nothing is raised."""
    source = Source()
    try:
        source.complete = _build(source, _events(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        source.refuse(
            f"this is not YAML: {error.problem or error.context}",
            "Compare the indentation and the quotes with the lines around it.",
            (),
            line,
        )
    except yaml.YAMLError:  # the reader's errors quote what they met
        source.refuse(
            "the file holds characters that YAML does not allow",
            "Save it as UTF-8 text without control characters.",
            (),
            1,
        )
    return source


def _events(text: str) -> Iterator[Event]:
    loader = yaml.CSafeLoader(text)
    try:
        for _ in range(_EVENTS_MAX):
            event = loader.get_event()
            if event is None:
                return
            yield event
    finally:
        loader.dispose()


def _build(source: Source, events: Iterator[Event]) -> bool:
    open_places: list[_Place] = []
    documents = 0
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1:
                source.refuse("there is a second document", "Keep one; remove `---`.", (), line)
                return True
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            open_places.pop()
        elif isinstance(event, (MappingStartEvent, SequenceStartEvent, ScalarEvent, AliasEvent)):
            _refuse_decoration(source, event, _path(open_places), line)
            if not _take(source, open_places, event, line):
                return False
    return True


def _take(source: Source, open_places: list[_Place], event: Event, line: int) -> bool:
    """Put one node where it belongs; False ends the reading."""
    inside = open_places[-1] if open_places else None
    if inside is not None and isinstance(inside.container, dict) and inside.key is None:
        return _take_key(source, inside, event, line)
    path = _path(open_places)
    source.lines.setdefault(path, line)
    value: Any = None
    if isinstance(event, ScalarEvent):
        value = _scalar(source, event, path, line)
    elif not isinstance(event, AliasEvent):
        value = {} if isinstance(event, MappingStartEvent) else []
    if inside is None:
        source.value = value
    elif isinstance(inside.container, list):
        inside.container.append(value)
    elif inside.key is not None:
        inside.container[inside.key] = value
        inside.key = None
    if isinstance(value, (dict, list)):
        if len(open_places) >= DEPTH_MAX:
            source.refuse(f"nested deeper than {DEPTH_MAX}", "Flatten it.", path, line)
            return False
        open_places.append(_Place(value, path))
    return True


def _take_key(source: Source, inside: _Place, event: Event, line: int) -> bool:
    if not isinstance(event, ScalarEvent):
        source.refuse("a key must be a text", "Write `name: value`.", inside.path, line)
        return False  # what follows belongs to the key and cannot be placed
    key = event.value
    path = (*inside.path, key)
    if not event.style and key == "<<":
        source.refuse("merge keys are not used here", "Write the keys out.", inside.path, line)
    elif not event.style and (_TRAP.fullmatch(key) or key in _PLAIN):
        source.refuse(
            f"YAML does not read the key `{key}` as text", f'Write "{key}" in quotes.', path, line
        )
    assert isinstance(inside.container, dict)  # noqa: S101 - the caller has looked
    if key in inside.container:
        first = source.lines[path]
        source.refuse(
            f"this key stands here twice; the first is in line {first}", "Keep one.", path, line
        )
    source.lines[path] = line
    inside.key = key
    inside.container.setdefault(key, None)
    return True


def _path(open_places: list[_Place]) -> Path:
    if not open_places:
        return ()
    inside = open_places[-1]
    if isinstance(inside.container, list):
        return (*inside.path, len(inside.container))
    return inside.path if inside.key is None else (*inside.path, inside.key)


def _refuse_decoration(source: Source, event: Event, path: Path, line: int) -> None:
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
        source.refuse("anchors and aliases are not used here", "Write the value out.", path, line)
    tag = getattr(event, "tag", None)
    if tag is not None:
        source.refuse("tags (`!…`) are not used here", "Remove the tag.", path, line)


def _scalar(source: Source, event: ScalarEvent, path: Path, line: int) -> Any:
    text = event.value
    if event.style:
        return text
    if text in _PLAIN:
        return _PLAIN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    if _TRAP.fullmatch(text):
        source.refuse(
            f"`{text}` is not text to every reader of YAML",
            f'Write "{text}" in quotes if you mean the text; for yes and no write true and false.',
            path,
            line,
        )
    return text
