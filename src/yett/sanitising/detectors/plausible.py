"""Whether a value that stands where a secret would stand looks like one, or like a word or a blank."""

import math
import re
from collections import Counter
from typing import Final

_PLACEHOLDER: Final = re.compile(
    rb"your|example|sample|change.?me|placeholder|xxxx|dummy|replace|insert|redacted|\*\*|\.\.|^\[|\xe2\x80\xa6"
    rb"|^\$|\$[{(]|\{|\}|<|>|%[sdv(]|\(|\)|process\.env|environ|getenv|^null$|^none$|^undefined$",
    re.IGNORECASE,
)
_WORD_BREAK: Final = re.compile(rb"[-_./:\\ ]+")
_LONG: Final = 16
_DISTINCT_MIN: Final = 5
_CLASSES: Final = (re.compile(rb"[a-z]"), re.compile(rb"[A-Z]"), re.compile(rb"[0-9]"))
_SYMBOL: Final = re.compile(rb"[^A-Za-z0-9_.:/-]")


def entropy_bits(value: bytes) -> float:
    """Return Shannon entropy per byte."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values())


def is_varied(token: bytes) -> bool:
    """Tell a token from the row of x that documentation puts in its place."""
    return (
        len(set(token[4:])) >= _DISTINCT_MIN
        and b"..." not in token
        and b"xxxx" not in token.lower()
    )


def is_placeholder(value: bytes) -> bool:
    return bool(_PLACEHOLDER.search(value))


def is_random(value: bytes) -> bool:
    """Tell a generated value or a strong password from a word, a path, a version or a blank."""
    if is_placeholder(value):
        return False
    if len(value) < _LONG:
        classes = sum(bool(kind.search(value)) for kind in (*_CLASSES, _SYMBOL))
        return classes >= 3 and entropy_bits(value) >= 2.5  # noqa: PLR2004 - measured
    return any(_is_random_part(part) for part in _WORD_BREAK.split(value))


def _is_random_part(part: bytes) -> bool:
    lower, upper, digit = (bool(kind.search(part)) for kind in _CLASSES)
    return (
        len(part) >= 8  # noqa: PLR2004 - measured
        and digit
        and (lower or upper)
        and entropy_bits(part) >= 2.7  # noqa: PLR2004 - measured
    )
