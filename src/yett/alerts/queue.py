"""What waits to be delivered: in the database, so that no restart forgets it, and bounded.

Delivery is at least once: a message leaves the queue after it was taken.
"""

from typing import Final, Literal, final

import msgspec

from yett.delivery.pauses import pause
from yett.storage import outbox
from yett.storage.port import Database, Transaction

MESSAGES_MAX: Final = 1_000
"""That wait for one destination; a newer one takes the place of the oldest."""
GIVE_UP_SECONDS: Final = 3 * 86_400.0
FIRST_PAUSE_SECONDS: Final = 5.0
PAUSE_SECONDS_MAX: Final = 600.0
_CLAIMED_SECONDS: Final = 120.0
_PROBLEM_CHARS_MAX: Final = 200

Type = Literal["raised", "resolved"]


@final
class Message(msgspec.Struct, frozen=True):
    id: int
    destination: str
    alert: str
    type: Type
    made_at: float
    tries: int
    problem: str


@final
class Waiting(msgspec.Struct, frozen=True):
    """Of one destination. lag_seconds: since when the oldest waits."""

    count: int
    lag_seconds: float


def enqueue(
    transaction: Transaction, destination: str, alert: str, type_: Type, now: float
) -> None:
    transaction.execute(
        "insert into alert_messages (destination, alert, type, made_at, try_at, tries, problem)"
        " values (?, ?, ?, ?, ?, 0, '')",
        (destination, alert, type_, now, now),
    )
    rows = transaction.fetch(
        "select count(*) from alert_messages where destination = ?", (destination,)
    )
    surplus = int(rows[0][0] or 0) - MESSAGES_MAX
    if surplus > 0:
        _drop_oldest(transaction, destination, surplus, now)


def claim(database: Database, destination: str, now: float, limit: int) -> list[Message]:
    """Return what is to be tried now, longest due first. For a while nobody else is given it, so that two
    gates before one database do not both send it; if this one ends meanwhile, it is tried again."""
    with database.transaction() as transaction:
        rows = transaction.fetch(
            "select id, destination, alert, type, made_at, tries, problem from alert_messages"
            " where destination = ? and try_at <= ? order by try_at, id limit ?",
            (destination, now, limit),
        )
        messages = [msgspec.convert(_named(row), Message, strict=False) for row in rows]
        for message in messages:
            transaction.execute(
                "update alert_messages set try_at = ? where id = ?",
                (now + _CLAIMED_SECONDS, message.id),
            )
    return messages


def waiting(database: Database, now: float) -> dict[str, Waiting]:
    """Return what waits, by destination."""
    rows = database.fetch(
        "select destination, count(*), min(made_at) from alert_messages group by destination"
    )
    return {
        str(name): Waiting(int(count or 0), max(0.0, now - float(oldest or now)))
        for name, count, oldest in rows
    }


def delivered(database: Database, message: Message) -> None:
    with database.transaction() as transaction:
        transaction.execute("delete from alert_messages where id = ?", (message.id,))


def failed(database: Database, message: Message, problem: str, now: float) -> None:
    """Note why; try again later, or give up after days."""
    tries = message.tries + 1
    with database.transaction() as transaction:
        if now - message.made_at > GIVE_UP_SECONDS:
            _forget(transaction, message.id, message.destination, message.alert, problem, now)
            return
        later = now + pause(tries, first=FIRST_PAUSE_SECONDS, most=PAUSE_SECONDS_MAX)
        transaction.execute(
            "update alert_messages set tries = ?, try_at = ?, problem = ? where id = ?",
            (tries, later, problem[:_PROBLEM_CHARS_MAX], message.id),
        )


def forget(database: Database, destination: str) -> None:
    """Let go of what waits for a destination that is not configured any more."""
    with database.transaction() as transaction:
        transaction.execute("delete from alert_messages where destination = ?", (destination,))


def _drop_oldest(transaction: Transaction, destination: str, count: int, now: float) -> None:
    rows = transaction.fetch(
        "select id, alert from alert_messages where destination = ? order by id limit ?",
        (destination, count),
    )
    for identifier, alert in rows:
        why = f"more than {MESSAGES_MAX} wait"
        _forget(transaction, int(identifier or 0), destination, str(alert), why, now)


def _forget(
    transaction: Transaction,
    identifier: int,
    destination: str,
    alert: str,
    problem: str,
    now: float,
) -> None:
    transaction.execute("delete from alert_messages where id = ?", (identifier,))
    event = {
        "event": "alert.undelivered",
        "actor": "gate",
        "alert_id": alert,
        "destination": destination,
        "why": problem[:_PROBLEM_CHARS_MAX],
    }
    outbox.post(transaction, event, now)


def _named(row: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(Message.__struct_fields__, row, strict=True))
