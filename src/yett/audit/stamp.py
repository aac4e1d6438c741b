"""When, as a record tells it: ISO 8601 in UTC with microseconds."""

import time
from functools import lru_cache
from typing import Final, final

import msgspec

_SECOND: Final = 1_000_000
_DIGITS: Final = 6


def stamp(wall: float) -> str:
    """Return `2026-11-22T13:00:00.000123Z`."""
    second, micros = divmod(int(wall * 1e6), _SECOND)
    return f"{_whole(second)}.{micros:06d}Z"


@final
class Span(msgspec.Struct, frozen=True, gc=False):
    """A stretch of time in which each stamp is `text`, a number, and `Z`: the number of microseconds since
    `second`, which is in microseconds, too. It has as many digits all the time, so `text` has the zeros
    before it. begin, end: in such numbers; the end is not part of it."""

    second: int
    begin: int
    end: int
    text: str


def span(wall: float, seconds: float) -> Span:
    """Return what begins at `wall` and lasts for `seconds` at most."""
    second, micros = divmod(int(wall * 1e6), _SECOND)
    digits = len(str(micros))
    end = min(micros + int(seconds * 1e6), 10**digits)
    text = f"{_whole(second)}.{'0' * (_DIGITS - digits)}"
    return Span(second * _SECOND, micros, end, text)


@lru_cache(maxsize=16)
def _whole(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
