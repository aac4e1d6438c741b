"""Judges statements of PostgreSQL by the tree that its own parser makes of them.

Names cannot be resolved without the database. So a function, an operator or a column that somebody added
to the database under the name of a harmless one passes for it; `docs/how-to/guard-sql.md` says what to do.
"""

import re
from collections.abc import Callable
from typing import Final, final

from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql.names import said
from yett.validation.kinds.sql.postgres_functions import FUNCTIONS, WRITE_FUNCTIONS
from yett.validation.kinds.sql.postgres_literals import check_no_literals
from yett.validation.kinds.sql.postgres_nodes import (
    ALTERED,
    DROPPED,
    EXPLAIN_OPTIONS,
    FIELDS,
    OPERATORS,
    READ_NODES,
    READ_STATEMENTS,
    SAMPLING,
    SECRET_TABLES,
    WRITE_NODES,
    WRITE_STATEMENTS,
)
from yett.validation.kinds.sql.postgres_tables import tables_in
from yett.validation.kinds.sql.postgres_tree import (
    PIECES_MAX,
    Tree,
    inner,
    parse,
    texts,
    walk,
    write,
)
from yett.validation.kinds.sql.rules import Rules
from yett.validation.kinds.sql.text import check_text

_SETTING: Final = (["current_setting"], ["pg_catalog", "current_setting"])
_TELLING: Final = re.compile(
    r"file|director|path_|conninfo|passw|secret|key|token|jwt|credential|host", re.IGNORECASE
)


# Comments, and backslashes, which servers read in two ways (`standard_conforming_strings`).
_AMBIGUOUS: Final = re.compile(r"--|/\*|\\")


def check(text: str, rules: Rules) -> str:
    """Return the statement to send.

    Raises:
        Unfit: it is not sent.
    """
    check_text(text, PIECES_MAX)
    tree = parse(text)
    judge(tree, rules)
    return write(tree) if _AMBIGUOUS.search(text) else text


def judge(tree: Tree, rules: Rules) -> None:
    """Let a tree pass whose every part is known to be harmless.

    Raises:
        Unfit: another one.
    """
    _check_statement(tree, rules)
    _Judge(rules).check(tree)
    if rules.tables:
        _check_tables(tree, rules.tables)
    if rules.parameters:
        check_no_literals(tree)


def _check_statement(tree: Tree, rules: Rules) -> None:
    if len(tree.stmts) != 1:
        raise Unfit("is more than one statement" if tree.stmts else "is no statement")
    statement = inner(tree.stmts[0].stmt)
    allowed = WRITE_STATEMENTS if rules.writes else READ_STATEMENTS
    if statement is None or statement.DESCRIPTOR.name not in allowed:
        raise Unfit("is not a query" if not rules.writes else "is a statement that is never sent")


def _check_tables(tree: Tree, allowed: frozenset[str]) -> None:
    for table, _ in tables_in(tree):
        name = f"{table.schemaname}.{table.relname}" if table.schemaname else table.relname
        if name.lower() not in allowed or table.catalogname:
            raise Unfit(f"names a table that is not allowed: {said(name, 'of an odd name')}")


def _check_setting(name: str) -> None:
    if _TELLING.search(name):
        raise Unfit("reads a setting that may name files or hold secrets")


