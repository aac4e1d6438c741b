"""Rates in this process, by GCRA: one whole number per key, exact to the microsecond.

GCRA (ATM Forum TM 4.0, the continuous-state leaky bucket) keeps for each key the time at which it
will be empty again. Times are held in microseconds times `count`, so that the interval between two
uses, period / count, is a whole number and nothing is ever rounded in the caller's favour. A use of
several bytes takes as many intervals.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, final

from yett.core.call import RateLeft
from yett.core.quantities import Rate
from yett.limits.demand import RateDemand
from yett.limits.port import Room

KEYS_KEPT: Final = 32_768
"""Below this many nothing is forgotten: a key that comes back soon would be begun anew each time."""

_MICROSECONDS: Final = 1_000_000
_NEVER: Final = 1 << 200


@final
class _Cell:
    """empty_at, interval and burst are in microseconds * count. burst: how far empty_at may be ahead of now
    when a use of one is admitted. One that the counter has let go of is empty at _NEVER: it admits nothing."""

    __slots__ = ("burst", "count", "empty_at", "interval", "rate")

    def __init__(self, rate: Rate, empty_at: int) -> None:
        self.rate = rate
        self.count = rate.count
        self.interval = round(rate.period_seconds * _MICROSECONDS)
        self.burst = self.interval * (rate.at_once - 1)
        self.empty_at = empty_at

    def add(self, now: int, uses: int) -> None:
        """Count uses, whether they have room or not."""
        self.empty_at = max(self.empty_at, now * self.count) + uses * self.interval

    def wait(self, now: int, uses: int = 1) -> int:
        """Return microseconds until so many have room; at most 0 if they have."""
        excess = self.empty_at - now * self.count - self.burst + (uses - 1) * self.interval
        return -(-excess // self.count)

    def room(self, now: int) -> Room:
        used = max(0, self.empty_at - now * self.count)
        return Room(
            remaining=max(0, (self.burst + self.interval - used) // self.interval),
            resets_in_seconds=-(-used // self.count) / _MICROSECONDS,
        )


_FULL: Final = _Cell(Rate(1, 1.0), _NEVER)


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
        return _Meter(self, [RateDemand(key, rate, key) for key, rate in keys]).take(at)

    def meter(self, rates: Sequence[RateDemand]) -> "_Meter":
        return _Meter(self, rates)

    def room(self, key: str, rate: Rate, at: float) -> Room:
        return (self._cells.get(key) or _Cell(rate, 0)).room(int(at * _MICROSECONDS + 0.5))

    def close(self) -> None:
        self._cells.clear()

    def find(self, rates: Sequence[RateDemand], now: int) -> tuple[_Cell, ...]:
        """Return the cells of these rates. To make one may forget another, but for these."""
        cells = tuple([self._cell(one.key, one.rate, now) for one in rates])
        for one, cell in zip(rates, cells, strict=True):
            self._cells.setdefault(one.key, cell)
            if cell.empty_at == _NEVER:  # it was idle, and let go of to make another one of these
                cell.empty_at = 0
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
            cell.empty_at = _NEVER
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
                cell.empty_at = _NEVER


@final
class _Meter:
    """Holds the cells of its rates for as long as the counter holds all of its own.

    _quick: the cells of `_calls`, where there are no others to ask. Else one without room, whatever the time, so that
    `_take_anew` asks all. So does a cell that the counter has let go of, since that is full from then on. _names: of
    the rates of `_calls`.
    """

    __slots__ = (
        "_calls", "_counter", "_input", "_names", "_observed", "_output", "_overruns", "_quick", "_rates", "_seen",
    )  # fmt: skip

    def __init__(self, counter: MemoryCounter, rates: Sequence[RateDemand]) -> None:
        self._counter = counter
        self._rates = tuple(rates)
        self._calls: tuple[_Cell, ...] = ()
        self._names: tuple[str, ...] = ()
        self._input: tuple[_Cell, ...] = ()
        self._output: tuple[_Cell, ...] = ()
        self._observed: tuple[tuple[RateDemand, _Cell], ...] = ()
        self._overruns: tuple[RateDemand, ...] = ()
        self._quick: tuple[_Cell, ...] = (_FULL,)
        self._seen = -1

    def take(self, at: float, input_bytes: int = 0) -> float:
        now = int(at * _MICROSECONDS + 0.5)
        for cell in self._quick:
            scaled_now = now * cell.count
            empty_at = cell.empty_at
            if empty_at <= scaled_now:
                cell.empty_at = scaled_now + cell.interval
            elif empty_at - scaled_now <= cell.burst:
                cell.empty_at = empty_at + cell.interval
            else:
                self._forgo(cell)
                return self._take_anew(now, input_bytes)
        return 0.0

    def take_back(self, input_bytes: int = 0) -> None:
        for cell in self._calls:
            cell.empty_at -= cell.interval
        for cell in self._input:
            cell.empty_at -= cell.interval * input_bytes

    def add_output(self, at: float, output_bytes: int) -> None:
        now = int(at * _MICROSECONDS + 0.5)
        if self._seen != self._counter.changes:
            self._find(now)
        for cell in self._output:
            cell.add(now, output_bytes)
        for one, cell in self._observed:
            if one.unit == "output":
                cell.add(now, output_bytes)

    def overruns(self) -> Sequence[RateDemand]:
        return self._overruns

    def left(self, at: float) -> RateLeft | None:
        now = int(at * _MICROSECONDS + 0.5)
        if self._seen != self._counter.changes:
            self._find(now)
        rooms = [
            (cell.room(now), name, cell.rate)
            for cell, name in zip(self._calls, self._names, strict=True)
        ]
        if not rooms:
            return None
        room, name, rate = min(rooms, key=lambda one: one[0].remaining)
        window = math.ceil(rate.period_seconds * rate.at_once / rate.count)
        return RateLeft(
            name, rate.at_once, window, room.remaining, math.ceil(room.resets_in_seconds)
        )

    def _take_anew(self, now: int, input_bytes: int) -> float:
        """As `take`, of all rates, by the cells that the counter holds now."""
        if self._seen != self._counter.changes:
            self._find(now)
        waits = (self._wait(now), self._wait_for_bytes(now, input_bytes))
        if max(waits) > 0:
            return max(waits)
        for cell in self._calls:
            cell.add(now, 1)
        for cell in self._input:
            cell.add(now, input_bytes)
        self._observe(now, input_bytes)
        return 0.0

    def _find(self, now: int) -> None:
        found = list(zip(self._rates, self._counter.find(self._rates, now), strict=True))
        enforced = [(one.unit, cell) for one, cell in found if not one.observed]
        self._calls = tuple([cell for unit, cell in enforced if unit == "calls"])
        self._names = tuple(
            [one.text for one, _ in found if one.unit == "calls" and not one.observed]
        )
        self._input = tuple([cell for unit, cell in enforced if unit == "input"])
        self._output = tuple([cell for unit, cell in enforced if unit == "output"])
        self._observed = tuple([(one, cell) for one, cell in found if one.observed])
        has_more = self._input or self._output or self._observed
        self._quick = (_FULL,) if has_more else self._calls
        self._seen = self._counter.changes

    def _forgo(self, full: _Cell) -> None:
        """Take back what `take` has counted before it came to a cell without room."""
        for cell in self._quick:
            if cell is full:
                return
            cell.empty_at -= cell.interval

    def _wait(self, now: int) -> float:
        """Say how long all rates of uses need."""
        return max([0, *(cell.wait(now) for cell in self._calls)]) / _MICROSECONDS

    def _wait_for_bytes(self, now: int, input_bytes: int) -> float:
        """Say how long all rates of bytes need; infinity for a use that is larger than all that a rate
        admits at once."""
        waits = [0, *(cell.wait(now) for cell in self._output)]
        for cell in self._input:
            if input_bytes > cell.rate.at_once:
                return math.inf
            if input_bytes:
                waits.append(cell.wait(now, input_bytes))
        return max(waits) / _MICROSECONDS

    def _observe(self, now: int, input_bytes: int) -> None:
        """Count by the observed rates that have room, and remember those that have not."""
        over = []
        for one, cell in self._observed:
            uses = input_bytes if one.unit == "input" else 1
            if uses and cell.wait(now, uses) > 0:
                over.append(one)
            elif one.unit != "output":
                cell.add(now, uses)
        self._overruns = tuple(over)
