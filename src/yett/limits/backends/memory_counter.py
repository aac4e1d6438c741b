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
    """changes: how often a cell was forgotten or replaced; who keeps cells looks them up again then."""

    __slots__ = ("_cells", "_keys_kept", "changes")

    def __init__(self, keys_kept: int = KEYS_KEPT) -> None:
        self._keys_kept = keys_kept
        self._cells: OrderedDict[str, _Cell] = OrderedDict()
        self.changes = 0

    def __len__(self) -> int:
        """Keys remembered."""
        return len(self._cells)

    def take(self, keys: Sequence[tuple[str, Rate]], at: float) -> float:
        return _Meter(self, tuple(keys)).take(at)

    def meter(self, keys: Sequence[tuple[str, Rate]]) -> "_Meter":
        return _Meter(self, tuple(keys))

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

    def find(self, keys: Sequence[tuple[str, Rate]], now: int) -> tuple[_Cell, ...]:
        """Return the cells of these keys. To make one may forget another, but for these."""
        cells = tuple([self._cell(key, rate, now) for key, rate in keys])
        for (key, _), cell in zip(keys, cells, strict=True):
            self._cells.setdefault(key, cell)
        return cells

    def _cell(self, key: str, rate: Rate, now: int) -> _Cell:
        """Begin a cell, or go on with one whose rate was read from the configuration again."""
        cells = self._cells
        cell = cells.get(key)
        if cell is None:
            self._forget_idle(now)
            empty_at = 0
        elif cell.rate is rate:
            return cell
        else:  # the same moment in the units of the new rate
            self.changes += 1
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
            else:
                self.changes += 1


@final
class _Meter:
    """Holds the cells of its keys for as long as the counter holds all of its own."""

    __slots__ = ("_cells", "_counter", "_keys", "_seen")

    def __init__(self, counter: MemoryCounter, keys: tuple[tuple[str, Rate], ...]) -> None:
        self._counter = counter
        self._keys = keys
        self._cells: tuple[_Cell, ...] = ()
        self._seen = -1

    def take(self, at: float) -> float:
        now = int(at * _MICROSECONDS + 0.5)
        if self._seen != self._counter.changes:
            self._cells = self._counter.find(self._keys, now)
            self._seen = self._counter.changes
        for cell in self._cells:
            scaled_now = now * cell.count
            empty_at = cell.empty_at
            if empty_at <= scaled_now:
                cell.empty_at = scaled_now + cell.interval
            elif empty_at - scaled_now <= cell.burst:
                cell.empty_at = empty_at + cell.interval
            else:
                return self._refuse(cell, now)
        return 0.0

    def _refuse(self, refused: _Cell, now: int) -> float:
        """Take back what was counted before the refused key, and say how long all of them need."""
        wait = 0
        counted = True
        for cell in self._cells:
            counted = counted and cell is not refused
            if counted:
                cell.empty_at -= cell.interval
            excess = cell.empty_at - now * cell.count - cell.burst
            wait = max(wait, -(-excess // cell.count))
        return wait / _MICROSECONDS