@final
class _Judge:
    __slots__ = ("_columns", "_functions", "_nodes", "_scalars")

    def __init__(self, rules: Rules) -> None:
        self._nodes: Final = WRITE_NODES if rules.writes else READ_NODES
        self._functions: Final = rules.functions | (WRITE_FUNCTIONS if rules.writes else FUNCTIONS)
        self._columns: list[list[str]] = []
        self._scalars: dict[str, set[str]] = {}

    def check(self, tree: Tree) -> None:
        for message in walk(tree):
            name = message.DESCRIPTOR.name
            if name not in self._nodes:
                raise Unfit(f"has a part that is not allowed ({name})")
            check = _CHECKS.get(name)
            if check is not None:
                check(self, message)
        for fields in self._columns:
            self._check_column(fields)

    def _check_function(self, call: Tree) -> None:
        names = texts(call.funcname)
        if names in _SETTING:
            constant = inner(call.args[0]) if call.args else None
            if constant is None or constant.DESCRIPTOR.name != "A_Const":
                raise Unfit("reads a setting that is not named in the statement")
            _check_setting(constant.sval.sval)
        else:
            self._check_called(names)

    def _check_shown(self, shown: Tree) -> None:
        _check_setting(shown.name)

    def _check_called(self, names: list[str]) -> None:
        name = ".".join(names)
        built_in = len(names) == 1 or names[:-1] == ["pg_catalog"]
        if names == ["information_schema", "_pg_expandarray"]:
            return
        if not (built_in and names[-1] in self._functions) and name not in self._functions:
            raise Unfit(f"calls {said(name, 'a function')}, which is not known to be harmless")

    def _note_column(self, column: Tree) -> None:
        if len(column.fields) > 1:
            self._columns.append(texts(column.fields))

    def _note_scalars(self, source: Tree) -> None:
        """What a function returns may be one value, and then a field of it is a function called on it."""
        names = set(texts(source.alias.colnames))
        names |= {inner(definition).colname for definition in source.coldeflist}
        called = {
            texts(message.funcname)[-1]
            for function in source.functions
            for message in walk(function)
            if message.DESCRIPTOR.name == "FuncCall"
        }
        for alias in {source.alias.aliasname} if source.alias.aliasname else called:
            self._scalars.setdefault(alias, set()).update(names | called | {alias})

    def _check_column(self, fields: list[str]) -> None:
        qualifier, field = fields[-2], fields[-1]
        known = self._scalars.get(qualifier)
        if known is not None and field not in known:
            self._check_field(field)

    def _check_indirection(self, indirection: Tree) -> None:
        """`(x).f` calls `f(x)` where x has no such field (PostgreSQL, 4.2.4 and 8.16.5)."""
        for step in indirection.indirection:
            if step.HasField("string"):
                self._check_field(step.string.sval)

    def _check_field(self, field: str) -> None:
        if field and field not in FIELDS and field not in self._functions:
            raise Unfit(f"reads {said(field, 'a field')} as a field, which may call a function")

    def _check_operator(self, name: Tree) -> None:
        names = texts(name)
        if not names:
            return
        if names[-1].upper() in _WORDS:  # how the parser notes IN, LIKE, BETWEEN and the like
            return
        if names[-1] not in OPERATORS or names[:-1] not in ([], ["pg_catalog"]):
            raise Unfit("uses an operator that is not known to be harmless")

    def _check_expression(self, expression: Tree) -> None:
        self._check_operator(expression.name)

    def _check_sublink(self, sublink: Tree) -> None:
        self._check_operator(sublink.oper_name)

    def _check_sorting(self, sorting: Tree) -> None:
        self._check_operator(sorting.use_op)

    def _check_sampling(self, sample: Tree) -> None:
        if texts(sample.method)[-1] not in SAMPLING:
            raise Unfit("samples a table by a method that is not known")

    def _check_table(self, table: Tree) -> None:
        if table.relname.lower() in SECRET_TABLES:
            raise Unfit(f"reads `{table.relname.lower()}`, which holds secrets")

    def _check_explained(self, explained: Tree) -> None:
        options = {inner(option).defname.lower() for option in explained.options}
        if not options <= EXPLAIN_OPTIONS:
            raise Unfit("has an option of EXPLAIN that is not known")

    def _check_dropped(self, dropped: Tree) -> None:
        kind = dropped.DESCRIPTOR.fields_by_name["remove_type"].enum_type
        if kind.values_by_number[dropped.remove_type].name not in DROPPED:
            raise Unfit("drops something that is not data")

    def _check_altered(self, altered: Tree) -> None:
        kind = altered.DESCRIPTOR.fields_by_name["subtype"].enum_type
        if kind.values_by_number[altered.subtype].name not in ALTERED:
            raise Unfit("alters something that guards data")


_WORDS: Final = frozenset({"BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"})

_CHECKS: Final[dict[str, Callable[[_Judge, Tree], None]]] = {
    "FuncCall": _Judge._check_function,  # noqa: SLF001 - of this module
    "ColumnRef": _Judge._note_column,  # noqa: SLF001 - of this module
    "RangeFunction": _Judge._note_scalars,  # noqa: SLF001 - of this module
    "A_Indirection": _Judge._check_indirection,  # noqa: SLF001 - of this module
    "A_Expr": _Judge._check_expression,  # noqa: SLF001 - of this module
    "SubLink": _Judge._check_sublink,  # noqa: SLF001 - of this module
    "SortBy": _Judge._check_sorting,  # noqa: SLF001 - of this module
    "RangeTableSample": _Judge._check_sampling,  # noqa: SLF001 - of this module
    "RangeVar": _Judge._check_table,  # noqa: SLF001 - of this module
    "VariableShowStmt": _Judge._check_shown,  # noqa: SLF001 - of this module
    "ExplainStmt": _Judge._check_explained,  # noqa: SLF001 - of this module
    "DropStmt": _Judge._check_dropped,  # noqa: SLF001 - of this module
    "AlterTableCmd": _Judge._check_altered,  # noqa: SLF001 - of this module
}
