"""The words of the ledger's journal: one line per entry, readable by a person, checked by CRC-32.

    ["ledger",1,NEWEST_DAY]                              first line
    ["account",ACCOUNT,DAY,[DAY_,WEEK_,MONTH_,TOTAL_]]   what was spent before the lines that follow
    ["+",DAY,MICROS,ACCOUNT]                             reserved: spent unless given back
    ["-",DAY,MICROS,ACCOUNT]                             given back: nothing left the process

Before each stands its CRC-32 in hexadecimal. A last line without its end is one that the process
died on: the call it stood for was never made, so it counts for nothing. Anything else that does not
read is damage, and damage is never guessed at.
"""

import zlib
from collections.abc import Iterator
from typing import Any, Final

import orjson

from yett.core.target import JSON
from yett.limits.balances import DAY_MAX, MICROS_MAX, Balances, Snapshot

_FORMAT: Final = 1
_CRC_DIGITS: Final = 8


class DamagedJournal(ValueError):
    """A whole line does not read. `line` counts from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def line_of(entry: list[JSON]) -> bytes:
    body = orjson.dumps(entry)
    return b"%08x %b\n" % (zlib.crc32(body), body)


def compact_lines(balances: Balances) -> Iterator[bytes]:
    """Say the same as all lines so far, with one line per account."""
    yield line_of(["ledger", _FORMAT, balances.newest_day])
    for snapshot in balances.snapshots():
        yield line_of(["account", snapshot.account, snapshot.day, list(snapshot.spent)])


def replay(journal: bytes) -> Balances:
    """Add up a journal.

    Raises:
        DamagedJournal: a line that was finished does not read.
    """
    *lines, _torn = journal.split(b"\n")
    if not lines:
        raise DamagedJournal(1)
    balances = Balances()
    for number, line in enumerate(lines, 1):
        try:
            _apply(balances, _entry(line), first=number == 1)
        except (ValueError, TypeError, KeyError) as error:
            raise DamagedJournal(number) from error
    return balances


def _entry(line: bytes) -> list[Any]:
    crc, body = line[:_CRC_DIGITS], line[_CRC_DIGITS + 1 :]
    if crc != b"%08x" % zlib.crc32(body):
        raise ValueError("checksum")
    entry = orjson.loads(body)
    if not isinstance(entry, list):
        raise TypeError("not a list")
    return entry


def _apply(balances: Balances, entry: list[Any], *, first: bool) -> None:
    match entry:
        case ["ledger", int(format_), int(day)] if first and format_ == _FORMAT:
            balances.newest_day = _bounded(day, 0, DAY_MAX)
        case ["+", int(day), int(micros), str(account)] if not first:
            balances.charge(
                account,
                _bounded(micros, 1, MICROS_MAX),
                _bounded(day, balances.newest_day, DAY_MAX),
            )
        case ["-", int(day), int(micros), str(account)] if not first:
            balances.refund(account, _bounded(micros, 1, MICROS_MAX), _bounded(day, 0, DAY_MAX))
        case ["account", str(account), int(day), [int(a), int(b), int(c), int(d)]] if not first:
            _bounded(min(a, b, c, d), 0, MICROS_MAX)
            balances.restore(Snapshot(account, _bounded(day, 0, balances.newest_day), (a, b, c, d)))
        case _:
            raise ValueError("unknown entry")


def _bounded(number: int, low: int, high: int) -> int:
    if not low <= number <= high:
        raise ValueError("out of bounds")
    return number
