"""Narrows a query of PostgreSQL to the rows that its caller may see: each table is replaced by a query of
its visible rows.

`OFFSET 0` keeps the planner from asking the caller's conditions first, which could tell of a hidden row by
failing on it, or by the time it takes (PostgreSQL, 41.5 "Rules and Privileges").
"""

from typing import Final, final

from yett.core.predicate import RowRule
from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql.conditions import ROW, column, condition_of, literal
from yett.validation.kinds.sql.names import words
from yett.validation.kinds.sql.postgres_nodes import READ_NODES
from yett.validation.kinds.sql.postgres_tables import tables_in
from yett.validation.kinds.sql.postgres_tree import Tree, inner, parse, texts, walk, write

_NOT_NARROWED: Final = {
    "RangeFunction": "reads from a function",
    "RangeTableFunc": "reads from a function",
    "JsonTable": "reads from a function",
    "RangeTableSample": "samples a table",
}
_SYSTEM_COLUMNS: Final = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
_TELLING: Final = ("pg_", "has_", "to_reg", "txid_", "currval", "lastval", "current_query")
_HARMLESS: Final = words("pg_typeof pg_column_size pg_size_pretty pg_size_bytes pg_backend_pid")
_SCHEMAS: Final = frozenset({"pg_catalog", "information_schema", "pg_toast"})
_PARTS_MAX: Final = 2


@final
class PostgresConditions:
    """A text is compared as it is printed, whatever its collation; the plain comparison before that lets an
    index be used. A column of another type is an error of the database, and then there is no answer."""

    __slots__ = ()

    def text(self, field: str, comparison: str, values: tuple[str, ...]) -> str:
        name, listed = column(field), ", ".join(map(literal, values))
        printed = f'CAST({name} AS text) COLLATE "C"'
        if comparison == "!=":
            return f"{printed} <> {listed}"
        return f"({name} IN ({listed}) AND {printed} IN ({listed}))"

    def number(self, field: str, comparison: str, values: tuple[int, ...]) -> str:
        if comparison == "=":
            return f"{column(field)} IN ({', '.join(map(str, values))})"
        return f"{column(field)} {comparison} ({values[0]})"

    def truth(self, field: str, *, value: bool) -> str:
        return f"{column(field)} = {'TRUE' if value else 'FALSE'}"

    def like(self, field: str, parts: tuple[str, ...]) -> str:
        escaped = (part.replace("!", "!!").replace("%", "!%").replace("_", "!_") for part in parts)
        return f"CAST({column(field)} AS text) COLLATE \"C\" LIKE {literal('%'.join(escaped))} ESCAPE '!'"


def narrow(text: str, rule: RowRule) -> str:
    """text: has been judged. Return the query of what the caller may see.

    Raises:
        Unfit: it cannot be narrowed, or the rule cannot be said in SQL.
    """
    tree = parse(text)
    if inner(tree.stmts[0].stmt).DESCRIPTOR.name != "SelectStmt":
        raise Unfit("is no plain query, and so cannot be narrowed to the caller's rows")
    _check(tree)
    condition = condition_of(rule, PostgresConditions())
    visible = (
        parse(f'SELECT * FROM x AS "{ROW}" WHERE {condition} OFFSET 0')  # noqa: S608 - all is quoted
        .stmts[0]
        .stmt.select_stmt
    )
    for table, holder in list(tables_in(tree)):
        if holder is None:
            raise Unfit("names a table in a place that cannot be narrowed")
        _replace(table, holder, visible)
    return write(tree)


def _check(tree: Tree) -> None:
    for message in walk(tree):
        name = message.DESCRIPTOR.name
        if name not in READ_NODES:  # a tool that may write
            raise Unfit("is no plain query, and so cannot be narrowed to the caller's rows")
        if name in _NOT_NARROWED:
            raise Unfit(f"{_NOT_NARROWED[name]}, and so cannot be narrowed to the caller's rows")
        if name == "ColumnRef":
            _check_column(texts(message.fields))
        elif name == "FuncCall":
            _check_function(texts(message.funcname)[-1])
        elif name == "RangeVar":
            _check_table(message)


def _check_column(fields: list[str]) -> None:
    if len(fields) > _PARTS_MAX:
        raise Unfit("names a column with its schema; name it with its table only")
    if ROW in fields or _SYSTEM_COLUMNS & set(fields):
        raise Unfit("names a column of the system")


def _check_function(name: str) -> None:
    if name.startswith(_TELLING) and name not in _HARMLESS:
        raise Unfit("asks about tables as a whole, and so cannot be narrowed to the caller's rows")


def _check_table(table: Tree) -> None:
    if not table.inh:
        raise Unfit("uses ONLY, and so cannot be narrowed to the caller's rows")
    if table.schemaname in _SCHEMAS or table.relname.startswith("pg_") or table.relname == ROW:
        raise Unfit("reads what the database says of itself, which has no rows of the caller's")


def _replace(table: Tree, holder: Tree, visible: Tree) -> None:
    read, alias = type(table)(), type(table.alias)()
    read.CopyFrom(table)
    alias.CopyFrom(table.alias)
    if not alias.aliasname:
        alias.aliasname = table.relname
    query = type(visible)()
    query.CopyFrom(visible)
    read.alias.CopyFrom(query.from_clause[0].range_var.alias)
    query.from_clause[0].range_var.CopyFrom(read)
    holder.range_subselect.subquery.select_stmt.CopyFrom(query)
    holder.range_subselect.alias.CopyFrom(alias)
