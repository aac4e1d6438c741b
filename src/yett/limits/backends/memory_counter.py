"""Rates in this process, by GCRA: one whole number per key, exact to the microsecond.

GCRA (ATM Forum TM 4.0, the continuous-state leaky bucket) keeps for each key the time at which it
will be empty again. Times are held in microseconds times `count`, so that the interval between two
uses, period / count, is a whole number and nothing is ever rounded in the caller's favour.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, final

from yett.core.quantities import Rate
from yett.limits.port import Room

_MICROSECONDS: Final = 1_000_000


@final
class MemoryCounter:
    __slots__ = ("_cells",)

    def __init__(self) -> None:
        # count -> key -> when the key is empty again, microseconds * count.
        self._cells: dict[int, OrderedDict[str, int]] = {}

    def __len__(self) -> int:
        """Keys remembered."""
        return sum(map(len, self._cells.values()))

    def take(self, keys: Sequence[tuple[str, Rate]], at: float) -> float:
        now = int(at * _MICROSECONDS + 0.5)
        wait = 0
        writes = []
        for key, rate in keys:
            count = rate.count
            interval = int(rate.period_seconds * _MICROSECONDS)
            cells = self._cells.get(count)
            if cells is None:
                cells = self._cells[count] = OrderedDict()
            scaled_now = now * count
            empty_at = cells.get(key, 0)
            excess = empty_at - scaled_now - interval * (count - 1)
            if excess > 0:
                wait = max(wait, -(-excess // count))
            else:
                writes.append((cells, key, max(empty_at, scaled_now) + interval, scaled_now))
        if wait:
            return wait / _MICROSECONDS
        for cells, key, empty_at, scaled_now in writes:
            if key not in cells:
                _forget_idle(cells, scaled_now)
            cells[key] = empty_at
        return 0.0

    def room(self, key: str, rate: Rate, at: float) -> Room:
        now = int(at * _MICROSECONDS + 0.5) * rate.count
        interval = int(rate.period_seconds * _MICROSECONDS)
        cells = self._cells.get(rate.count)
        used = max(0, (cells.get(key, 0) if cells else 0) - now)
        return Room(
            remaining=max(0, (interval * rate.count - used) // interval),
            resets_in_seconds=-(-used // rate.count) / _MICROSECONDS,
        )

    def close(self) -> None:
        self._cells.clear()


def _forget_idle(cells: OrderedDict[str, int], scaled_now: int) -> None:
    """Look at two old keys for each new one, so that memory follows the keys in use, without a pause."""
    for _ in range(min(2, len(cells))):
        key, empty_at = cells.popitem(last=False)
        if empty_at > scaled_now:
            cells[key] = empty_at
