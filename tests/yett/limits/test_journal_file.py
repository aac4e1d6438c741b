"""What the journal adds to the contract of a ledger: it survives, and it says when it cannot."""

import itertools
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.yett.limits.killed import kill_again_and_again
from yett.core.errors import ConfigurationError, Fault
from yett.core.reasons import Reason
from yett.limits.backends.book_ledger import BookLedger
from yett.limits.backends.journal_file import open_ledger, read_balances
from yett.limits.balances import Account
from yett.limits.build import accept_clock, read_spending
from yett.limits.demand import AccountDemand, Budget, Period
from yett.limits.journal import line_of
from yett.limits.port import NoRoom

NOON = 1_800_014_400.0
DAY = 20_833
NUMBERS = itertools.count()


def reserve(
    ledger: BookLedger,
    micros: int,
    limit: int | None = 1_000,
    *,
    account: str = "USD key a",
    when: float = NOON,
) -> str | None:
    """Return the number of the reservation; None: there is no room."""
    budgets = () if limit is None else (Budget("as written", limit, "USD", "day"),)
    purse = ledger.purse([AccountDemand(account, "UTC", budgets)], "server/tool")
    number = f"call-{next(NUMBERS)}"
    try:
        purse.reserve(number, micros, when)
    except NoRoom:
        return None
    try:
        ledger.keep(number)
    except Fault:  # the call ends unsent
        ledger.release(number)
        raise
    return number


def end(ledger: BookLedger, number: str | None) -> None:
    assert number
    ledger.settle(number, 1)


def spent(ledger: BookLedger, period: Period = "day", when: float = NOON) -> int:
    return ledger.balances.spent("USD key a", period, when)


def account_of(ledger: BookLedger) -> Account:
    return ledger.balances.accounts["USD key a"]


@contextmanager
def opened(directory: Path, **settings: int) -> Iterator[BookLedger]:
    ledger = open_ledger(directory, **settings)
    try:
        yield ledger
    finally:
        ledger.close()


def test_a_reservation_whose_outcome_is_unknown_is_spent_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        settled, released, unknown = (reserve(ledger, micros) for micros in (1, 10, 100))
        assert settled
        assert released
        assert unknown
        ledger.settle(settled, 1)
        ledger.release(released)

    for _ in range(2):  # the second start reads what the first made short
        with opened(tmp_path) as ledger:
            assert spent(ledger) == 101
            assert [one.id for one in ledger.balances.unknown()] == [unknown]


def test_the_newest_day_seen_survives_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        reserve(ledger, 1_000, when=NOON + 86_400)

    with opened(tmp_path) as ledger:
        assert reserve(ledger, 1) is None


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_torn_last_line_was_never_reserved(tmp_path: Path, cut: int) -> None:
    with opened(tmp_path) as ledger:
        reserve(ledger, 1)
        reserve(ledger, 10)
        journal = tmp_path / "journal"
        left = journal.read_bytes()[:-cut]  # by a process that died; one that ends tidies up
    journal.write_bytes(left)

    with opened(tmp_path) as ledger:
        assert spent(ledger) == 1
        reserve(ledger, 100)
    assert read_balances(tmp_path).spent("USD key a", "total", 0) == 101


HEADER = line_of(["ledger", 2])
CHARGED = [["USD key a", "UTC", DAY]]
GOOD = line_of(["+", "call-1", 1, 1, [], "s/t", CHARGED])


