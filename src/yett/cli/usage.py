"""`yett usage`: what keys, tools, teams and tenants have spent, and what is left of their budgets.

Reads the ledger's journal without its lock, or the database that several gates share, so it works whether
a gate runs or not.
"""

from collections.abc import Iterator
from typing import Any, Final

import click

from yett.cli.command import Place, command
from yett.cli.usage_open import reconcile
from yett.limits.balances import Account, Balances, account_name
from yett.limits.demand import PERIODS

_COLUMNS: Final = ["key", "spent", "budget", "remaining", "resets_at", "used_up_at"]
_OTHER_COLUMNS: Final = {
    "tool": ["tool", "spent_day", "spent_week", "spent_month", "spent_total"],
    "team": ["team", "spent", "budget", "remaining", "resets_at", "used_up_at"],
    "tenant": ["tenant", "spent", "budget", "remaining", "resets_at", "used_up_at"],
    "day": ["day", "key", "spent"],
}
_EMPTY: Final = "nothing was spent yet"


@click.group("usage", invoke_without_command=True)
@command()
@click.option("--key", help="One key only, by name or id.")
@click.option(
    "--by",
    type=click.Choice(["key", *_OTHER_COLUMNS]),
    default="key",
    show_default=True,
    help="What the rows are.",
)
def group(place: Place, key: str | None, by: str) -> None:
    """Show what keys used and what they have left.

    `spent` is what counts against the budget; without one, all that was ever spent. `used_up_at`: when
    nothing is left if it goes on at this pace, unless the budget begins anew before.
    """
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        return
    from yett.limits.build import read_spending

    balances = read_spending(place.data, place.database())
    if by == "key":
        rows = list(_keys(place, balances, key))
        empty = "no keys yet; `yett key create NAME --role ROLE`"
        place.print_rows(rows, _COLUMNS, empty=empty)
        return
    if key is not None and by != "day":
        raise click.UsageError("--key goes with --by key or --by day")
    made = {"tool": _tools, "team": _holders, "tenant": _holders, "day": _days}
    wanted = None if key is None else _registry(place).show(key).id
    rows = [row for row in made[by](place, balances, by) if wanted in (None, row.pop("of", None))]
    place.print_rows(rows, _OTHER_COLUMNS[by], empty=_EMPTY)


group.add_command(reconcile)


def _keys(place: Place, balances: Balances, key: str | None) -> Iterator[dict[str, Any]]:
    from yett.limits.parsing import parse
    from yett.limits.rules import CURRENCY_DEFAULT

    rules = parse(place.configuration().limits, {})
    registry = _registry(place)
    for stored in registry.list() if key is None else [registry.show(key)]:
        currencies = {code for code, name, _ in balances.of_kind("key") if name == stored.id}
        if key is None and stored.revoked_at is not None and not currencies:
            continue  # a key of the past that cost nothing
        budgets = rules.of_key(stored.name).budgets
        currencies |= {budget.currency for budget in budgets}
        for currency in sorted(currencies or {CURRENCY_DEFAULT}):
            name = account_name(currency, "key", stored.id)
            account = balances.accounts.get(name) or Account(name, balances.zone(rules.zone), 0)
            head = {"key": stored.name, "id": stored.id, "currency": currency}
            yield from _rows(place, head, account, budgets, currency)


def _holders(place: Place, balances: Balances, kind: str) -> Iterator[dict[str, Any]]:
    """Teams and tenants: those that spent anything, and those that have a budget."""
    from yett.limits.parsing import parse

    rules = parse(place.configuration().limits, {})
    held = rules.teams if kind == "team" else rules.tenants
    found = {(name, code) for code, name, _ in balances.of_kind(kind)}
    found |= {(name, budget.currency) for name, one in held.items() for budget in one.budgets}
    for name, currency in sorted(found):
        holding = held.get(name, rules.every_tenant)
        full = account_name(currency, kind, name)
        account = balances.accounts.get(full) or Account(full, balances.zone(holding.zone), 0)
        head = {kind: name, "currency": currency}
        yield from _rows(place, head, account, holding.budgets, currency)


def _rows(
    place: Place, head: dict[str, Any], account: Account, budgets: Any, currency: str
) -> Iterator[dict[str, Any]]:
    """Yield a row for each budget; one without if there is none."""
    from yett.core.quantities import Money
    from yett.limits.description import describe_budget

    at = place.clock.wall()
    spent = {period: str(Money(account.spent(period, at), currency)) for period in PERIODS}
    tail = {f"spent_{period}": text for period, text in spent.items()}
    plain = {"budget": None, "spent": spent["total"], "remaining": None}
    plain |= {"resets_at": None, "used_up_at": None}
    rows = []
    for budget in budgets:
        if budget.currency == currency:
            described = describe_budget(budget, account, at)
            rows.append({"budget": described.pop("limit"), **described})
    for row in rows or [plain]:
        yield head | row | tail


def _tools(place: Place, balances: Balances, kind: str) -> Iterator[dict[str, Any]]:
    from yett.core.quantities import Money

    at = place.clock.wall()
    for currency, name, account in sorted(balances.of_kind(kind), key=lambda item: item[:2]):
        spent = {
            f"spent_{period}": str(Money(account.spent(period, at), currency)) for period in PERIODS
        }
        yield {"tool": name, "currency": currency, **spent}


def _days(place: Place, balances: Balances, _: str) -> Iterator[dict[str, Any]]:
    """The days of each key, newest first; days without spending are left out."""
    from datetime import date

    from yett.core.quantities import Money

    names = {stored.id: stored.name for stored in _registry(place).list()}
    rows = []
    for currency, name, account in balances.of_kind("key"):
        days = dict(account.history)
        days[account.day] = account.total - account.before[0]
        rows += [(day, names.get(name, name), currency, name, n) for day, n in days.items() if n]
    for day, key, currency, name, micros in sorted(rows, key=lambda row: (-row[0], *row[1:3])):
        shown = date.fromordinal(date(1970, 1, 1).toordinal() + day).isoformat()
        spent = str(Money(micros, currency))
        yield {"of": name, "day": shown, "key": key, "currency": currency, "spent": spent}


def _registry(place: Place) -> Any:
    from yett.authentication.build import build_registry

    return build_registry(
        database=place.database(), data=place.data, clock=place.clock, actor=place.actor
    )
