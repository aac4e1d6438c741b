"""What a database must do for the server before it, and the values that cross."""

from typing import Final, Protocol, final

import msgspec

from yett.core.identity import Principal
from yett.core.secret import Secret
from yett.core.target import JSON

Scalar = str | int | float | bool | None

ROWS_MAX: Final = 1_000
ROWS_BYTES_MAX: Final = 512 * 1024
"""Of the rows of one answer as JSON; the answer says it a second time, as text."""
TABLES_MAX: Final = 1_000
NO_SUCH_TABLE: Final = (
    "there is no such table, or it may not be read; list_tables shows those that may"
)


class Rejected(Exception):
    """The database, or the server before it, does not run this. The text is for the caller: it holds
    nothing but what the caller may know."""


@final
class Column(msgspec.Struct, frozen=True):
    """type: in the words of the database."""

    name: str
    type: str


@final
class Rows(msgspec.Struct, frozen=True):
    """rows: by the name of the column. truncated: there are more."""

    columns: tuple[Column, ...]
    rows: tuple[dict[str, JSON], ...]
    truncated: bool


@final
class Statement(msgspec.Struct, frozen=True):
    """One statement of a caller. rows_max: of the answer, 1 to `ROWS_MAX`."""

    sql: str
    parameters: tuple[Scalar, ...] = ()
    rows_max: int = 100


@final
class Caller(msgspec.Struct, frozen=True):
    """For whom it is done, with which password of the server's, and how long it may take."""

    principal: Principal
    password: Secret
    seconds: float


class Engine(Protocol):
    """One database. Safe to use from many calls at once, on one event loop. Whoever stops waiting ends the
    statement in the database as well."""

    @property
    def statements_max(self) -> int:
        """How many run at the same time; more wait."""
        ...

    async def check(self, password: Secret) -> None:
        """Connect, and see that nothing but reading is possible.

        Raises:
            Fault: UPSTREAM_UNREACHABLE, or UPSTREAM_INVALID: the role may do too much, and how to mend it.
        """
        ...

    async def run(self, statement: Statement, caller: Caller) -> Rows:
        """Run one statement that reads.

        Raises:
            Rejected: it is not run, or failed.
            Fault: as `check`.
        """
        ...

    async def tables(self, caller: Caller) -> list[dict[str, JSON]]:
        """Return name, schema and kind of what may be read, at most `TABLES_MAX`.

        Raises:
            Rejected, Fault: as `run`.
        """
        ...

    async def table(self, name: str, caller: Caller) -> dict[str, JSON] | None:
        """Return the columns of one table, or None if there is none that may be read.

        Raises:
            Rejected, Fault: as `run`.
        """
        ...

    async def close(self) -> None:
        """End every connection. Never raises."""
        ...