@pytest.mark.parametrize(
    ("journal", "line"),
    [
        (b"", 1),
        (b"garbage", 1),
        (b"garbage\n", 1),
        (b"\0" * 40 + b"\n", 1),
        (line_of(["ledger", 1, 20_000]), 1),
        (GOOD, 1),
        (HEADER + HEADER, 2),
        (HEADER + GOOD.replace(b",1,1,", b",1,2,"), 2),
        (HEADER + line_of(["+", "call-1", 1, -1, [], "s/t", CHARGED]), 2),
        (HEADER + line_of(["+", "call-1", 1, 0, [], "s/t", CHARGED]), 2),
        (HEADER + line_of(["+", "call-1", 1, 1.5, [], "s/t", CHARGED]), 2),
        (HEADER + line_of(["+", "call-1", 1, 1, [], "s/t", [["USD key a", "UTC", 10**9]]]), 2),
        (HEADER + line_of(["+", "call-1", 1, 1, [], "s/t", [["USD key a", "UTC", -1]]]), 2),
        (HEADER + line_of(["+", "call-1", 1, 1, [], "s/t", [["USD key a", "Mars/Base", DAY]]]), 2),
        (HEADER + line_of(["+", "call-1", 1, 1, [], "s/t", [["USD key a"]]]), 2),
        (HEADER + line_of(["+", "call-1", 1, 1, [[]], "s/t", CHARGED]), 2),
        (HEADER + line_of(["ended", "call-1"]), 2),
        (HEADER + line_of(["=", "call-1", -1]), 2),
        (HEADER + line_of(["=", "call-1", True]), 2),
        (HEADER + line_of(["+", "call-1", True, 1, [], "s/t", CHARGED]), 2),
        (HEADER + line_of(["+", "call-1", 1, True, [], "s/t", CHARGED]), 2),
        (HEADER + line_of(["open", "call-1", 1, True, "s/t", CHARGED, True]), 2),
        (HEADER + line_of(["account", "USD key a", "UTC", True, [1, 1, 1, 1], []]), 2),
        (HEADER + line_of(["account", "USD key a", "UTC", DAY, [1, 1, 1, -1], []]), 2),
        (HEADER + line_of(["account", "USD key a", "UTC", DAY, [1, 1, 1], []]), 2),
        (HEADER + line_of(["account", "USD key a", "UTC", DAY, [1, 1, 1, 1], [[DAY, -1]]]), 2),
        (HEADER + line_of(["open", "call-1", 1, 1, "s/t", CHARGED, 1]), 2),
        (HEADER + line_of(["more", 20_000]), 2),
        (HEADER + line_of([]) + HEADER, 2),
        (HEADER + b"\n", 2),
    ],
)
def test_a_damaged_journal_is_reported_and_never_guessed_at(
    tmp_path: Path, journal: bytes, line: int
) -> None:
    (tmp_path / "journal").write_bytes(journal)

    for _ in range(2):  # nor is the lock kept
        with pytest.raises(ConfigurationError, match=f"damaged at line {line}"):
            open_ledger(tmp_path)
    assert (tmp_path / "journal").read_bytes() == journal


def test_a_line_that_is_json_but_no_list_is_damage(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(HEADER + line_of({"a": 1}))  # type: ignore[arg-type]  # hostile

    with pytest.raises(ConfigurationError, match="line 2"):
        read_balances(tmp_path)


def test_one_process_writes(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(ConfigurationError, match="in use by another process"):
        open_ledger(tmp_path)


def test_others_may_read_while_it_is_written(tmp_path: Path) -> None:
    assert read_spending(tmp_path).accounts == {}
    with opened(tmp_path / "ledger") as ledger:
        reserve(ledger, 5)
        assert read_spending(tmp_path).spent("USD key a", "total", 0) == 5
        assert spent(ledger) == 5


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger"):
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "ledger").iterdir()}

    assert modes == {"journal": 0o600, "lock": 0o600}
    assert (tmp_path / "ledger").stat().st_mode & 0o777 == 0o700


def test_a_grown_journal_is_made_short_while_it_serves(tmp_path: Path) -> None:
    with opened(tmp_path, compact_bytes=4_096) as ledger:
        held = reserve(ledger, 1, limit=None)
        sizes = []
        for _ in range(500):
            end(ledger, reserve(ledger, 1, limit=None))
            sizes.append((tmp_path / "journal").stat().st_size)
        assert held
        ledger.release(held)
        assert max(sizes) < 4_096 + 300
        assert spent(ledger) == 500
    with opened(tmp_path) as ledger:
        assert spent(ledger) == 500


