"""Configuration in, limiter out; and what outlives a configuration, opened once per process."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from yett.core.clock import Clock
from yett.limits.backends.book_ledger import BookLedger, Nowhere
from yett.limits.backends.journal_file import open_ledger, read_balances
from yett.limits.backends.memory_counter import MemoryCounter
from yett.limits.backends.shared_books import read_shared, settle_shared
from yett.limits.balances import Balances
from yett.limits.config import LimitsConfig, ServerLimits, ToolLimits
from yett.limits.parsing import parse
from yett.limits.stage import Limiter
from yett.limits.state import LimitsState
from yett.limits.strangers import ADDRESSES_KEPT, Strangers
from yett.limits.telling import tell_of_shared_opening
from yett.storage.place import CountersPlace, PostgresPlace
from yett.storage.port import Database

__all__ = [
    "accept_clock", "build", "memory_state", "open_shared_state", "open_state", "open_strangers",
    "read_spending", "settle_shared",
]  # fmt: skip

_DIRECTORY: Final = "ledger"


def build(
    config: LimitsConfig,
    tools: Mapping[str, ToolLimits],
    servers: Mapping[str, ServerLimits] | None = None,
    *,
    state: LimitsState,
) -> Limiter:
    """Make the limiter of one configuration. tools: by `server/tool`. servers: by name.

    Raises:
        ConfigurationError: a quantity does not read, or prices and budgets contradict each other.
    """
    return Limiter(parse(config, tools, servers), state)


def open_state(data: Path, clock: Clock) -> LimitsState:
    """Open the ledger under the data directory; rates and breakers begin anew.

    Raises:
        ConfigurationError: the ledger is in use, damaged or cannot be written.
    """
    return LimitsState(
        MemoryCounter(),
        open_ledger(data / _DIRECTORY),
        clock,
        open_strangers(clock, "data"),
        loops=MemoryCounter(),
    )


def open_shared_state(
    storage: PostgresPlace, counters: CountersPlace, database: Database, clock: Clock, gate: str
) -> LimitsState:
    """Count together with other gates. gate: names this process, and no other one. Call it inside the event
    loop: it connects, and stays connected, beside what goes on.

    Raises:
        CommandError: the driver is not installed.
    """
    from yett.limits.backends.postgres_ledger import PostgresLedger  # noqa: PLC0415 - an extra
    from yett.limits.backends.valkey_store import ValkeyStore  # noqa: PLC0415 - an extra

    store = ValkeyStore(counters, PostgresLedger(storage, gate), database, gate)
    state = LimitsState(
        MemoryCounter(),
        BookLedger(Balances(), Nowhere()),
        clock,
        open_strangers(clock, "data"),
        loops=MemoryCounter(),
        shared=store,
    )
    store.on_opened = partial(tell_of_shared_opening, state.notices)
    return state


def accept_clock(data: Path, clock: Clock) -> bool:
    """Let budgets follow the clock again after a time when it ran ahead; say whether they had to.

    Raises:
        ConfigurationError: they have to, and a gate holds the ledger; or the ledger is damaged.
        OSError: it cannot be read or written.
    """
    at = clock.wall()
    if not read_balances(data / _DIRECTORY).is_ahead_of(at):
        return False
    ledger = open_ledger(data / _DIRECTORY)
    try:
        ledger.rewind(at)
    finally:
        ledger.close()
    return True


def memory_state(clock: Clock) -> LimitsState:
    """A state that leaves nothing behind, for demonstrations and tests."""
    return LimitsState(
        MemoryCounter(),
        BookLedger(Balances(), Nowhere()),
        clock,
        open_strangers(clock, "data"),
        loops=MemoryCounter(),
    )


def open_strangers(clock: Clock, listener: str) -> Strangers:
    """Begin to count who fails at one listener."""
    return Strangers(MemoryCounter(ADDRESSES_KEPT), clock, listener=listener)


def read_spending(data: Path, database: Database | None = None) -> Balances:
    """Read what was spent, whether a gate runs or not; nothing if there never was one. database: where the
    ledger of several gates is, too.

    Raises:
        ConfigurationError: the ledger is damaged.
        OSError: it cannot be read.
        Fault: the shared one cannot.
    """
    if database is not None and database.dialect == "postgresql":
        return read_shared(database)
    return read_balances(data / _DIRECTORY)
