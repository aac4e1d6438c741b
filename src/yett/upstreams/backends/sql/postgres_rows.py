"""The rows of a prepared statement, as JSON and within bounds."""

from typing import Any, Final

from yett.upstreams.backends.sql.engine import Column, Rejected, Rows, Statement
from yett.upstreams.backends.sql.taking import Taken, check_columns
from yett.upstreams.backends.sql.values import of_postgres

_BATCH: Final = 100
_COMPOUND: Final = frozenset({"composite", "range", "multirange"})


def columns_of(prepared: Any) -> tuple[Column, ...]:
    """Raises:
    Rejected: it returns no rows, or rows that make no objects. It has not run yet.
    """
    attributes = prepared.get_attributes()
    columns = tuple(Column(part.name, part.type.name) for part in attributes)
    check_columns(columns)
    for part in attributes:
        if part.type.kind in _COMPOUND or part.type.name.startswith("record"):
            raise _without_form(Column(part.name, part.type.name))
    return columns


async def take_rows(prepared: Any, columns: tuple[Column, ...], statement: Statement) -> Rows:
    """Run it and take as many rows as an answer may have.

    Raises:
        Rejected: a row is too large, or a value has no form in JSON.
    """
    cursor = await prepared.cursor(*statement.parameters)
    taken = Taken(columns, statement.rows_max)
    while not taken.is_full:
        batch = await cursor.fetch(min(_BATCH, taken.room + 1))
        for record in batch:
            taken.add([_value(column, value) for column, value in zip(columns, record.values(), strict=True)])  # fmt: skip
        if len(batch) < _BATCH and not taken.is_full:
            break
    return taken.rows()


def _value(column: Column, value: object) -> Any:
    try:
        return of_postgres(value)
    except TypeError:
        raise _without_form(column) from None


def _without_form(column: Column) -> Rejected:
    return Rejected(
        f"the column `{column.name}` is of the type {column.type}, which has no form in JSON; cast it to text"
    )
