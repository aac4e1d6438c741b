"""What is quick for a plain call and for a plain price answers as the whole way, and as the textbook."""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clock import NOON, HandClock
from tests.yett.limits.scene import LAPTOP, SERVER, cleaned, confirmed, identified, limiter, reply
from yett.core.errors import Denied, Fault
from yett.core.proofs import Confirmed
from yett.core.reasons import Reason
from yett.core.standing import Standing
from yett.limits import Admission, Limiter, plans, stage
from yett.limits.backends.book_ledger import BookLedger
from yett.limits.balances import Balances, Open
from yett.limits.build import memory_state
from yett.limits.calendar import windows_of
from yett.limits.config import BreakerConfig, KeyLimits, ToolLimits
from yett.limits.demand import PERIODS, AccountDemand, Budget
from yett.limits.journal import line_of, replay
from yett.limits.port import NoRoom

DAY = 86_400
TOOLS = {
    "github/dear": ToolLimits(cost="0.000004 USD", rate="9/minute"),
    "github/cheap": ToolLimits(cost="0.000001 USD"),
    "github/free": ToolLimits(),
}
EVERY = KeyLimits(
    rate=("6/second", "20/minute"), concurrency=2, budget=("0.000012 USD/day", "0.000030 USD/week")
)
CALL = st.tuples(
    st.just("call"),
    st.sampled_from([LAPTOP, SERVER]),
    st.sampled_from(["dear", "cheap", "free"]),
    st.sampled_from(["settle", "fail", "never sent", "time out", "refuse", "hold"]),
)
STEPS = st.lists(
    CALL
    | CALL
    | CALL
    | st.tuples(st.just("pass"), st.sampled_from([1, 1, 7, 60, 3_600, DAY, 8 * DAY]))
    | st.tuples(st.just("jump"), st.sampled_from([-DAY, 200, 40 * DAY]))
    | st.tuples(st.just("end"), st.integers(0, 1)),
    min_size=30,
    max_size=60,
)
ENDS: dict[str, BaseException] = {
    "never sent": Fault(Reason.UPSTREAM_UNREACHABLE, "", sent=False),
    "time out": Fault(Reason.UPSTREAM_TIMEOUT, "", sent=True),
    "refuse": Denied(Reason.ANSWER_BLOCKED, ""),
}


class House:
    """A gate's limits, and the callers' standings, as authorization keeps them."""

    def __init__(self) -> None:
        self.clock = HandClock()
        state = memory_state(self.clock)
        breaker = BreakerConfig(failures=3, cooldown="30s")
        self.limits: Limiter = limiter(self.clock, EVERY, tools=TOOLS, breaker=breaker, state=state)
        self.held: list[tuple[Admission, Confirmed]] = []
        self._standings: dict[tuple[str, str], Standing] = {}

    def do(self, step: tuple[Any, ...]) -> object:
        """Take a step, and return all that anybody could see of it."""
        match step:
            case ("call", principal, tool, how):
                return self._call(principal, tool, how), self._figures()
            case ("pass", seconds):
                self.clock.pass_seconds(seconds)
            case ("jump", seconds):
                self.clock.now += seconds
                self.clock.pass_seconds(1)  # it is looked at once a second
            case ("end", number) if number < len(self.held):
                admission, _ = self.held.pop(number)
                admission.settle(cleaned(admission.admitted))
                admission.__exit__(None, None, None)
        return self._figures()

    def _call(self, principal: Any, tool: str, how: str) -> object:
        subject = confirmed(principal, tool, number=f"call-{len(self.held)}-{tool}")
        permitted = subject.validated.permitted
        standing = self._standings.setdefault((principal.id, tool), permitted.standing)
        permitted = msgspec.structs.replace(permitted, standing=standing)
        subject = Confirmed(msgspec.structs.replace(subject.validated, permitted=permitted))
        try:
            admission = self.limits.admit(subject)
        except Denied as denied:
            self.limits.observe(reply(principal, refusal=denied))
            return denied.reason, denied.private, denied.retry_after_seconds, denied.resets_at
        assert isinstance(admission, Admission)
        admission.__enter__()
        if how == "hold":
            self.held.append((admission, subject))
            return None
        admission.commit()
        if how in ENDS:
            admission.__exit__(type(ENDS[how]), ENDS[how], None)
            return None
        usage = admission.settle(cleaned(admission.admitted))
        admission.__exit__(None, None, None)
        self.limits.observe(reply(principal, result={"isError": how == "fail", "content": []}))
        left = usage.rates() if usage.rates else None
        return usage.cost_micros, usage.remaining_micros, usage.currency, left, admission.admitted.cost_micros  # fmt: skip

    def _figures(self) -> object:
        balances = self.limits.state.ledger.balances
        balances.let_go(balances.ended())
        state = self.limits.state
        for name, one in state.callers.items():
            assert not (one.failures or one.open_until or one.probe) or name in state.suspects
        told: list[Any] = []
        self.limits.state.notices.report(told.append, last=True)
        return (
            [self.limits.describe(identified(one)) for one in (LAPTOP, SERVER)],
            {name: (one.total, one.before, one.history) for name, one in balances.accounts.items()},
            [(one.micros, one.target) for one in balances.open.values()],
            [(one.micros, one.target) for one in balances.doubted.values()],
            [{key: value for key, value in event.items() if key != "at"} for event in told],
        )


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_plain_call_is_admitted_as_with_all_care(steps: list[tuple[Any, ...]]) -> None:
    prepare = plans.prepare
    with pytest.MonkeyPatch.context() as patch:
        quick, careful = House(), House()
        for step in steps:
            patch.setattr(stage, "prepare", prepare)
            found = quick.do(step)
            patch.setattr(
                stage,
                "prepare",
                lambda *given: msgspec.structs.replace(prepare(*given), is_plain=False),
            )
            assert careful.do(step) == found


