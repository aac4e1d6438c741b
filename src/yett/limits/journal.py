"""The words of the ledger's journal: one line per entry, readable by a person, checked by CRC-32.

    ["ledger",2]                                               first line
    ["account",ACCOUNT,ZONE,DAY,[DAY_,WEEK_,MONTH_,TOTAL_],[[DAY,MICROS],…]]
                                                               what was spent before the lines that follow
    ["open",ID,AT,MICROS,TARGET,[[ACCOUNT,ZONE,DAY],…],UNKNOWN]  was charged before, and has no end yet
    ["+",ID,AT,MICROS,[ENDED,…],TARGET,[[ACCOUNT,ZONE,DAY],…]]
                                                               reserved: spent unless a later line says else;
                                                               these others as in `ended`: none, by now
    ["ended",[ID,…]]                                           these have cost all that was reserved
    ["=",ID,MICROS]                                            it did cost so much; 0: nothing left the gate
    ["?",ID]                                                   nobody knows how it ended: spent

Before each stands its CRC-32 in hexadecimal. A last line without its end is one that the process
died on: the call it stood for was never made, so it counts for nothing. Anything else that does not
read is damage, and damage is never guessed at.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from yett.core.target import JSON
from yett.limits.balances import HISTORY_DAYS, INDEX, MICROS_MAX, Account, Balances, Open
from yett.limits.calendar import DAY_MAX

_FORMAT: Final = 2
_CRC_DIGITS: Final = 8
_AT_MAX: Final = 2**53


class DamagedJournal(ValueError):
    """A whole line does not read. `line` counts from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def line_of(entry: list[JSON]) -> bytes:
    body = orjson.dumps(entry)
    return b"%08x %b\n" % (zlib.crc32(body), body)


def rest_of_reservation(micros: int, target: str, charges: Sequence[tuple[Account, int]]) -> bytes:
    """Return a `+` entry from MICROS on, which many calls share."""
    return orjson.dumps([micros, [], target, _named(charges)])[1:]


def compact_lines(balances: Balances) -> Iterator[bytes]:
    """Say the same as all lines so far, with one line per account and per reservation without an end."""
    yield line_of(["ledger", _FORMAT])
    for account in balances.accounts.values():
        spent = [account.total - before for before in account.before]
        history = [list(item) for item in account.history.items()]
        yield line_of(["account", account.name, account.zone.name, account.day, spent, history])
    for kept, unknown in ((balances.doubted, True), (balances.open, False)):
        for one in kept.values():
            if not one.is_spent:
                charges = _named(one.charges)
                yield line_of(
                    ["open", one.id, int(one.at), one.micros, one.target, charges, unknown]
                )


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


def _named(charges: Sequence[tuple[Account, int]]) -> list[list[JSON]]:
    return [[account.name, account.zone.name, day] for account, day in charges]


def _entry(line: bytes) -> list[Any]:
    crc, body = line[:_CRC_DIGITS], line[_CRC_DIGITS + 1 :]
    if crc != b"%08x" % zlib.crc32(body):
        raise ValueError("checksum")
    entry = orjson.loads(body)
    if not isinstance(entry, list):
        raise TypeError("not a list")
    return entry


def _apply(balances: Balances, entry: list[Any], *, first: bool) -> None:
    if first:
        if entry != ["ledger", _FORMAT]:
            raise ValueError("another format")
        return
    match entry:
        case ["ended", list(ended)]:
            _end_all(balances, ended)
        case ["+", str(number), at, micros, list(ended), str(target), list(charges)]:
            _end_all(balances, ended)
            balances.charge(_open(balances, (number, at, micros, target), charges))
        case ["=", str(number), micros]:
            balances.end(number, _bounded(micros, 0, MICROS_MAX))
        case ["?", str(number)]:
            balances.doubt(number)
        case ["account", str(name), str(zone), day, list(spent), list(history)]:
            _restore(balances.account(name, zone, _bounded(day, 0, DAY_MAX)), spent, history)
        case ["open", str(number), at, micros, str(target), list(charges), bool(unknown)]:
            found = _open(balances, (number, at, micros, target), charges)
            balances.keep(found, unknown=unknown)
        case _:
            raise ValueError("unknown entry")


def _end_all(balances: Balances, numbers: list[Any]) -> None:
    for number in numbers:
        if not isinstance(number, str):
            raise TypeError("not a number of a call")
        balances.end(number, MICROS_MAX)  # nothing comes back


def _open(balances: Balances, head: tuple[str, Any, Any, str], charges: list[Any]) -> Open:
    number, at, micros, target = head
    return Open(
        number,
        _bounded(at, -_AT_MAX, _AT_MAX),
        _bounded(micros, 1, MICROS_MAX),
        target,
        tuple(
            (balances.account(account, zone, _bounded(day, 0, DAY_MAX)), day)
            for account, zone, day in charges
        ),
    )


def _restore(account: Account, spent: list[Any], history: list[Any]) -> None:
    if len(spent) != len(INDEX) or len(history) > HISTORY_DAYS:
        raise ValueError("another number of periods")
    account.total = _bounded(spent[3], 0, MICROS_MAX)
    account.before = [account.total - _bounded(part, 0, account.total) for part in spent]
    account.history = {
        _bounded(day, 0, DAY_MAX): _bounded(micros, 0, MICROS_MAX) for day, micros in history
    }


def _bounded(number: Any, low: int, high: int) -> int:
    if type(number) is not int or not low <= number <= high:
        raise ValueError("out of bounds")
    return number
