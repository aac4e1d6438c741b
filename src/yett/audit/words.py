"""What a record can be found by: its members, and the words that stand in it. Pure.

A term is a text. Between two unit separators and before its value, the name of a member stands for a member
of that value; a plain term is a word. Words are runs of letters and digits in lower case, so that `id_42@Example` has three.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, final

from yett.core.document import encode
from yett.core.target import JSON

Entry = dict[str, JSON]

DECISIONS: Final = frozenset({"call", "refusal", "listing", "own"})
TERM_CHARS_MAX: Final = 24
"""What is longer is cut, here and in the question; the record itself is compared in full."""
WORDS_MAX: Final = 600
"""Of a record with more words none is noted, or callers could make the index longer than the log."""
MANY_WORDS: Final = "\x1f"
"""The term of such records; they are looked at for every word."""
_WORD: Final = re.compile(r"[^\W_]+")
_MARK: Final = "\x1f"
_DEPTH_MAX: Final = 128

NUMBERS: Final = frozenset(
    {"sequence", "outcome_sequence", "at", "latency_ms", "upstream_ms", "bytes", "count", "cost_micros",
     "notices", "input_truncated"}
)  # fmt: skip
"""Members that nobody searches by their exact value."""
_OWN: Final = frozenset(
    {
        "id",
        "continues",
        "private",
        "input_digest",
        "output_digest",
        "answers_digest",
        "questions_digest",
    }
)
"""Members whose values hardly ever come again. They are found by the words in them."""


def is_word(term: str) -> bool:
    return not term.startswith(_MARK)


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def cut(word: str) -> str:
    return word[:TERM_CHARS_MAX]


def field(name: str, value: str) -> str:
    """Return the term of a member that has a value."""
    return f"{_MARK}{name}{_MARK}{cut(value)}"


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


def terms_of(name: str, value: str) -> list[str]:
    """Return what a record with this member is found by."""
    found = [cut(word) for word in words(value)]
    return found if name in _OWN else [field(name, value), *found]


@final
class Register:
    """What each record of a stretch is found by. The same values come again and again: what one is found by is
    thought about once."""

    def __init__(self) -> None:
        self._values: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(_lists)
        self._targets: defaultdict[tuple[str | None, str | None], list[int]] = _lists()
        self._words: defaultdict[str, list[int]] = _lists()

    def add(self, number: int, entry: Entry) -> None:
        """Take a record in. Numbers come in ascending order."""
        values, lists = self._values, self._words
        own: list[str] = []
        for name, value in entry.items():
            if not value or name in NUMBERS:
                continue
            if isinstance(value, str) and name not in _OWN:
                values[name][value].append(number)
            else:
                own += self._other(number, name, value)
        distinct = {word[:TERM_CHARS_MAX] for word in own}
        for word in distinct if len(distinct) <= WORDS_MAX else (MANY_WORDS,):
            lists[word].append(number)
        self._targets[entry.get("server"), entry.get("tool")].append(number)
        if entry["kind"] in DECISIONS:
            values["kind"]["decision"].append(number)

    def _other(self, number: int, name: str, value: JSON) -> list[str]:
        """Take in what is no text, or one of its own; return the words in it that are not taken in yet."""
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            for item in value:
                self._values[name][item].append(number)
            return []
        if name == "caller" and isinstance(value, dict):
            for part in ("id", "name"):
                self._values["key"][str(value.get(part))].append(number)
        return _words_inside(value)

    def terms(self) -> dict[str, int]:
        """Return for each term the records that have it, as bits."""
        found = {word: bits_of(numbers) for word, numbers in self._words.items()}
        for name, values in self._values.items():
            for value, numbers in values.items():
                bits = bits_of(numbers)
                for term in terms_of(name, value):
                    found[term] = found.get(term, 0) | bits
        for asked, numbers in self._targets.items():
            bits = bits_of(numbers)
            for target in targets(*asked):
                term = field("target", target)
                found[term] = found.get(term, 0) | bits
        return found


def _lists() -> "defaultdict[Any, list[int]]":
    return defaultdict(list)


def bits_of(numbers: list[int]) -> int:
    """Return ascending numbers as bits."""
    if len(numbers) == 1:
        return 1 << numbers[0]
    bits = bytearray((numbers[-1] >> 3) + 1)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(bits, "little")


def targets(server: str | None, tool: str | None) -> tuple[str, ...]:
    """Return what `--tool SERVER[/TOOL]` is compared with. A refusal may know no more than the name that a
    caller wrote, in which the server stands first."""
    if server:
        return (server, f"{server}/{tool}") if tool else (server,)
    if tool and "__" in tool:
        return (tool.replace("__", "/", 1),)
    return ()


def _words_inside(value: JSON) -> list[str]:
    if isinstance(value, str):
        return words(value)
    encoded = encode(value).decode()
    if "\\" not in encoded:  # nothing is escaped, so the words stand there as they are
        return words(encoded)
    return words(" ".join(texts(value)))
