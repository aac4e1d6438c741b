"""What changed between two definitions of one name, and what that means. Pure."""

from collections.abc import Iterator
from typing import Final, Literal, final

import msgspec

from yett.core.document import encode
from yett.core.target import JSON

CHANGES_MAX: Final = 100
_TEXT_CHARS_MAX: Final = 200
_SUMMARY_CHARS_MAX: Final = 500

What = Literal["added", "removed", "changed"]

_MEANINGS: Final = (
    ("/inputSchema", "arguments"),
    ("/arguments", "arguments"),
    ("/outputSchema", "answer"),
    ("/annotations", "claims of the server"),
    ("/description", "text the model reads"),
    ("/title", "text the model reads"),
)
_READ_BY_MODEL: Final = ("description", "title", "examples", "default", "enum")


@final
class Change(msgspec.Struct, frozen=True):
    """pointer: RFC 6901. meaning: whom the change concerns. before, after: compact JSON, shortened."""

    pointer: str
    what: What
    meaning: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        match self.what:
            case "added":
                return f"{self.pointer} added ({self.meaning}): {self.after}"
            case "removed":
                return f"{self.pointer} removed ({self.meaning}): {self.before}"
            case "changed":
                return f"{self.pointer} changed ({self.meaning}): {self.before} -> {self.after}"


def compare(before: dict[str, JSON], after: dict[str, JSON]) -> tuple[Change, ...]:
    """Return what changed, in the order of the pointers, at most CHANGES_MAX. Key order is no change."""
    changes = []
    for change in _walk(before, after, ""):
        changes.append(change)
        if len(changes) == CHANGES_MAX:
            break
    return tuple(changes)


def summarise(changes: tuple[Change, ...]) -> str:
    """One line for a record: where it changed and whom it concerns, without the texts themselves."""
    parts = [f"{change.pointer} {change.what} ({change.meaning})" for change in changes]
    return "; ".join(parts)[:_SUMMARY_CHARS_MAX]


def _walk(before: JSON, after: JSON, pointer: str) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            below = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in before:
                yield Change(below, "added", _meaning(below), None, _text(after[key]))
            elif key not in after:
                yield Change(below, "removed", _meaning(below), _text(before[key]), None)
            else:
                yield from _walk(before[key], after[key], below)
    elif encode(before) != encode(after):  # 1, 1.0 and true are equal in Python, not here
        yield Change(pointer, "changed", _meaning(pointer), _text(before), _text(after))


def _meaning(pointer: str) -> str:
    if pointer.rsplit("/", 1)[-1] in _READ_BY_MODEL:
        return "text the model reads"
    for prefix, meaning in _MEANINGS:
        if pointer == prefix or pointer.startswith(prefix + "/"):
            return meaning
    return "other"


def _text(value: JSON) -> str:
    text = encode(value).decode()
    return text if len(text) <= _TEXT_CHARS_MAX else text[: _TEXT_CHARS_MAX - 1] + "…"
