"""Very many small things to do, some at a time, so that calls of others are served in between."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

AT_ONCE: Final = 16
_PAUSE_SECONDS: Final = 0.005
_Item = TypeVar("_Item")


def in_portions(items: Iterable[_Item], act: Callable[[_Item], None]) -> None:
    """Act on each: on the first ones now, on the others in later turns of the loop. An item may be gone
    by then, and `act` must not mind."""
    _go_on(iter(tuple(items)), act)


def _go_on(left: Iterator[_Item], act: Callable[[_Item], None]) -> None:
    portion = list(islice(left, AT_ONCE))
    for item in portion:
        act(item)
    if len(portion) == AT_ONCE:
        asyncio.get_running_loop().call_later(_PAUSE_SECONDS, _go_on, left, act)
