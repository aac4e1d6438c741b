"""What every `Ledger` must do. A new backend is added to BACKENDS and to nothing else."""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from yett.core.errors import Fault
from yett.limits import Ledger
from yett.limits.backends.book_ledger import BookLedger, Nowhere
from yett.limits.backends.journal_file import open_ledger
from yett.limits.balances import Balances
from yett.limits.demand import PERIODS, AccountDemand, Budget, Period
from yett.limits.port import NoRoom

BACKENDS: dict[str, Callable[[Path], Ledger]] = {
    "memory": lambda _: BookLedger(Balances(), Nowhere()),
    "journal": open_ledger,
}
NUMBERS = itertools.count()


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


NOON = at("2027-01-15T12:00:00")


@pytest.fixture(params=BACKENDS, name="ledger")
def _ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    ledger = BACKENDS[request.param](tmp_path)
    yield ledger
    ledger.close()


def demand(
    account: str = "USD key a",
    limit: int | None = 10,
    period: Period = "day",
    zone: str = "UTC",
) -> AccountDemand:
    budgets = () if limit is None else (Budget("as written", limit, "USD", period, zone),)
    return AccountDemand(account, zone, budgets)


def reserve(
    ledger: Ledger,
    micros: int,
    limit: int | None = 10,
    period: Period = "day",
    when: float = NOON,
    account: str = "USD key a",
) -> str | None:
    """Return the number of the reservation; None: there is no room."""
    return reserve_from(ledger, [demand(account, limit, period)], micros, when)


def reserve_from(
    ledger: Ledger, accounts: list[AccountDemand], micros: int, when: float = NOON
) -> str | None:
    number = f"call-{next(NUMBERS)}"
    try:
        ledger.purse(accounts, "server/tool").reserve(number, micros, when)
    except NoRoom:
        return None
    ledger.keep(number)
    return number


def spent(ledger: Ledger, account: str, period: Period, when: float) -> int:
    return ledger.balances.spent(account, period, when)


def resets_at(ledger: Ledger, period: Period, when: float, zone: str = "UTC") -> float | None:
    (found,) = demand(period=period, zone=zone).budgets
    purse = ledger.purse([AccountDemand("USD key a", zone, (found,))], "server/tool")
    return purse.resets_at(found, when)


def test_money_is_reserved_up_to_the_limit_exactly(ledger: Ledger) -> None:
    assert reserve(ledger, 7)
    assert reserve(ledger, 4) is None
    assert reserve(ledger, 3)
    assert reserve(ledger, 1) is None
    assert spent(ledger, "USD key a", "day", NOON) == 10


def test_more_than_the_whole_limit_never_fits(ledger: Ledger) -> None:
    assert reserve(ledger, 11) is None
    assert reserve(ledger, 1, limit=0) is None
    assert spent(ledger, "USD key a", "total", NOON) == 0


def test_accounts_are_independent(ledger: Ledger) -> None:
    assert reserve(ledger, 10)
    assert reserve(ledger, 10, account="EUR key a")
    assert spent(ledger, "USD key b", "total", NOON) == 0


def test_a_release_gives_back_once(ledger: Ledger) -> None:
    kept, given = reserve(ledger, 4), reserve(ledger, 6)
    assert kept
    assert given

    ledger.release(given)
    ledger.release(given)

    assert spent(ledger, "USD key a", "day", NOON) == 4


def test_what_is_settled_cannot_be_released(ledger: Ledger) -> None:
    reservation = reserve(ledger, 4)
    assert reservation

    ledger.settle(reservation, 4)
    ledger.release(reservation)

    assert spent(ledger, "USD key a", "day", NOON) == 4


def test_what_is_neither_settled_nor_released_is_spent(ledger: Ledger) -> None:
    reserve(ledger, 10)

    assert reserve(ledger, 1) is None


def test_a_limit_of_none_only_keeps_account(ledger: Ledger) -> None:
    assert reserve(ledger, 10**15, limit=None)
    assert reserve(ledger, 10**15, limit=None)
    assert spent(ledger, "USD key a", "total", NOON) == 2 * 10**15


def test_what_cannot_be_counted_any_more_is_refused(ledger: Ledger) -> None:
    for account in ("USD key a", "USD key b"):
        assert reserve(ledger, 2**63 - 1, limit=None, account=account)
        for limit in (None, 2**70):
            with pytest.raises(Fault):
                reserve(ledger, 1, limit=limit, account=account)
    with pytest.raises(Fault):
        reserve(ledger, 2**63, limit=2**64, account="USD key c")


@pytest.mark.parametrize("micros", [0, -1])
def test_an_amount_that_would_give_money_back_is_a_bug(ledger: Ledger, micros: int) -> None:
    """Threat D07."""
    with pytest.raises(ValueError, match="positive"):
        reserve(ledger, micros)


