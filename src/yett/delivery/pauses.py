"""How long to wait before the next attempt."""


def pause(tries: int, *, first: float, most: float) -> float:
    """Return seconds: twice as many after each of `tries` attempts that failed, and never more than `most`."""
    return min(most, first * 2.0 ** min(tries - 1, 32))
