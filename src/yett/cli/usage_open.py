"""`yett usage reconcile`: calls of which nobody knows how they ended, until an operator says."""

from typing import TYPE_CHECKING, Any

import click

from yett.cli.command import Place, command
from yett.core.errors import CommandError
from yett.storage import outbox

if TYPE_CHECKING:
    from yett.limits.balances import Balances, Open


@click.command("reconcile")
@command()
@click.argument("call", required=False)
@click.option(
    "--spent", help="What the call did cost, such as `0.02 USD`; `0 USD` if it never ran."
)
@click.option("--reason", help="How you know. It is recorded.")
def reconcile(place: Place, call: str | None, spent: str | None, reason: str | None) -> None:
    """List calls of unknown outcome, which count as spent, or say what one did cost.

    A call is unknown if the gate died while it was under way, the server did not answer in time, or its
    caller hung up. When a gate dies, some calls are listed that had only just ended. CALL is the id of its record.
    """
    from yett.limits.build import read_spending, settle_shared

    database = place.database()
    balances = read_spending(place.data, database)
    if call is None:
        rows = [_row(one, place) for one in balances.unknown()]
        columns = ["call", "at", "target", "reserved", "key", "said"]
        place.print_rows(rows, columns, empty="of every call it is known how it ended")
        return
    if spent is None or not reason:
        raise click.UsageError(
            "Say what it did cost and how you know: --spent AMOUNT --reason TEXT"
        )
    found = _find(balances, call)
    micros = _micros(found, spent)
    from yett.limits.orders import post

    at = place.clock.wall()
    event = {"event": "usage.reconciled", "actor": place.actor, "id": call, "spent": spent}
    with database.transaction() as transaction:
        if database.dialect == "postgresql":
            settle_shared(transaction, call, micros)
        else:
            post(transaction, "reconcile", call, at, micros)
        outbox.post(transaction, {**event, "reason": reason, "reserved": _reserved(found)}, at)
    place.print_record({"call": call, "reserved": _reserved(found), "spent": spent})


def _find(balances: "Balances", call: str) -> "Open":
    for one in balances.unknown():
        if one.id == call:
            return one
    raise CommandError(
        f"Of no call `{call}` it is unknown how it ended. `yett usage reconcile` lists them"
    )


def _micros(found: "Open", spent: str) -> int:
    from yett.core.quantities import Money

    try:
        money = Money.parse(spent)
    except ValueError as error:
        raise CommandError(str(error)) from error
    if money.currency != _currency(found) or money.micros > found.micros:
        raise CommandError(f"It can have cost {_reserved(found)} at most")
    return money.micros


def _row(one: "Open", place: Place) -> dict[str, Any]:
    from yett.core.clock import iso_time
    from yett.core.quantities import Money
    from yett.limits.orders import pending

    said = {order.subject: order.micros for order in pending(place.database())}
    micros = said.get(one.id)
    keys = [account.name.split(" ", 2)[2] for account, _ in one.charges]
    return {
        "call": one.id,
        "at": iso_time(one.at),
        "target": one.target,
        "reserved": _reserved(one),
        "key": keys[0] if keys else None,
        "said": None if micros is None else str(Money(micros, _currency(one))),
    }


def _reserved(one: "Open") -> str:
    from yett.core.quantities import Money

    return str(Money(one.micros, _currency(one)))


def _currency(one: "Open") -> str:
    return one.charges[0][0].name[:3]
