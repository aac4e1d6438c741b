"""Events of commands on their way into the audit log: written with the change, taken out once kept.

Delivery is at least once, so each event carries an `event_id` by which a repetition is known.
"""

import secrets
from collections.abc import Callable
from typing import Final

from yett.core import document
from yett.core.target import JSON
from yett.storage.port import Database, Transaction

_ID_BYTES: Final = 16


def post(transaction: Transaction, event: dict[str, JSON], at: float) -> None:
    """Put one event beside the change it tells of. at: wall clock, seconds since 1970.

    Raises:
        Fault: the database could not be used.
    """
    stamped = {"event_id": secrets.token_hex(_ID_BYTES), **event, "at": at}
    transaction.execute(
        "insert into outbox (at, event) values (?, ?)", (at, document.encode(stamped).decode())
    )


def drain(database: Database, sink: Callable[[dict[str, JSON]], None], limit: int = 1000) -> int:
    """Hand the oldest events to `sink`, oldest first; forget those it took. Return how many.

    Of several processes that share a PostgreSQL database, one takes an event: the others wait for it.

    Raises:
        Fault: the database could not be used.
        Whatever `sink` raises: that event and those after it stay.
    """
    if database.dialect == "postgresql":
        return _drain_in_turn(database, sink, limit)
    rows = database.fetch("select id, event from outbox order by id limit ?", (limit,))
    taken = []
    try:
        for number, text in rows:
            sink(document.parse(str(text).encode()))
            taken.append(number)
    finally:
        if taken:
            with database.transaction() as transaction:
                transaction.execute(
                    "delete from outbox where id between ? and ?", (taken[0], taken[-1])
                )
    return len(taken)


def _drain_in_turn(database: Database, sink: Callable[[dict[str, JSON]], None], limit: int) -> int:
    if not database.fetch("select 1 from outbox limit 1"):
        return 0
    failure: BaseException | None = None
    taken = []
    with database.transaction() as transaction:
        rows = transaction.fetch("select id, event from outbox order by id limit ?", (limit,))
        for number, text in rows:
            try:
                sink(document.parse(str(text).encode()))
            except BaseException as error:  # noqa: BLE001 - raised again once the others are forgotten
                failure = error
                break
            taken.append(number)
        if taken:
            transaction.execute(
                "delete from outbox where id between ? and ?", (taken[0], taken[-1])
            )
    if failure is not None:
        raise failure
    return len(taken)
