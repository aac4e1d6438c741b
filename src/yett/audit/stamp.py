"""When, as a record tells it: ISO 8601 in UTC with microseconds."""

import time
from functools import lru_cache
from typing import Final

_SECOND: Final = 1_000_000


def stamp(wall: float) -> str:
    """Return `2026-11-22T13:00:00.000123Z`."""
    second, micros = divmod(int(wall * 1e6), _SECOND)
    return f"{_whole(second)}.{micros:06d}Z"


@lru_cache(maxsize=16)
def _whole(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
