"""What operators tell the limits by command: they stand in the database until a gate has read them."""

from typing import Final, Literal, final

import msgspec

from yett.limits.state import LimitsState
from yett.storage.port import Database, Transaction

Kind = Literal["unblock", "reconcile"]
_KEPT_SECONDS: Final = 86_400.0
_READ_AT_ONCE: Final = 1_000


@final
class Order(msgspec.Struct, frozen=True):
    """subject: id of the key to unblock, or of the call that cost `micros`."""

    number: int
    kind: str
    subject: str
    micros: int


def post(transaction: Transaction, kind: Kind, subject: str, at: float, micros: int = 0) -> None:
    """Put an order beside the event that tells of it. at: wall clock, seconds since 1970.

    Raises:
        Fault: the database could not be used.
    """
    # Several gates may have to read it, so time takes it away and not the first of them.
    transaction.execute(
        "delete from limit_orders where kind = 'unblock' and at < ?", (at - _KEPT_SECONDS,)
    )
    transaction.execute(
        "insert into limit_orders (at, kind, subject, micros) values (?, ?, ?, ?)",
        (at, kind, subject, micros),
    )


def pending(database: Database, after: int = 0) -> list[Order]:
    """Return orders, oldest first.

    Raises:
        Fault: the database could not be used.
    """
    rows = database.fetch(
        "select id, kind, subject, micros from limit_orders where id > ? order by id limit ?",
        (after, _READ_AT_ONCE),
    )
    return [Order(int(n or 0), str(kind), str(of), int(m or 0)) for n, kind, of, m in rows]


@final
class Orders:
    """Reads in a thread, carries out on the loop. What one gate remembers of a caller is put right at once,
    so that it is when the command says so."""

    def __init__(self, database: Database, state: LimitsState) -> None:
        self._database = database
        self._state = state
        self._last = 0
        self._waiting: list[Order] = []
        self._done: list[int] = []

    def read(self) -> None:
        """Take over what is new; runs in a thread.

        Raises:
            Fault: the database could not be used.
        """
        found = pending(self._database, self._last)
        for order in found:
            self._last = order.number
            if order.kind == "unblock" and self._state.shared is None:
                self._state.unblock(order.subject)
            else:
                self._waiting.append(order)
        if self._done:
            done, self._done = self._done, []
            with self._database.transaction() as transaction:
                for number in done:
                    transaction.execute("delete from limit_orders where id = ?", (number,))

    def carry_out(self) -> None:
        """What is settled by it is gone from the ledger's list, so a second time changes nothing.

        Raises:
            OSError: the ledger cannot be written; the order stays.
        """
        while self._waiting:
            order = self._waiting[0]
            if order.kind == "unblock":
                self._state.unblock(order.subject)
            elif self._state.shared is None:
                self._state.ledger.reconcile(order.subject, order.micros)
                self._done.append(order.number)
            del self._waiting[0]
