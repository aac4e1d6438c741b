"""Which names in one of sqlglot's trees are tables, and which mean a query of `WITH`."""

import unicodedata
from collections.abc import Iterator

from sqlglot import exp

from yett.validation.kinds.port import Unfit

_Name = tuple[str, bool]
"""As it is written, and whether in quotes."""


def tables_in(tree: exp.Expr) -> list[exp.Table]:
    """Return each table, view or the like; not what functions return.

    Databases differ in where the name of such a query is known, and in which names are the same: `K` and the
    sign of Kelvin are to Python and not to SQLite, `"a"` and `a` to SQLite and not to Snowflake. A statement
    that uses one name for both is refused, so that it does not matter.

    Raises:
        Unfit: it does.
    """
    tables = list(_tables(tree))
    queries = {_alike(entry.alias_or_name) for entry in tree.find_all(exp.CTE)}
    if any(not table.db and _alike(table.name) in queries for table in tables):
        raise Unfit("uses the name of a query of WITH where it is not known everywhere")
    return tables


def _tables(tree: exp.Expr) -> Iterator[exp.Table]:
    waiting: list[tuple[exp.Expr, frozenset[_Name]]] = [(tree, frozenset())]
    while waiting:
        node, known = waiting.pop()
        if isinstance(node, exp.Table) and _is_named(node, known):
            yield node
        clause = node.args.get("with_")
        if isinstance(clause, exp.With):
            for entry in clause.expressions:
                name = _as_written(entry.args["alias"].this)
                waiting.append((entry, known | {name} if clause.args.get("recursive") else known))
                known |= {name}
        waiting.extend((part, known) for part in node.iter_expressions() if part is not clause)


def _is_named(table: exp.Table, known: frozenset[_Name]) -> bool:
    return isinstance(table.this, exp.Identifier) and (
        bool(table.db) or _as_written(table.this) not in known
    )


def _as_written(name: exp.Expr) -> _Name:
    return name.name, bool(name.args.get("quoted"))


def _alike(name: str) -> str:
    """Return the same for names that any database may take for one."""
    return unicodedata.normalize("NFKC", name).casefold()
