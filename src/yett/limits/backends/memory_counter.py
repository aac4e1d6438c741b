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

KEYS_KEPT: Final = 32_768
"""Below this many nothing is forgotten: a key that comes back soon would be begun anew each time."""

_MICROSECONDS: Final = 1_000_000


@final
class _Cell:
    """empty_at, interval and burst are in microseconds * count."""

    __slots__ = ("burst", "count", "empty_at", "interval", "rate")

    def __init__(self, rate: Rate, empty_at: int) -> None:
        self.rate = rate
        self.count = rate.count
        self.interval = round(rate.period_seconds * _MICROSECONDS)
        self.burst = self.interval * (rate.count - 1)
        self.empty_at = empty_at


@final
class MemoryCounter:
    __slots__ = ("_cells", "_keys_kept")

    def __init__(self, keys_kept: int = KEYS_KEPT) -> None:
        self._keys_kept = keys_kept
        self._cells: OrderedDict[str, _Cell] = OrderedDict()

    def __len__(self) -> int:
        """Keys remembered."""
        return len(self._cells)

    def take(self, keys: Sequence[tuple[str, Rate]], at: float) -> float:
        now = int(at * _MICROSECONDS + 0.5)
        find = self._cells.get
        for key, rate in keys:
            cell = find(key)
            if cell is None or cell.rate is not rate:
                cell = self._cell(key, rate, now)
            scaled_now = now * cell.count
            empty_at = cell.empty_at
            if empty_at <= scaled_now:
                cell.empty_at = scaled_now + cell.interval
            elif empty_at - scaled_now <= cell.burst:
                cell.empty_at = empty_at + cell.interval
            else:
                return self._refuse(keys, key, now)
        return 0.0

    def room(self, key: str, rate: Rate, at: float) -> Room:
        now = int(at * _MICROSECONDS + 0.5)
        cell = self._cells.get(key) or _Cell(rate, 0)
        used = max(0, cell.empty_at - now * cell.count)
        return Room(
            remaining=max(0, (cell.burst + cell.interval - used) // cell.interval),
            resets_in_seconds=-(-used // cell.count) / _MICROSECONDS,
        )

    def close(self) -> None:
        self._cells.clear()

    def _refuse(self, keys: Sequence[tuple[str, Rate]], refused: str, now: int) -> float:
        """Take back what was counted before the refused key, and say how long all of them need."""
        wait = 0
        counted = True
        for key, rate in keys:
            counted = counted and key != refused
            cell = self._cells.get(key) or self._cell(key, rate, now)
            if counted:
                cell.empty_at -= cell.interval
            excess = cell.empty_at - now * cell.count - cell.burst
            wait = max(wait, -(-excess // cell.count))
        return wait / _MICROSECONDS

    def _cell(self, key: str, rate: Rate, now: int) -> _Cell:
        """Begin a cell, or go on with one whose rate was read from the configuration again."""
        cells = self._cells
        cell = cells.get(key)
        if cell is None:
            self._forget_idle(now)
            empty_at = 0
        else:  # the same moment in the units of the new rate
            empty_at = -(-cell.empty_at * rate.count // cell.count)
        cell = cells[key] = _Cell(rate, empty_at)
        return cell

    def _forget_idle(self, now: int) -> None:
        """Look at two old keys for each new one: memory follows the keys in use, without a pause."""
        cells = self._cells
        for _ in range(2):
            if len(cells) < self._keys_kept:
                return
            key, cell = cells.popitem(last=False)
            if cell.empty_at > now * cell.count:
                cells[key] = cell
