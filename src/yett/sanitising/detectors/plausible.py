"""Whether a value that stands where a secret would stand looks like one, or like a word or a blank."""

import re
from typing import Final

_PLACEHOLDER: Final = re.compile(
    rb"your|example|sample|change.?me|placeholder|xxxx|dummy|replace|insert|redacted|\*\*|\.\.|^\[|\xe2\x80\xa6"
    rb"|^\$|\$[{(]|\{|\}|<|>|%[sdv(]|\(|\)|process\.env|environ|getenv|^null$|^none$|^undefined$",
    re.IGNORECASE,
)
_WORD_BREAK: Final = re.compile(rb"[-_./:\\ ]+")
_LONG: Final = 16
_DISTINCT_IN_TOKEN_MIN: Final = 5
_DISTINCT_MIN: Final = 6
_DIGIT: Final = re.compile(rb"[0-9]")
_SYMBOL: Final = re.compile(rb"[^A-Za-z0-9_.:/-]")


def is_varied(token: bytes) -> bool:
    """Tell a token from the row of x that documentation puts in its place."""
    return (
        len(set(token[4:])) >= _DISTINCT_IN_TOKEN_MIN
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
        kinds = (*_classes(value), _SYMBOL.search(value) is not None)
        return sum(kinds) >= 3 and len(set(value)) >= _DISTINCT_MIN  # noqa: PLR2004 - measured
    return any(_is_random_part(part) for part in _WORD_BREAK.split(value))


def _is_random_part(part: bytes) -> bool:
    if len(part) < 8 or len(set(part)) < 7:  # noqa: PLR2004 - measured
        return False
    lower, upper, digit = _classes(part)
    return digit and (lower or upper)


def _classes(value: bytes) -> tuple[bool, bool, bool]:
    """Tell whether there are lower-case letters, upper-case letters, digits."""
    return value.upper() != value, value.lower() != value, _DIGIT.search(value) is not None
