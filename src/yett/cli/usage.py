"""`yett usage`: what each key has spent, and what is left of its budget.

Reads the ledger's journal without its lock, so it works whether the gate runs or not.
"""

from typing import Any, Final

import click

from yett.authentication.build import build_registry
from yett.authentication.port import StoredKey
from yett.cli.command import Place, command
from yett.core.quantities import Money
from yett.limits.balances import Account, Balances, account_name
from yett.limits.build import read_spending
from yett.limits.demand import PERIODS, Budget
from yett.limits.description import describe_budget
from yett.limits.parsing import parse
from yett.limits.rules import CURRENCY_DEFAULT

_COLUMNS: Final = ["key", "spent", "budget", "remaining", "resets_at"]


@click.command("usage")
@command()
@click.option("--key", help="One key only, by name or id.")
def group(place: Place, key: str | None) -> None:
    """Show what keys used and what they have left.

    `spent` is what counts against the budget; without one, all that was ever spent.
    """
    rules = parse(place.configuration().limits, {})
    registry = build_registry(
        database=place.database(), data=place.data, clock=place.clock, actor=place.actor
    )
    balances = read_spending(place.data)
    at = place.clock.wall()
    rows = []
    for stored in registry.list() if key is None else [registry.show(key)]:
        currencies = {code for code, name, _ in balances.of_kind("key") if name == stored.id}
        if key is None and stored.revoked_at is not None and not currencies:
            continue  # a key of the past that cost nothing
        budget = next(iter(rules.of_key(stored.name).budgets), None)
        currencies |= {budget.currency} if budget else set()
        rows += [
            _row(stored, budget, balances, at, currency)
            for currency in sorted(currencies or {CURRENCY_DEFAULT})
        ]
    place.print_rows(rows, _COLUMNS, empty="no keys yet; `yett key create NAME --role ROLE`")


def _row(
    key: StoredKey, budget: Budget | None, balances: Balances, at: float, currency: str
) -> dict[str, Any]:
    name = account_name(currency, "key", key.id)
    account = balances.accounts.get(name) or Account(name, balances.zone("UTC"), 0)
    spent = {period: account.spent(period, at) for period in PERIODS}
    row: dict[str, Any] = {
        "key": key.name,
        "id": key.id,
        "currency": currency,
        "budget": None,
        "spent": str(Money(spent["total"], currency)),
        "remaining": None,
        "resets_at": None,
    }
    if budget is not None and budget.currency == currency:
        described = describe_budget(budget, account, at)
        row |= {"budget": described.pop("limit"), **described}
    return row | {f"spent_{period}": str(Money(spent[period], currency)) for period in PERIODS}
