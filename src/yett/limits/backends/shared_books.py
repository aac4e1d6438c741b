"""What several gates have spent, read from the database that they share; for reports and by hand only."""

import json
from collections.abc import Iterable, Sequence

from yett.core.errors import CommandError
from yett.limits.balances import Balances, Open
from yett.limits.calendar import windows_of
from yett.storage.port import Database, Transaction, Value

_ACCOUNTS = "select account, zone, day, total, before_day, before_week, before_month from accounts order by account"
_DAYS = "select account, day, micros from account_days order by account, day"
_OPEN = "select id, at, micros, target, accounts::text, state = 'unknown' or at < extract(epoch from clock_timestamp()) - 3600 from reservations order by at, id"
_SETTLE = "select ledger_settle(cast(cast(? as text) as jsonb))"


def read_shared(database: Database) -> Balances:
    """Read all of it. What has been under way for an hour is of unknown outcome: its gate is gone.

    Raises:
        Fault: the database could not be used.
    """
    balances = balances_of(database.fetch(_ACCOUNTS), database.fetch(_DAYS))
    for identifier, at, micros, target, charged, unknown in database.fetch(_OPEN):
        charges = tuple(
            (balances.accounts[name], int(day)) for name, day in json.loads(str(charged))
        )
        balances.keep(
            Open(
                str(identifier),
                _number(at),
                _number(micros),
                str(target),
                charges,
            ),
            unknown=bool(unknown),
        )
    return balances


def balances_of(accounts: Iterable[Sequence[Value]], days: Iterable[Sequence[Value]]) -> Balances:
    """Add up rows: account, zone, day, total and what was spent before the day, week and month; and
    account, day, micros."""
    balances = Balances()
    for name, zone, day, total, *before in accounts:
        account = balances.account(str(name), str(zone), _number(day))
        account.windows = windows_of(account.day)
        account.total = _number(total)
        account.before = [*map(_number, before), 0]
    for name, day, micros in days:
        account = balances.accounts[str(name)]
        if _number(day) < account.day:
            account.history[_number(day)] = _number(micros)
    return balances


def settle_shared(transaction: Transaction, identifier: str, micros: int) -> None:
    """Say what a call did cost of which nobody knew.

    Raises:
        CommandError: there is no such call.
        Fault: the database could not be used.
    """
    ending = json.dumps([{"id": identifier, "unknown": False, "micros": micros}])
    ((changed,),) = transaction.fetch(_SETTLE, (ending,))
    if not changed:
        raise CommandError(f"No call `{identifier}` waits for its cost. See `yett usage reconcile`")


def _number(value: Value) -> int:
    return int(value or 0)