@pytest.mark.parametrize(
    ("period", "last", "first"),
    [
        ("day", "2027-01-15T23:59:59.999", "2027-01-16T00:00:00"),
        ("week", "2027-01-17T23:59:59.999", "2027-01-18T00:00:00"),  # a Monday
        ("month", "2027-01-31T23:59:59.999", "2027-02-01T00:00:00"),
        ("month", "2027-12-31T23:59:59.999", "2028-01-01T00:00:00"),
        ("month", "2028-02-29T23:59:59.999", "2028-03-01T00:00:00"),
    ],
)
def test_a_period_begins_anew_at_its_edge_and_not_before(
    ledger: Ledger, period: Period, last: str, first: str
) -> None:
    assert reserve(ledger, 10, period=period, when=at(last))
    assert reserve(ledger, 1, period=period, when=at(last)) is None
    assert resets_at(ledger, period, at(last)) == at(first)

    assert spent(ledger, "USD key a", period, at(first)) == 0
    assert reserve(ledger, 11, period=period, when=at(first)) is None
    assert reserve(ledger, 10, period=period, when=at(first))
    assert spent(ledger, "USD key a", "total", at(first)) == 20


def test_a_total_never_begins_anew(ledger: Ledger) -> None:
    assert reserve(ledger, 10, period="total")
    later = at("2099-06-01T00:00:00")

    assert reserve(ledger, 1, period="total", when=later) is None
    assert resets_at(ledger, "total", later) is None


def test_a_budget_that_becomes_monthly_knows_what_the_month_has_cost(ledger: Ledger) -> None:
    reserve(ledger, 6, when=NOON - 86_400)
    reserve(ledger, 6)

    assert [spent(ledger, "USD key a", period, NOON) for period in PERIODS] == [6, 12, 12, 12]
    assert reserve(ledger, 9, limit=20, period="month") is None


@pytest.mark.parametrize("back", [86_400.0, 2 * 86_400.0, 40 * 86_400.0, NOON + 86_400])
def test_a_clock_that_is_set_back_opens_no_period_again(ledger: Ledger, back: float) -> None:
    """Threat A17, D08."""
    reserve(ledger, 10, when=NOON)

    for period in ("day", "week", "month"):
        assert reserve(ledger, 1, period=period, when=NOON - back) is None
        assert spent(ledger, "USD key a", period, NOON - back) == 10
        assert resets_at(ledger, period, NOON - back) == resets_at(ledger, period, NOON)


def test_swinging_the_clock_does_not_open_a_period_twice(ledger: Ledger) -> None:
    tomorrow = NOON + 86_400
    admitted = [reserve(ledger, 10, when=NOON + swing * 86_400) for swing in (0, 1, 0, 1, -1, 1)]

    assert [bool(reservation) for reservation in admitted] == [True, True] + [False] * 4
    assert spent(ledger, "USD key a", "day", tomorrow) == 10


def test_what_comes_back_from_yesterday_is_not_credited_to_today(ledger: Ledger) -> None:
    yesterday = reserve(ledger, 10, when=NOON - 86_400)
    assert yesterday
    reserve(ledger, 10)

    ledger.release(yesterday)

    assert spent(ledger, "USD key a", "day", NOON) == 10
    assert spent(ledger, "USD key a", "week", NOON) == 10
    assert spent(ledger, "USD key a", "total", NOON) == 10


@pytest.mark.parametrize("cost", [0, 3])
def test_what_comes_back_from_yesterday_makes_no_room_today(ledger: Ledger, cost: int) -> None:
    """One purse, which has already looked how far today goes, and one price."""
    purse = ledger.purse([demand("USD key a", 10)], "server/tool")
    yesterday = purse.reserve("call-yesterday", 9, NOON - 86_400)
    for number in range(2):
        purse.reserve(f"call-{number}", 2, NOON)

    ledger.settle(yesterday.id, cost)

    for number in range(2, 5):
        purse.reserve(f"call-{number}", 2, NOON)
    with pytest.raises(NoRoom):
        purse.reserve("call-too-much", 2, NOON)
    assert spent(ledger, "USD key a", "day", NOON) == 10
    assert spent(ledger, "USD key a", "total", NOON) == cost + 10


def test_what_did_cost_all_of_it_has_an_end(ledger: Ledger) -> None:
    number = reserve(ledger, 4)
    assert number

    ledger.balances.open[number].is_spent = True
    ledger.settle(number, 0)
    ledger.doubt(number)
    ledger.release(number)
    ledger.flush()

    assert not ledger.balances.open
    assert not ledger.balances.unknown()
    assert spent(ledger, "USD key a", "day", NOON) == 4


