"""Which names in one of sqlglot's trees are tables, and which mean a query of `WITH`."""

from collections.abc import Iterator

from sqlglot import exp

from yett.validation.kinds.port import Unfit


def tables_in(tree: exp.Expr) -> list[exp.Table]:
    """Return each table, view or the like; not what functions return.

    Databases differ in where the name of such a query is known. A statement that uses one name for both
    is refused, so that it does not matter.

    Raises:
        Unfit: it does.
    """
    tables = list(_tables(tree))
    queries = {entry.alias_or_name.lower() for entry in tree.find_all(exp.CTE)}
    if any(not table.db and table.name.lower() in queries for table in tables):
        raise Unfit("uses the name of a query of WITH where it is not known everywhere")
    return tables


def _tables(tree: exp.Expr) -> Iterator[exp.Table]:
    waiting: list[tuple[exp.Expr, frozenset[str]]] = [(tree, frozenset())]
    while waiting:
        node, known = waiting.pop()
        if isinstance(node, exp.Table) and _is_named(node, known):
            yield node
        clause = node.args.get("with_")
        if isinstance(clause, exp.With):
            for entry in clause.expressions:
                name = entry.alias_or_name.lower()
                waiting.append((entry, known | {name} if clause.args.get("recursive") else known))
                known |= {name}
        waiting.extend((part, known) for part in node.iter_expressions() if part is not clause)


def _is_named(table: exp.Table, known: frozenset[str]) -> bool:
    return isinstance(table.this, exp.Identifier) and (
        bool(table.db) or table.name.lower() not in known
    )
