"""What every `Ledger` must do. A new backend is added to BACKENDS and to nothing else."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from yett.limits import Ledger
from yett.limits.backends.journal_ledger import JournalLedger
from yett.limits.backends.memory_ledger import MemoryLedger
from yett.limits.port import Period, Reservation

BACKENDS: dict[str, Callable[[Path], Ledger]] = {
    "memory": lambda _: MemoryLedger(),
    "journal": JournalLedger.open,
}
PERIODS: tuple[Period, ...] = ("day", "week", "month", "total")


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


NOON = at("2027-01-15T12:00:00")


@pytest.fixture(params=BACKENDS, name="ledger")
def _ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    ledger = BACKENDS[request.param](tmp_path)
    yield ledger
    ledger.close()


def reserve(
    ledger: Ledger,
    micros: int,
    limit: int | None = 10,
    period: Period = "day",
    when: float = NOON,
    account: str = "USD a",
) -> Reservation | None:
    return ledger.reserve(account, micros, limit_micros=limit, period=period, at=when)


def test_money_is_reserved_up_to_the_limit_exactly(ledger: Ledger) -> None:
    assert reserve(ledger, 7)
    assert reserve(ledger, 4) is None
    assert reserve(ledger, 3)
    assert reserve(ledger, 1) is None
    assert ledger.spent("USD a", "day", NOON) == 10


def test_more_than_the_whole_limit_never_fits(ledger: Ledger) -> None:
    assert reserve(ledger, 11) is None
    assert reserve(ledger, 1, limit=0) is None
    assert ledger.spent("USD a", "total", NOON) == 0


def test_accounts_are_independent(ledger: Ledger) -> None:
    assert reserve(ledger, 10)
    assert reserve(ledger, 10, account="EUR a")
    assert ledger.spent("USD b", "total", NOON) == 0


def test_a_release_gives_back_once(ledger: Ledger) -> None:
    kept, given = reserve(ledger, 4), reserve(ledger, 6)
    assert kept
    assert given

    ledger.release(given)
    ledger.release(given)

    assert ledger.spent("USD a", "day", NOON) == 4


def test_what_is_settled_cannot_be_released(ledger: Ledger) -> None:
    reservation = reserve(ledger, 4)
    assert reservation

    ledger.settle(reservation)
    ledger.release(reservation)

    assert ledger.spent("USD a", "day", NOON) == 4


def test_what_is_neither_settled_nor_released_is_spent(ledger: Ledger) -> None:
    reserve(ledger, 10)

    assert reserve(ledger, 1) is None


def test_a_limit_of_none_only_keeps_account(ledger: Ledger) -> None:
    assert reserve(ledger, 10**15, limit=None)
    assert reserve(ledger, 10**15, limit=None)
    assert ledger.spent("USD a", "total", NOON) == 2 * 10**15


def test_what_cannot_be_counted_any_more_is_refused(ledger: Ledger) -> None:
    for account in ("USD a", "USD b"):
        assert reserve(ledger, 2**63, limit=None, account=account) is None
        assert reserve(ledger, 2**63 - 1, limit=None, account=account)
        assert reserve(ledger, 1, limit=None, account=account) is None
        assert reserve(ledger, 1, limit=2**70, account=account) is None
    assert reserve(ledger, 2**63, limit=2**64, account="USD c") is None


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
    assert ledger.resets_at(period, at(last)) == at(first)

    assert ledger.spent("USD a", period, at(first)) == 0
    assert reserve(ledger, 11, period=period, when=at(first)) is None
    assert reserve(ledger, 10, period=period, when=at(first))
    assert ledger.spent("USD a", "total", at(first)) == 20


def test_a_total_never_begins_anew(ledger: Ledger) -> None:
    assert reserve(ledger, 10, period="total")
    later = at("2099-06-01T00:00:00")

    assert reserve(ledger, 1, period="total", when=later) is None
    assert ledger.resets_at("total", later) is None


def test_a_budget_that_becomes_monthly_knows_what_the_month_has_cost(ledger: Ledger) -> None:
    reserve(ledger, 6, when=NOON - 86_400)
    reserve(ledger, 6)

    assert [ledger.spent("USD a", period, NOON) for period in PERIODS] == [6, 12, 12, 12]
    assert reserve(ledger, 9, limit=20, period="month") is None


@pytest.mark.parametrize("back", [86_400.0, 2 * 86_400.0, 40 * 86_400.0, NOON + 86_400])
def test_a_clock_that_is_set_back_opens_no_period_again(ledger: Ledger, back: float) -> None:
    """Threat A17, D08."""
    reserve(ledger, 10, when=NOON)

    for period in ("day", "week", "month"):
        assert reserve(ledger, 1, period=period, when=NOON - back) is None
        assert ledger.spent("USD a", period, NOON - back) == 10
        assert ledger.resets_at(period, NOON - back) == ledger.resets_at(period, NOON)


def test_swinging_the_clock_does_not_open_a_period_twice(ledger: Ledger) -> None:
    tomorrow = NOON + 86_400
    admitted = [reserve(ledger, 10, when=NOON + swing * 86_400) for swing in (0, 1, 0, 1, -1, 1)]

    assert [bool(reservation) for reservation in admitted] == [True, True] + [False] * 4
    assert ledger.spent("USD a", "day", tomorrow) == 10


def test_what_comes_back_from_yesterday_is_not_credited_to_today(ledger: Ledger) -> None:
    yesterday = reserve(ledger, 10, when=NOON - 86_400)
    assert yesterday
    reserve(ledger, 10)

    ledger.release(yesterday)

    assert ledger.spent("USD a", "day", NOON) == 10
    assert ledger.spent("USD a", "week", NOON) == 10
    assert ledger.spent("USD a", "total", NOON) == 10


@pytest.mark.parametrize("when", [-1e12, 0.0, 1e15])
def test_a_clock_beyond_the_calendar_still_counts(ledger: Ledger, when: float) -> None:
    assert reserve(ledger, 10, when=when)
    assert reserve(ledger, 1, when=when) is None
    resets_at = ledger.resets_at("month", when)
    assert resets_at
    assert dt.datetime.fromtimestamp(resets_at, dt.UTC).day == 1
