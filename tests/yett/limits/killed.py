"""A process that spends as fast as it can, killed again and again: what went out is never more than what is
written down, and what is written down never more than the budget.

Some lives are in test_journal_file.py; `make money-nightly` takes five hundred (python -m tests.yett.limits.killed 500).
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from yett.limits.backends.journal_file import read_balances

SOURCE: Final = Path(__file__).parents[3] / "src"
BUDGET: Final = 1_000_000
OPEN_MAX: Final = 60
"""Of so many calls of one life it may be unknown how they ended: six under way, those that were written down with them, and those that ended in the last
few thousand bytes."""
SPENDER: Final = """
import os, random, secrets, sys
from pathlib import Path
from yett.limits.backends.journal_file import open_ledger
from yett.limits.demand import AccountDemand, Budget
from yett.limits.port import NoRoom
ledger = open_ledger(Path(sys.argv[1]), compact_bytes=int(sys.argv[3]))
budget = Budget("all", int(sys.argv[2]), "USD", "total")
accounts = [AccountDemand("USD key a", "UTC", (budget,)), AccountDemand("USD tenant t", "Asia/Tokyo")]
purses = [ledger.purse(accounts, f"server/tool-{n}", (50, 90)) for n in range(3)]
draw = random.Random()
held, waiting = [], []
while True:
    number, micros, purse = secrets.token_hex(8), draw.randint(1, 50), draw.choice(purses)
    try:
        opened = purse.reserve(number, micros, 1.8e9)
    except NoRoom:
        os.write(1, b"E\\n")
        break
    waiting.append(opened)
    while waiting and draw.random() < 0.7:  # else another call comes in the same turn
        opened = waiting.pop(draw.randrange(len(waiting)))
        number, micros, end = opened.id, opened.micros, draw.random()
        if end < 0.1:
            ledger.release(number)
            continue
        ledger.keep(number)
        if end < 0.2:
            ledger.release(number)
            continue
        cost = draw.randint(0, micros) if end < 0.5 else micros
        os.write(1, b"%d\\n" % cost)  # the call: it happens outside, and cannot be taken back
        held.append((opened, cost))
        if len(held) > 5:
            opened, cost = held.pop(draw.randrange(5))
            number = opened.id
            if cost == opened.micros:
                opened.is_spent = True
            elif draw.random() < 0.1:
                ledger.doubt(number)
            else:
                ledger.settle(number, cost)
    if draw.random() < 0.05:
        ledger.flush()
"""


def spend_until_killed(folder: Path, seconds: float, compact_bytes: int) -> tuple[int, bool]:
    """Return what the calls of one life did cost, and whether the budget was used up."""
    with subprocess.Popen(
        [sys.executable, "-c", SPENDER, str(folder), str(BUDGET), str(compact_bytes)],
        env={"PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        first = os.read(process.stdout.fileno(), 65_536)  # it has begun
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        lines = (first + process.stdout.read()).split(b"\n")[:-1]
    assert process.returncode == -signal.SIGKILL or b"E" in lines
    return sum(int(line) for line in lines if line != b"E"), b"E" in lines


def kill_again_and_again(folder: Path, lives: int, *, tell: bool = False) -> None:
    """Raises:
    AssertionError: more went out than is written down, or than the budget.
    """
    draw = random.Random()
    went_out, is_over = 0, False
    for life in range(lives):
        cost, over = spend_until_killed(
            folder, draw.uniform(0.0, 0.08), draw.choice((4_096, 10**9))
        )
        went_out += cost
        is_over = is_over or over
        balances = read_balances(folder)
        written = [balances.spent(name, "total", 0) for name in ("USD key a", "USD tenant t")]
        assert went_out <= written[0] == written[1] <= BUDGET
        assert len(balances.open) <= OPEN_MAX
        if tell and life % 50 == 0:
            print(f"{life} lives, {went_out} went out, {written[0]} written down", flush=True)
        if is_over:
            for path in folder.iterdir():
                path.unlink()
            went_out, is_over = 0, False


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        kill_again_and_again(Path(directory), int(sys.argv[1]), tell=True)
    print("never more than was written down")
