"""Recognises text that was seen before, in whole or in part, without keeping it. Pure.

Winnowing (Schleimer, Wilkerson, Aiken 2003): of all runs of `RUN_CHARS` characters the smallest hash
in each window of `WINDOW` is kept, so any common text of at least `RUN_CHARS + WINDOW - 1` characters
has a kept hash in common, wherever it begins. Case, spaces and punctuation do not count. The hashes
are salted by the process and mean nothing outside of it.

It finds copies, not meanings: a text that is translated, summed up or encoded is not recognised.
"""

import re
from typing import Final

from yett.core.target import JSON

RUN_CHARS: Final = 20
WINDOW: Final = 12
TEXT_CHARS_MAX: Final = 32_768
"""Of one result or one set of arguments. What is longer is looked at as far as this."""

_VALUES_MAX: Final = 10_000
_NOISE: Final = re.compile(r"[\W_]+")


def fingerprints(value: JSON) -> frozenset[int]:
    """Return the fingerprints of all texts and numbers in a JSON value, keys left out."""
    text = _text_of(value)
    if len(text) < RUN_CHARS:
        return frozenset()
    hashes = [hash(text[start : start + RUN_CHARS]) for start in range(len(text) - RUN_CHARS + 1)]
    if len(hashes) <= WINDOW:
        return frozenset((min(hashes),))
    return frozenset(
        min(hashes[start : start + WINDOW]) for start in range(len(hashes) - WINDOW + 1)
    )


def _text_of(value: JSON) -> str:
    """Join what is in the value, as letters and digits only."""
    pieces: list[str] = []
    stack, seen, length = [value], 0, 0
    while stack and seen < _VALUES_MAX and length < TEXT_CHARS_MAX:
        item = stack.pop()
        seen += 1
        if isinstance(item, dict):
            stack.extend(reversed(item.values()))
        elif isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, (str, int, float)) and not isinstance(item, bool):
            piece = _NOISE.sub("", str(item)[:TEXT_CHARS_MAX]).casefold()
            pieces.append(piece)
            length += len(piece)
    return "".join(pieces)[:TEXT_CHARS_MAX]
