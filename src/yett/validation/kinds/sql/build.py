"""Configuration in, guard out. A parser is loaded only where one is needed: it takes a moment and 10 MB."""

from functools import partial
from typing import Final

from yett.core.predicate import RowRule
from yett.validation.config import SqlArgument
from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql.guard import Check, Narrow, SqlGuard
from yett.validation.kinds.sql.rules import Rules

DIALECTS: Final = {
    "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite", "mssql": "tsql", "oracle": "oracle",
    "bigquery": "bigquery", "snowflake": "snowflake", "duckdb": "duckdb", "clickhouse": "clickhouse",
}  # fmt: skip
"""sqlglot's names for those that are not PostgreSQL."""


def build_guard(config: SqlArgument) -> SqlGuard:
    return SqlGuard(
        check_of(config.dialect),
        _narrowing(config.dialect),
        {"read": rules_of(config, writes=False), "write": rules_of(config, writes=True)},
    )


def check_of(dialect: str) -> Check:
    """dialect: as in the configuration."""
    if dialect == "postgres":
        from yett.validation.kinds.sql.postgres import check  # noqa: PLC0415 - see above

        return check
    from yett.validation.kinds.sql.other import check_in  # noqa: PLC0415 - see above

    return partial(check_in, DIALECTS[dialect])


def _narrowing(dialect: str) -> Narrow:
    if dialect == "postgres":
        from yett.validation.kinds.sql import postgres_rows  # noqa: PLC0415 - see above

        return postgres_rows.narrow
    if dialect == "sqlite":
        from yett.validation.kinds.sql import sqlite_rows  # noqa: PLC0415 - see above

        return sqlite_rows.narrow
    return _refuse


def _refuse(text: str, rule: RowRule) -> str:
    del text, rule
    raise Unfit("is SQL of a dialect that cannot be narrowed to the caller's rows")


def rules_of(config: SqlArgument, *, writes: bool) -> Rules:
    return Rules(
        writes=writes,
        functions=frozenset(map(str.lower, config.functions)),
        parameters=config.parameters,
        tables=frozenset(map(str.lower, config.tables)),
    )