@pytest.mark.parametrize("when", [-1e12, 0.0, 1e15])
def test_a_clock_beyond_the_calendar_still_counts(ledger: Ledger, when: float) -> None:
    assert reserve(ledger, 10, when=when)
    assert reserve(ledger, 1, when=when) is None
    anew = resets_at(ledger, "month", when)
    assert anew
    assert dt.datetime.fromtimestamp(anew, dt.UTC).day == 1


def test_all_accounts_must_have_room_and_a_refusal_by_one_charges_none(ledger: Ledger) -> None:
    key, team, tenant = (
        demand("USD key a", 10),
        demand("USD team t", 6, "month"),
        demand("USD tenant x", None),
    )
    assert reserve_from(ledger, [key, team, tenant], 4)
    assert reserve_from(ledger, [key, team, tenant], 4) is None
    assert reserve_from(ledger, [key, tenant], 4)

    assert spent(ledger, "USD key a", "day", NOON) == 8
    assert spent(ledger, "USD team t", "month", NOON) == 4
    assert spent(ledger, "USD tenant x", "total", NOON) == 8


def test_two_budgets_of_one_account_must_both_hold(ledger: Ledger) -> None:
    both = AccountDemand(
        "USD key a",
        "UTC",
        (Budget("day", 5, "USD", "day"), Budget("month", 8, "USD", "month")),
    )
    assert reserve_from(ledger, [both], 5)
    assert reserve_from(ledger, [both], 1) is None
    tomorrow = NOON + 86_400
    assert reserve_from(ledger, [both], 4, tomorrow) is None
    assert reserve_from(ledger, [both], 3, tomorrow)


def test_what_a_call_did_not_cost_comes_back(ledger: Ledger) -> None:
    number = reserve(ledger, 10)
    assert number

    ledger.settle(number, 3)
    ledger.settle(number, 0)

    assert spent(ledger, "USD key a", "day", NOON) == 3


def test_an_unknown_outcome_is_spent_until_somebody_says_what_it_cost(ledger: Ledger) -> None:
    number = reserve(ledger, 10)
    assert number
    assert not ledger.reconcile(number, 0)  # it is under way

    ledger.doubt(number)
    assert [one.id for one in ledger.balances.unknown()] == [number]
    assert spent(ledger, "USD key a", "day", NOON) == 10
    assert not ledger.reconcile(number, 11)
    assert ledger.reconcile(number, 4)

    assert not ledger.reconcile(number, 0)
    assert not ledger.balances.unknown()
    assert spent(ledger, "USD key a", "day", NOON) == 4


@pytest.mark.parametrize(
    ("zone", "last", "first"),
    [
        ("Europe/Berlin", "2027-01-15T22:59:59.9", "2027-01-15T23:00:00"),
        ("Europe/Berlin", "2027-03-28T21:59:59.9", "2027-03-28T22:00:00"),  # 23 hours long
        ("Europe/Berlin", "2027-10-31T22:59:59.9", "2027-10-31T23:00:00"),  # 25 hours long
        ("America/Los_Angeles", "2027-01-16T07:59:59.9", "2027-01-16T08:00:00"),
        ("Asia/Kathmandu", "2027-01-15T18:14:59.9", "2027-01-15T18:15:00"),
        ("Pacific/Kiritimati", "2027-01-15T09:59:59.9", "2027-01-15T10:00:00"),
        ("Africa/Cairo", "2027-04-29T21:59:59.9", "2027-04-29T22:00:00"),  # midnight is left out
    ],
)
def test_a_day_begins_at_midnight_of_its_own_time_zone(
    ledger: Ledger, zone: str, last: str, first: str
) -> None:
    accounts = [demand(zone=zone)]
    assert reserve_from(ledger, accounts, 10, at(last))
    assert reserve_from(ledger, accounts, 1, at(last)) is None
    assert resets_at(ledger, "day", at(last), zone) == at(first)

    assert reserve_from(ledger, accounts, 10, at(first))


def test_another_time_zone_opens_no_period_again(ledger: Ledger) -> None:
    assert reserve_from(ledger, [demand(zone="Pacific/Kiritimati")], 10, at("2027-01-15T12:00:00"))

    for zone in ("UTC", "America/Los_Angeles"):
        assert reserve_from(ledger, [demand(zone=zone)], 1, at("2027-01-15T12:00:00")) is None


def test_a_share_that_is_reached_is_noticed_at_once_and_once(ledger: Ledger) -> None:
    purses = [ledger.purse([demand("USD key a", 10)], f"server/{n}", (50, 90)) for n in range(2)]
    told = []
    for number in range(10):
        purse = purses[number % 2]
        purse.reserve(f"call-{number}", 1, NOON)
        told.append([(one.percent, one.spent_micros) for one in purse.warnings])
        purse.warnings.clear()

    assert told == [[], [], [], [], [(50, 5)], [], [], [], [(90, 9)], []]
