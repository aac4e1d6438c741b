"""Promise 6: spend ≤ budget under any order of calls, crashes, restarts and clocks."""

import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.clock import NOON, HandClock
from tests.yett.limits.scene import (
    LAPTOP,
    SERVER,
    cleaned,
    confirmed,
    limiter,
    refused,
)
from yett.core.errors import Denied, Fault
from yett.core.reasons import Reason
from yett.limits import Admission
from yett.limits.backends.journal_file import read_balances
from yett.limits.build import open_state
from yett.limits.calendar import windows_of
from yett.limits.config import KeyLimits, ToolLimits
from yett.limits.demand import PERIODS, Period
from yett.limits.shared_admission import SharedAdmission

BUDGET = 10
TOOLS = {f"github/costs_{price}": ToolLimits(cost=f"0.{price:06d} USD") for price in (1, 3, 7, 10)}
DAY = 86_400.0


def run(coroutine: object) -> object:
    """Step a coroutine that never suspends to its end, on no loop."""
    try:
        coroutine.send(None)  # type: ignore[attr-defined]  # a coroutine
    except StopIteration as end:
        return end.value
    raise AssertionError("it suspended")


class Spending(RuleBasedStateMachine):
    """The model counts what really went out (`commit`), in periods of the newest day ever seen."""

    def __init__(self) -> None:
        super().__init__()
        self.data = Path(tempfile.mkdtemp())
        self.clock = HandClock()
        self.held: list[tuple[Admission | SharedAdmission, str, int, int, bool]] = []
        self.out: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.state = open_state(self.data, self.clock)
        self.newest = 0

    @initialize(period=st.sampled_from(PERIODS))
    def start(self, period: Period) -> None:
        self.period = period
        self.build()

    def build(self) -> None:
        budget = KeyLimits(budget=f"0.{BUDGET:06d} USD/{self.period}")
        self.limiter = limiter(self.clock, budget, tools=TOOLS, state=self.state)

    def window(self, day: int) -> int:
        return windows_of(day)[PERIODS.index(self.period)]

    @rule(caller=st.sampled_from([LAPTOP, SERVER]), price=st.sampled_from([1, 3, 7, 10]))
    def admit(self, caller: object, price: int) -> None:
        principal = LAPTOP if caller == LAPTOP else SERVER
        today = max(self.newest, int(self.clock.now // DAY))
        try:
            admission = self.limiter.admit(confirmed(principal, f"costs_{price}"))
        except Denied as denied:
            if denied.reason is not Reason.BUDGET_EXHAUSTED:
                raise
            return
        self.newest = today
        self.held.append((admission, principal.id, price, today, False))

    @rule(which=st.integers(0, 20))
    def commit(self, which: int) -> None:
        if self.held:
            index = which % len(self.held)
            admission, who, price, day, sent = self.held[index]
            if not sent:
                admission.commit()
                self.out[who, self.window(day)] += price
                self.held[index] = (admission, who, price, day, True)

    @rule(
        which=st.integers(0, 20), how=st.sampled_from(["settle", "refuse", "time out", "hang up"])
    )
    def end(self, which: int, how: str) -> None:
        if not self.held:
            return
        admission, _, _, _, sent = self.held.pop(which % len(self.held))
        if sent and how == "settle":
            usage = admission.settle(cleaned(admission.admitted))
            assert usage.remaining_micros is not None
            # All of it, if another period began while the call was under way.
            assert 0 <= usage.remaining_micros <= BUDGET
        error: BaseException | None = None
        if how == "refuse":
            error = refused()
        elif how == "time out":
            error = Fault(Reason.UPSTREAM_TIMEOUT, "", sent=True)
        elif how == "hang up":
            error = KeyboardInterrupt()
        admission.__exit__(type(error) if error else None, error, None)

    @rule(torn=st.binary(max_size=60).filter(lambda piece: b"\n" not in piece))
    def crash(self, torn: bytes) -> None:
        """Nothing that dying skips is needed: `close` writes nothing. A line may be half there."""
        self.state.close()
        self.held.clear()
        with (self.data / "ledger" / "journal").open("ab") as journal:
            journal.write(torn)
        self.state = open_state(self.data, self.clock)
        self.build()

    @rule()
    def reload(self) -> None:
        self.build()

    @rule(period=st.sampled_from(PERIODS))
    def look(self, period: Period) -> None:
        spending = read_balances(self.data / "ledger")
        assert spending.spent(f"USD key {LAPTOP.id}", period, self.newest) >= 0

    @rule(
        seconds=st.sampled_from([-400 * DAY, -8 * DAY, -DAY, -1.0, 3600.0, DAY, 8 * DAY, 32 * DAY])
    )
    def set_clock(self, seconds: float) -> None:
        self.clock.now = min(self.clock.now + seconds, NOON + 2_000 * DAY)
        self.clock.running += 1.0  # it is looked at once a second

    @invariant()
    def never_overspent(self) -> None:
        assert all(spent <= BUDGET for spent in self.out.values())

    def teardown(self) -> None:
        self.state.close()
        shutil.rmtree(self.data)


Spending.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestSpending = Spending.TestCase