ACCOUNTS = [
    AccountDemand("USD key a", "UTC", (Budget("d", 10, "USD", "day"), Budget("m", 25, "USD", "month"))),
    AccountDemand("USD team t", "Asia/Tokyo", (Budget("w", 30, "USD", "week"),)),
    AccountDemand("USD tenant x"),
    AccountDemand("USD tool y", "UTC", (Budget("t", 60, "USD", "total"),)),
]  # fmt: skip
MONEY = st.lists(
    st.tuples(st.just("reserve"), st.integers(0, 2), st.integers(1, 7))
    | st.tuples(st.just("end"), st.integers(0, 3), st.integers(0, 7))
    | st.tuples(st.just("pass"), st.sampled_from([0, 0.01, 0.2, 1, 9, 40]), st.just(0)),
    min_size=30,
    max_size=80,
)


class Lines:
    """A journal that is read again at the end."""

    def __init__(self) -> None:
        self.written = line_of(["ledger", 2])

    def append(self, lines: bytes) -> None:
        self.written += lines

    def tidy(self) -> None:
        pass

    def compact(self, balances: Balances) -> None:
        del balances

    def close(self) -> None:
        pass


class Book:
    """All charges that were ever made, by account, each with its day; nothing is kept of sums."""

    def __init__(self) -> None:
        self.charges: defaultdict[str, list[list[int]]] = defaultdict(list)

    def fits(self, accounts: Sequence[AccountDemand], micros: int, at: float) -> bool:
        return all(
            self._spent(one.account, budget, day_of(one, at)) + micros <= budget.micros
            for one in accounts
            for budget in one.budgets
        )

    def charge(self, accounts: Sequence[AccountDemand], micros: int, at: float) -> list[list[int]]:
        charges = [[day_of(one, at), micros] for one in accounts]
        for one, charge in zip(accounts, charges, strict=True):
            self.charges[one.account].append(charge)
        return charges

    def holds(self, after_a_crash: Balances, accounts: Sequence[AccountDemand], at: float) -> bool:
        """Say whether what is written down is enough, and no more than the budgets."""
        return all(
            self.total(one) <= after_a_crash.spent(one.account, "total", at)
            and all(
                after_a_crash.spent(one.account, budget.period, at) <= budget.micros
                for budget in one.budgets
            )
            for one in accounts
        )

    def total(self, one: AccountDemand) -> int:
        return sum(micros for _, micros in self.charges[one.account])

    def _spent(self, account: str, budget: Budget, day: int) -> int:
        index = PERIODS.index(budget.period)
        now = windows_of(day)[index]
        charges = self.charges[account]
        return sum(micros for then, micros in charges if windows_of(then)[index] == now)


def day_of(one: AccountDemand, at: float) -> int:
    return int((at + (9 * 3_600 if one.zone == "Asia/Tokyo" else 0)) // DAY)


def end(ledger: BookLedger, opened: Open, micros: int) -> int:
    """End a call that did cost so much, if it was sent, and return what it did cost."""
    if opened.id in ledger.waiting:
        ledger.release(opened.id)
        return 0
    opened.is_spent = micros >= opened.micros
    ledger.settle(opened.id, micros)
    return min(micros, opened.micros)


@settings(max_examples=60, deadline=None)
@given(MONEY)
def test_a_purse_pays_exactly_what_the_textbook_pays(steps: list[tuple[str, int, int]]) -> None:
    """The textbook adds up all charges of a period; the purse compares one number for each account."""
    lines, book = Lines(), Book()
    ledger = BookLedger(Balances(), lines)
    sets = [ACCOUNTS[:3], [ACCOUNTS[0], *ACCOUNTS[2:]], ACCOUNTS[1:]]
    purses = [ledger.purse(accounts, f"s/{n}", (50, 90)) for n, accounts in enumerate(sets)]
    at, held = NOON, []
    for number, (what, first, second) in enumerate(steps):
        if what == "pass":
            at += first * DAY
        elif what == "reserve":
            try:
                opened = purses[first].reserve(f"call-{number}", second, at)
            except NoRoom:
                assert not book.fits(sets[first], second, at)
                continue
            assert book.fits(sets[first], second, at)
            held.append((opened, book.charge(sets[first], second, at)))
            if number % 3:
                ledger.keep(opened.id)
                assert book.holds(replay(lines.written), sets[first], at)
        elif first < len(held):
            opened, charges = held.pop(first)
            cost = end(ledger, opened, second)
            for charge in charges:
                charge[1] = cost

    under_way = [opened.id for opened, _ in held]
    deque(map(ledger.keep, under_way), maxlen=0)
    ledger.flush()
    again = replay(lines.written)
    for one in ACCOUNTS:
        for balances in (ledger.balances, again):
            assert balances.spent(one.account, "total", at) == book.total(one)
    assert list(again.open) == under_way
