"""Which names in a statement of PostgreSQL are tables, and which mean a query of `WITH`.

PostgreSQL, 7.8 "WITH Queries": the name of such a query hides a table within the statement that it is
attached to; without RECURSIVE, it is not known in its own text and before it.
"""

from collections.abc import Iterator

from yett.validation.kinds.sql.postgres_tree import Tree, below


def tables_in(tree: Tree) -> Iterator[Tree]:
    """Yield each `RangeVar` that is a table, a view or the like, with the `Node` that holds it, if one does."""
    waiting: list[tuple[Tree, frozenset[str]]] = [(tree, frozenset())]
    while waiting:
        message, known = waiting.pop()
        if message.DESCRIPTOR.name == "RangeVar":
            if message.schemaname or message.catalogname or message.relname not in known:
                yield message
            continue
        if _has_with(message):
            for query, names in _queries(message.with_clause, known):
                waiting.append((query, names))
            known |= {entry.common_table_expr.ctename for entry in message.with_clause.ctes}
        waiting.extend((part, known) for part in below(message) if not _is_with(part))


def _has_with(message: Tree) -> bool:
    field = message.DESCRIPTOR.fields_by_name.get("with_clause")
    return field is not None and message.HasField("with_clause")


def _is_with(message: Tree) -> bool:
    return bool(message.DESCRIPTOR.name == "WithClause")


def _queries(clause: Tree, known: frozenset[str]) -> Iterator[tuple[Tree, frozenset[str]]]:
    """Yield each query of a `WITH` with the names that it sees."""
    entries = [entry.common_table_expr for entry in clause.ctes]
    if clause.recursive:
        known |= {entry.ctename for entry in entries}
    for entry in entries:
        yield entry.ctequery, known
        known |= {entry.ctename}
