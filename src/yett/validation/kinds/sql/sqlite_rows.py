"""Narrows a query of SQLite to the rows that its caller may see, as `postgres_rows.py` does.

`LIMIT -1` keeps SQLite from asking the caller's conditions first (SQLite, "The Query Optimizer", 15 and 16).
"""

from typing import Final, final

from sqlglot import exp

from yett.core.predicate import RowRule
from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql.conditions import ROW, Unwritable, column, condition_of, literal
from yett.validation.kinds.sql.other_nodes import READ_NODES
from yett.validation.kinds.sql.other_tables import tables_in
from yett.validation.kinds.sql.other_tree import parse, write

_DIALECT: Final = "sqlite"
_ROW_IDS: Final = frozenset({"rowid", "oid", "_rowid_", ROW})
_OWN: Final = ("sqlite_", "pragma_", "dbstat", "json_")
_TELLING: Final = frozenset({"changes", "total_changes", "last_insert_rowid"})


@final
class SqliteConditions:
    """A column may hold values of any type, so each comparison asks for the type first, as a policy does."""

    __slots__ = ()

    def text(self, field: str, comparison: str, values: tuple[str, ...]) -> str:
        name = column(field)
        listed = " OR ".join(f"{name} = {literal(value)} COLLATE BINARY" for value in values)
        return _typed(name, "text", f"NOT ({listed})" if comparison == "!=" else listed)

    def number(self, field: str, comparison: str, values: tuple[int, ...]) -> str:
        name = column(field)
        listed = " OR ".join(f"{name} {comparison} ({value})" for value in values)
        return _typed(name, "integer", listed)

    def truth(self, field: str, *, value: bool) -> str:
        del field, value
        raise Unwritable("cannot be narrowed to the caller's rows: SQLite has numbers for truth")

    def like(self, field: str, parts: tuple[str, ...]) -> str:
        name = column(field)
        escaped = (
            part.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]") for part in parts
        )
        return _typed(name, "text", f"{name} GLOB {literal('*'.join(escaped))}")


def _typed(name: str, kind: str, condition: str) -> str:
    return f"CASE TYPEOF({name}) WHEN '{kind}' THEN ({condition}) END"


def narrow(text: str, rule: RowRule) -> str:
    """text: has been judged. Return the query of what the caller may see.

    Raises:
        Unfit: it cannot be narrowed, or the rule cannot be said in SQL.
    """
    if text.lstrip()[:6].lower() in ("pragma", "explai"):
        raise Unfit("is no plain query, and so cannot be narrowed to the caller's rows")
    tree = parse(text, _DIALECT)
    for node in tree.walk():
        _check(node)
    condition = condition_of(rule, SqliteConditions())
    query = f'SELECT * FROM x AS "{ROW}" WHERE {condition} LIMIT -1'  # noqa: S608 - all of it is quoted
    visible = parse(query, _DIALECT)
    for table in tables_in(tree):
        table.replace(_visible(table, visible))
    anew = write(tree, _DIALECT)
    if write(parse(anew, _DIALECT), _DIALECT) != anew:
        raise Unfit("cannot be narrowed to the caller's rows with the same meaning")
    return anew


def _check(node: exp.Expr) -> None:
    if not (type(node).__name__ in READ_NODES or isinstance(node, exp.Func)):
        raise Unfit("is no plain query, and so cannot be narrowed to the caller's rows")
    if isinstance(node, exp.Identifier) and node.name.lower() in _ROW_IDS:
        raise Unfit("names a column of the system")
    if isinstance(node, exp.In) and node.args.get("field") is not None:
        raise Unfit("compares with a table by its name alone; write IN (SELECT …)")
    if isinstance(node, exp.Column) and node.args.get("db"):
        raise Unfit("names a column with its schema; name it with its table only")
    if isinstance(node, exp.Func) and node.name.lower() in _TELLING:
        raise Unfit("asks about tables as a whole, and so cannot be narrowed to the caller's rows")
    if isinstance(node, exp.Table):
        _check_table(node)


def _check_table(table: exp.Table) -> None:
    if not isinstance(table.this, exp.Identifier):
        raise Unfit("reads from a function, and so cannot be narrowed to the caller's rows")
    if table.name.lower().startswith(_OWN):
        raise Unfit("reads what the database says of itself, which has no rows of the caller's")
    if set(_given(table)) - {"this", "db", "alias", "joins"}:
        raise Unfit("says how a table is to be read, and so cannot be narrowed")


def _given(table: exp.Table) -> list[str]:
    return [name for name, value in table.args.items() if value]


def _visible(table: exp.Table, visible: exp.Expr) -> exp.Subquery:
    query = visible.copy()
    read = query.find(exp.Table)
    if read is None or table.alias_column_names:
        raise Unfit("names the columns of a table, and so cannot be narrowed")
    read.set("this", table.this.copy())
    read.set("db", table.args.get("db"))
    alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name, quoted=True))
    return exp.Subquery(this=query, alias=alias, joins=table.args.get("joins"))
