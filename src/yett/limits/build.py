"""Configuration in, limiter out; and what outlives a configuration, opened once per process."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from yett.core.clock import Clock
from yett.limits.backends.journal_ledger import JournalLedger, read_balances
from yett.limits.backends.memory_counter import MemoryCounter
from yett.limits.backends.memory_ledger import MemoryLedger
from yett.limits.balances import Balances
from yett.limits.config import LimitsConfig, ToolLimits
from yett.limits.rules import parse
from yett.limits.stage import Limiter
from yett.limits.state import LimitsState
from yett.limits.strangers import ADDRESSES_KEPT, Strangers

_DIRECTORY: Final = "ledger"


def build(config: LimitsConfig, tools: Mapping[str, ToolLimits], *, state: LimitsState) -> Limiter:
    """Make the limiter of one configuration. `tools`: by `server/tool`.

    Raises:
        ConfigurationError: a quantity does not read, or prices and budgets differ in currency.
    """
    return Limiter(parse(config, tools), state)


def open_state(data: Path, clock: Clock) -> LimitsState:
    """Open the ledger under the data directory; rates and breakers begin anew.

    Raises:
        ConfigurationError: the ledger is in use, damaged or cannot be written.
    """
    ledger = JournalLedger.open(data / _DIRECTORY)
    return LimitsState(MemoryCounter(), ledger, clock, open_strangers(clock, "data"))


def accept_clock(data: Path, clock: Clock) -> bool:
    """Let budgets follow the clock again after a time when it ran ahead; say whether they had to.

    Raises:
        ConfigurationError: they have to, and a gate holds the ledger; or the ledger is damaged.
        OSError: it cannot be read or written.
    """
    at = clock.wall()
    if not read_spending(data).is_ahead_of(at):
        return False
    ledger = JournalLedger.open(data / _DIRECTORY)
    try:
        ledger.rewind(at)
    finally:
        ledger.close()
    return True


def memory_state(clock: Clock) -> LimitsState:
    """A state that leaves nothing behind, for demonstrations and tests."""
    return LimitsState(MemoryCounter(), MemoryLedger(), clock, open_strangers(clock, "data"))


def open_strangers(clock: Clock, listener: str) -> Strangers:
    """Begin to count who fails at one listener."""
    return Strangers(MemoryCounter(ADDRESSES_KEPT), clock, listener=listener)


def read_spending(data: Path) -> Balances:
    """Read what was spent, whether a gate runs or not; nothing if there never was one.

    Raises:
        ConfigurationError: the ledger is damaged.
        OSError: it cannot be read.
    """
    return read_balances(data / _DIRECTORY)
