"""Which names in a statement of PostgreSQL are tables, and which mean a query of `WITH`.

PostgreSQL, 7.8 "WITH Queries": the name of such a query hides a table within the statement that it is
attached to; without RECURSIVE, it is not known in its own text and before it.
"""

from collections.abc import Iterator

from yett.validation.kinds.sql.postgres_tree import Tree, inner, right_below


def tables_in(tree: Tree) -> Iterator[tuple[Tree, Tree | None]]:
    """Yield each `RangeVar` that is a table, a view or the like, and the `Node` that holds it, if one does."""
    waiting: list[tuple[Tree, frozenset[str]]] = [(tree, frozenset())]
    while waiting:
        message, known = waiting.pop()
        if message.DESCRIPTOR.name == "Node":
            held = inner(message)
            if held is not None and held.DESCRIPTOR.name == "RangeVar":
                if _is_table(held, known):
                    yield held, message
            elif held is not None:
                waiting.append((held, known))
        elif message.DESCRIPTOR.name == "RangeVar":
            if _is_table(message, known):
                yield message, None
        else:
            if _has_with(message):
                waiting.extend(_queries(message.with_clause, known))
                known |= {entry.common_table_expr.ctename for entry in message.with_clause.ctes}
            waiting.extend((part, known) for part in right_below(message) if not _is_with(part))


def _is_table(table: Tree, known: frozenset[str]) -> bool:
    return bool(table.schemaname or table.catalogname or table.relname not in known)


def _has_with(message: Tree) -> bool:
    known = "with_clause" in message.DESCRIPTOR.fields_by_name
    return known and bool(message.HasField("with_clause"))


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