@pytest.mark.parametrize("flush_every", [1, 7, 1_000])
def test_ends_are_told_after_some_lines_at_the_latest(tmp_path: Path, flush_every: int) -> None:
    with opened(tmp_path) as ledger:
        for number in range(200):
            end(ledger, reserve(ledger, 1))
            if number % flush_every == 0:
                ledger.flush()
            told = read_balances(tmp_path)
            assert len(told.open) < 60
            assert told.spent("USD key a", "total", 0) == number + 1
    assert not read_balances(tmp_path).open


def test_a_journal_that_cannot_be_made_short_goes_on_long(tmp_path: Path) -> None:
    with opened(tmp_path, compact_bytes=2_048) as ledger:
        (tmp_path / "journal.new").mkdir()  # in the way of the new file
        for _ in range(200):
            end(ledger, reserve(ledger, 1, limit=None))
        assert (tmp_path / "journal").stat().st_size > 4_096
        (tmp_path / "journal.new").rmdir()
        for _ in range(50):
            end(ledger, reserve(ledger, 1, limit=None))
        assert (tmp_path / "journal").stat().st_size < 4_096
    assert read_balances(tmp_path).spent("USD key a", "total", 0) == 250


@contextmanager
def file_size_limited_to(size: int) -> Iterator[None]:
    """A full disk, as far as a writer can tell: the kernel takes a part of the line, then nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("room", [0, 1, 20])
def test_what_cannot_be_written_down_is_not_reserved(tmp_path: Path, room: int) -> None:
    with opened(tmp_path) as ledger:
        reserve(ledger, 1)
        size = (tmp_path / "journal").stat().st_size
        with file_size_limited_to(size + room):
            for _ in range(3):
                with pytest.raises(Fault) as caught:
                    reserve(ledger, 10)
                assert caught.value.reason is Reason.INTERNAL_ERROR
                assert "ledger" in caught.value.private
        assert spent(ledger) == 1
        assert reserve(ledger, 100)  # room again, and half a line is in nobody's way
        assert spent(ledger) == 101
    with opened(tmp_path) as ledger:
        assert spent(ledger) == 101


def test_money_whose_return_cannot_be_written_down_stays_spent(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        reservation = reserve(ledger, 10)
        assert reservation
        with file_size_limited_to((tmp_path / "journal").stat().st_size + 5):
            ledger.release(reservation)
        assert spent(ledger) == 10
    with opened(tmp_path) as ledger:
        assert spent(ledger) == 10


def test_a_full_disk_at_the_start_is_a_clear_sentence_and_loses_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        reserve(ledger, 10)
    with (
        file_size_limited_to(5),
        pytest.raises(ConfigurationError, match=r"cannot be used.*room on the disk"),
    ):
        open_ledger(tmp_path)
    assert not (tmp_path / "journal.new").exists()
    with opened(tmp_path) as ledger:
        assert spent(ledger) == 10


def test_a_place_that_is_no_directory_is_a_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("in the way")

    with pytest.raises(ConfigurationError, match="cannot be used"):
        open_ledger(tmp_path / "ledger")


def put_aside(ledger: BookLedger, count: int) -> list[str]:
    """Reserve one for each of so many calls, of which none is written down yet."""
    purse = ledger.purse([AccountDemand("USD key a")], "server/tool")
    return [purse.reserve(f"call-{next(NUMBERS)}", 1, NOON).id for _ in range(count)]


def test_calls_that_come_together_are_written_down_together(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        numbers = put_aside(ledger, 16)
        before = (tmp_path / "journal").read_bytes()
        assert (spent(ledger), read_balances(tmp_path).open) == (16, {})

        ledger.keep(numbers[7])

        after = (tmp_path / "journal").read_bytes()
        assert after.removeprefix(before).count(b"\n") == 16
        assert list(read_balances(tmp_path).open) == numbers
        for number in numbers:
            ledger.keep(number)
        assert (tmp_path / "journal").read_bytes() == after


def test_what_is_released_before_it_is_written_down_is_never_written_down(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        first, second = put_aside(ledger, 2)
        before = (tmp_path / "journal").read_bytes()
        ledger.release(first)
        assert (tmp_path / "journal").read_bytes() == before
        assert spent(ledger) == 1

        ledger.keep(second)

        assert list(read_balances(tmp_path).open) == [second]


@pytest.mark.parametrize("deed", ["flush", "end", "rewind"])
def test_what_waits_is_counted_once_whenever_the_journal_is_made_short(
    tmp_path: Path, deed: str
) -> None:
    with opened(tmp_path, compact_bytes=1) as ledger:
        waiting = put_aside(ledger, 3)
        if deed == "flush":
            ledger.flush()
        elif deed == "rewind":
            ledger.rewind(NOON)
        else:
            end(ledger, reserve(ledger, 5))
            put_aside(ledger, 1)
            ledger.flush()
        for number in waiting:
            ledger.keep(number)

        assert read_balances(tmp_path).spent("USD key a", "total", NOON) == (
            4 if deed == "end" else 3
        )


def test_what_is_closed_is_short_and_holds_no_more_than_was_written_down(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        for _ in range(500):
            end(ledger, reserve(ledger, 1))
        put_aside(ledger, 3)
        assert (tmp_path / "journal").stat().st_size > 10_000

    assert (tmp_path / "journal").stat().st_size < 300
    balances = read_balances(tmp_path)
    assert (balances.spent("USD key a", "total", NOON), balances.open) == (500, {})


def test_a_closed_ledger_reserves_nothing(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.close()
    ledger.close()

    with pytest.raises(Fault):
        reserve(ledger, 1)


def test_a_process_that_is_killed_in_the_middle_never_overspends(tmp_path: Path) -> None:
    """Threat D06."""
    kill_again_and_again(tmp_path / "ledger", 3)


def test_an_accepted_clock_moves_the_ledger_back_and_gives_no_money_back(tmp_path: Path) -> None:
    """The clock stood a month ahead; what was spent then counts today, and today ends tonight."""
    data, ahead = tmp_path, NOON + 31 * 86_400
    with opened(data / "ledger") as ledger:
        reserve(ledger, 300)
        reserve(ledger, 500, when=ahead)

    assert accept_clock(data, StoodAt(NOON)) is True

    with opened(data / "ledger") as ledger:
        assert spent(ledger) == 500
        assert spent(ledger, "total") == 800
        account = account_of(ledger)
        assert account.zone.end_of("day", account.today(NOON)) == NOON + 43_200
        assert reserve(ledger, 501) is None
        assert reserve(ledger, 500)
        assert spent(ledger, when=NOON + 86_400) == 0
    assert accept_clock(data, StoodAt(NOON)) is False


def test_a_clock_that_is_not_behind_is_accepted_without_the_ledger(tmp_path: Path) -> None:
    assert accept_clock(tmp_path, StoodAt(NOON)) is False
    with opened(tmp_path / "ledger") as ledger:
        reserve(ledger, 1)
        assert accept_clock(tmp_path, StoodAt(NOON)) is False


def test_the_ledger_of_a_running_gate_is_not_moved(tmp_path: Path) -> None:
    with opened(tmp_path / "ledger") as ledger:
        reserve(ledger, 1)
        with pytest.raises(ConfigurationError, match="in use by another process"):
            accept_clock(tmp_path, StoodAt(NOON - 86_400))
        assert spent(ledger) == 1


class StoodAt:
    def __init__(self, at: float) -> None:
        self._at = at

    def wall(self) -> float:
        return self._at

    def monotonic(self) -> float:
        return 0.0
