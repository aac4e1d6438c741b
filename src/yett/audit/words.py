"""What a record can be found by: its members, and the words that stand in it. Pure.

A term is a text. Between two unit separators and before its value, the name of a member stands for a member
of that value; a plain term is a word. Words are runs of letters and digits in lower case, so that `id_42@Example` has three.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, final

import orjson

from yett.core.target import JSON

Entry = dict[str, JSON]

DECISIONS: Final = frozenset({"call", "refusal", "listing", "own"})
TERM_CHARS_MAX: Final = 40
"""What is longer is cut, here and in the question; the record itself is compared in full."""
_WORD: Final = re.compile(r"[^\W_]+")
_MARK: Final = "\x1f"
_REMEMBERED_MAX: Final = 16_384
_DEPTH_MAX: Final = 128

NUMBERS: Final = frozenset(
    {"sequence", "outcome_sequence", "at", "latency_ms", "upstream_ms", "bytes", "count", "cost_micros",
     "notices", "input_truncated"}
)  # fmt: skip
"""Members that nobody searches by their exact value."""
_OWN: Final = frozenset({"id", "private", "input_digest", "output_digest"})
"""Members whose values hardly ever come again: not worth remembering."""


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def cut(word: str) -> str:
    return word[:TERM_CHARS_MAX]


def field(name: str, value: str) -> str:
    """Return the term of a member that has a value."""
    return f"{_MARK}{name}{_MARK}{value[:TERM_CHARS_MAX]}"


def texts(value: JSON, depth: int = 0) -> Iterator[str]:
    """Yield every name and value inside a member, in order."""
    if isinstance(value, str):
        yield value
    elif depth > _DEPTH_MAX:
        yield str(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from texts(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, depth + 1)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def words_of(entry: Entry) -> list[str]:
    """Return all words of a record, in order; a repeated word is there twice."""
    found: list[str] = []
    for name, value in entry.items():
        if value and name not in NUMBERS:
            found += _words_inside(value)
    return found


def has_phrase(entry: Entry, wanted: list[str], *, open_ended: bool) -> bool:
    """Tell whether the words stand in the record one after the other. open_ended: the last may go on."""
    have = words_of(entry)
    size = len(wanted)
    if not size:
        return True
    *whole, last = wanted
    for start in range(len(have) - size + 1):
        end = have[start + size - 1]
        if (end == last or (open_ended and end.startswith(last))) and have[
            start : start + size - 1
        ] == whole:
            return True
    return False


@final
class TermMaker:
    """Knows what it has said of values that come again and again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def terms(self, entry: Entry) -> set[str]:
        """Return everything that a record is found by."""
        found: set[str] = set()
        for name, value in entry.items():
            if not value or name in NUMBERS:
                continue
            if isinstance(value, str):
                found.update(self._of_text(name, value))
            elif isinstance(value, list):
                for item in value:
                    found.update(
                        self._of_text(name, item)
                        if isinstance(item, str)
                        else map(cut, _words_inside(item))
                    )
            elif isinstance(value, dict):
                found.update(map(cut, _words_inside(value)))
        found.update(_about_the_whole(entry))
        return found

    def _of_text(self, name: str, value: str) -> tuple[str, ...]:
        if name in _OWN:
            return _terms_of_text(name, value)
        known = self._known.get((name, value))
        if known is None:
            if len(self._known) >= _REMEMBERED_MAX:
                self._known.clear()
            known = self._known[name, value] = _terms_of_text(name, value)
        return known


def targets(server: str | None, tool: str | None) -> tuple[str, ...]:
    """Return what `--tool SERVER[/TOOL]` is compared with. A refusal may know no more than the name that a
    caller wrote, in which the server stands first."""
    if server:
        return (server, f"{server}/{tool}") if tool else (server,)
    if tool and "__" in tool:
        return (tool.replace("__", "/", 1),)
    return ()


def _about_the_whole(entry: Entry) -> Iterable[str]:
    for target in targets(entry.get("server"), entry.get("tool")):
        yield field("target", target)
    caller = entry.get("caller")
    if isinstance(caller, dict):
        yield field("key", str(caller.get("id")))
        yield field("key", str(caller.get("name")))
    if entry["kind"] in DECISIONS:
        yield field("kind", "decision")


def _terms_of_text(name: str, value: str) -> tuple[str, ...]:
    return (field(name, value), *map(cut, words(value)))


def _words_inside(value: JSON) -> list[str]:
    if isinstance(value, str):
        return words(value)
    encoded = orjson.dumps(value).decode()
    if "\\" not in encoded:  # nothing is escaped, so the words stand there as they are
        return words(encoded)
    return words(" ".join(texts(value)))
