"""What a caller gives the three tools, looked at once more: the schema has judged it, and may be opened."""

import math
from typing import Final

from yett.core.target import JSON
from yett.upstreams.backends.sql.definitions import (
    PARAMETER_CHARS_MAX,
    PARAMETERS_MAX,
    ROWS_DEFAULT,
    SQL_CHARS_MAX,
    TABLE_CHARS_MAX,
)
from yett.upstreams.backends.sql.engine import ROWS_MAX, Rejected, Scalar, Statement

_STATEMENT: Final = frozenset({"sql", "parameters", "max_rows"})


def statement_of(arguments: dict[str, JSON]) -> Statement:
    """Raises:
    Rejected: they are not those of `query`.
    """
    sql = arguments.get("sql")
    parameters = arguments.get("parameters", [])
    rows_max = arguments.get("max_rows", ROWS_DEFAULT)
    if arguments.keys() - _STATEMENT:
        raise Rejected("there is an argument that `query` does not have")
    if not isinstance(sql, str) or not 0 < len(sql) <= SQL_CHARS_MAX or "\0" in sql:
        raise Rejected("`sql` is not a statement of a usual length")
    if not isinstance(parameters, list) or len(parameters) > PARAMETERS_MAX:
        raise Rejected(f"`parameters` is not a list of at most {PARAMETERS_MAX} values")
    if not all(_is_scalar(value) for value in parameters):
        raise Rejected("`parameters` holds something that is no text, number, truth value or null")
    if type(rows_max) is not int or not 0 < rows_max <= ROWS_MAX:
        raise Rejected(f"`max_rows` is not a number from 1 to {ROWS_MAX}")
    return Statement(sql, tuple(parameters), rows_max)


def table_of(arguments: dict[str, JSON]) -> str:
    """Raises:
    Rejected: they are not those of `describe_table`.
    """
    table = arguments.get("table")
    if arguments.keys() != {"table"} or not isinstance(table, str):
        raise Rejected("`describe_table` wants one argument, `table`")
    if not 0 < len(table) <= TABLE_CHARS_MAX or not table.isprintable():
        raise Rejected("`table` is not the name of a table")
    return table


def _is_scalar(value: JSON) -> bool:
    if isinstance(value, str):
        return len(value) <= PARAMETER_CHARS_MAX and "\0" not in value
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int)


def as_text(value: Scalar) -> str:
    """Return a parameter in the words of SQL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)
