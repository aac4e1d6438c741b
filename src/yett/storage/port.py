"""What a database must do. Synchronous on purpose: nothing on the way of a call touches it, and the
CLI uses it without a loop; the gate's refresher calls it from a thread.

Statements are such as SQLite and PostgreSQL both read, with `?` or `?1` for values."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

Value = str | int | float | bytes | None
Row = tuple[Value, ...]
Dialect = Literal["sqlite", "postgresql"]


class Transaction(Protocol):
    def execute(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Run one statement with bound values; return the number of rows it changed.

        Raises:
            Fault: the database could not be used. The transaction is rolled back.
        """
        ...

    def fetch(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Read inside the transaction.

        Raises:
            Fault: the database could not be used. The transaction is rolled back.
        """
        ...


class Database(Protocol):
    """Write transactions run one after another, also those of different processes."""

    @property
    def dialect(self) -> Dialect: ...

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a write transaction; commit at the end of the block, roll back if it raises.

        Raises:
            Fault: the database could not be used.
        """
        ...

    def fetch(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Read outside a transaction.

        Raises:
            Fault: the database could not be used.
        """
        ...

    def version(self) -> int:
        """Return a number that changes whenever anybody, in any process, committed a change.

        Raises:
            Fault: the database could not be used.
        """
        ...

    def close(self) -> None: ...
