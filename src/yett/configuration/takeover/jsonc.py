"""JSON as editors write it, with comments and trailing commas, and where each value stands in the text.

The places make it possible to replace one value and leave everything else of a user's file as it is.
"""

import json
import re
from typing import Any, Final, final

import msgspec

Path = tuple[str | int, ...]

DEPTH_MAX: Final = 64
_SPACE: Final = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRINGS: Final = json.JSONDecoder()
_WORD: Final = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


class JsoncError(ValueError):
    """Not JSON. Says the line; quotes nothing, since the file may hold secrets."""


@final
class Document(msgspec.Struct, frozen=True):
    """spans: path → (start, end) of the value in `text`."""

    text: str
    value: Any
    spans: dict[Path, tuple[int, int]]


def read_jsonc(text: str) -> Document:
    """Parse one document.

    Raises:
        JsoncError: not JSON with comments, a key twice, or nested too deep.
    """
    reader = _Reader(text)
    value, position = reader.value(0, ())
    if reader.skip(position) != len(text):
        raise reader.error("something follows the end", position)
    return Document(text, value, reader.spans)


@final
class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: dict[Path, tuple[int, int]] = {}

    def skip(self, position: int) -> int:
        match = _SPACE.match(self.text, position)
        return match.end() if match else position

    def error(self, what: str, position: int) -> JsoncError:
        return JsoncError(f"line {self.text.count(chr(10), 0, position) + 1}: {what}")

    def value(self, position: int, path: Path) -> tuple[Any, int]:
        if len(path) > DEPTH_MAX:
            raise self.error("nested too deep", position)
        start = self.skip(position)
        first = self.text[start : start + 1]
        value: Any
        if first == "{":
            value, end = self._object(start + 1, path)
        elif first == "[":
            value, end = self._array(start + 1, path)
        elif first == '"':
            value, end = self._string(start)
        else:
            word = _WORD.match(self.text, start)
            if word is None:
                raise self.error("a value is missing or misspelt", start)
            try:
                value, end = json.loads(word.group()), word.end()
            except ValueError:  # Python reads integers of up to 4300 digits
                raise self.error("a number has too many digits", start) from None
        self.spans[path] = (start, end)
        return value, end

    def _string(self, start: int) -> tuple[str, int]:
        try:
            text, end = _STRINGS.raw_decode(self.text, start)
        except ValueError:
            raise self.error("a text does not end, or has a wrong escape", start) from None
        return str(text), int(end)

    def _object(self, position: int, path: Path) -> tuple[dict[str, Any], int]:
        members: dict[str, Any] = {}
        position = self.skip(position)
        while not self.text.startswith("}", position):
            if not self.text.startswith('"', position):
                raise self.error("a key in quotes or `}` is missing", position)
            key, position = self._string(position)
            if key in members:
                raise self.error("a key stands there twice", position)
            position = self.skip(position)
            if not self.text.startswith(":", position):
                raise self.error("a `:` is missing", position)
            members[key], position = self.value(position + 1, (*path, key))
            position = self._separator(position, "}")
        return members, position + 1

    def _array(self, position: int, path: Path) -> tuple[list[Any], int]:
        items: list[Any] = []
        position = self.skip(position)
        while not self.text.startswith("]", position):
            item, position = self.value(position, (*path, len(items)))
            items.append(item)
            position = self._separator(position, "]")
        return items, position + 1

    def _separator(self, position: int, closing: str) -> int:
        position = self.skip(position)
        if self.text.startswith(",", position):
            return self.skip(position + 1)
        if not self.text.startswith(closing, position):
            raise self.error(f"a `,` or `{closing}` is missing", position)
        return position
