"""Judges statements of databases other than PostgreSQL: by the tree that sqlglot makes of the text that is
sent, and by the words of that text, as a function is what stands before a parenthesis."""

import re
from collections import Counter
from typing import Final

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql import commands
from yett.validation.kinds.sql.names import said, words
from yett.validation.kinds.sql.other_functions import FUNCTIONS
from yett.validation.kinds.sql.other_nodes import (
    FORBIDDEN_WORDS,
    HINTS,
    KINDS,
    NOT_CALLED,
    READ_NODES,
    READ_STATEMENTS,
    STRUCTURE,
    VALUES,
    WRITE_NODES,
    WRITE_STATEMENTS,
)
from yett.validation.kinds.sql.other_tables import tables_in
from yett.validation.kinds.sql.other_tree import PIECES_MAX, QUOTED, TEXTS, rewritten
from yett.validation.kinds.sql.rules import Rules
from yett.validation.kinds.sql.text import check_text

_TABLE: Final = re.compile(r"[\w$#*: -]+")
_FILES: Final = words("""
    arrow avro binaryfile csv db delta duckdb feather gz iceberg ipc json jsonl ndjson orc parquet sqlite text
    tsv txt xlsx zst
    """)
"""Endings of files, and schemas by which some databases read a file in place of a table."""
_SECRET_SCHEMAS: Final = frozenset({"mysql"})
_SECRET_TABLES: Final = re.compile(
    r"(pg_shadow|pg_authid|sysusers|sql_logins|syslogins|sysxlogins|sysremotelogins|linked_logins|openkeys"
    r"|asymmetric_keys|(user|link|user_history|default_pwd)\$|dba_users|dba_db_links|all_db_links|user_db_links)"
)
_SECRET_SYSTEM: Final = frozenset({"users", "user_directories", "named_collections", "zookeeper"})
_SEQUENCES: Final = frozenset({"NEXTVAL"})
"""Fields that are none: to read them is to count on."""
_PACKAGES: Final = ("dbms_", "utl_", "owa_", "htp", "htf", "ctx_", "apex_", "sdo_", "sys")
_OF_TABLES: Final = ("pragma_", "duckdb_")
"""Functions that tell about tables that may not be read."""
_EXECUTED: Final = ("/*!", "/*M!", "/*+")
"""How comments begin that MySQL, MariaDB and Oracle obey."""
_COUNTS: Final = (exp.Limit, exp.Offset, exp.Fetch, exp.Ordered, exp.Group, exp.DataTypeParam)


def check_in(dialect: str, text: str, rules: Rules) -> str:
    """dialect: sqlglot's name. Return the statement to send.

    Raises:
        Unfit: it is not sent.
    """
    check_text(text, PIECES_MAX)
    if any(mark in text for mark in _EXECUTED):
        raise Unfit("has a comment that may be executed")
    if commands.is_harmless(text, dialect) and not rules.tables:
        return text
    prefix, rest = commands.explained(text, dialect)
    tree, anew, tokens = rewritten(rest, dialect, forbidden_words(rules))
    judge(tree, tokens, dialect, rules)
    return prefix + anew


def judge(tree: exp.Expr, tokens: list[Token], dialect: str, rules: Rules) -> None:
    """tokens: of what is sent, from which the tree was made.

    Raises:
        Unfit: it has a part that is not known to be harmless.
    """
    if type(tree).__name__ not in (WRITE_STATEMENTS if rules.writes else READ_STATEMENTS):
        raise Unfit("is a statement that is never sent" if rules.writes else "is not a query")
    _check_nodes(tree, rules)
    for node in tree.find_all(exp.In):
        _check_set(node, dialect)
    if dialect == "oracle":
        for column in tree.find_all(exp.Column):
            _check_package(column)
    _check_words(tree, tokens, dialect, rules)
    _check_tables(tree, dialect, rules)


def forbidden_words(rules: Rules) -> frozenset[str]:
    return frozenset() if rules.writes else FORBIDDEN_WORDS


def _check_nodes(tree: exp.Expr, rules: Rules) -> None:
    nodes = WRITE_NODES if rules.writes else READ_NODES
    for node in tree.walk():
        name = type(node).__name__
        if isinstance(node, NOT_CALLED) or not (name in nodes or isinstance(node, exp.Func)):
            raise Unfit(f"has a part that is not allowed ({name})")
        if rules.parameters and name in VALUES and not _counts(node):
            raise Unfit("has a value written into it; send it as a parameter")
        if isinstance(node, exp.SetOperation):
            _check_operands(node)
        if isinstance(node, exp.IndexTableHint | exp.WithTableHint):
            _check_hint(node)
        if isinstance(node, exp.EQ | exp.PropertyEQ) and isinstance(node.this, exp.Parameter):
            _check_comparison(node)
        if isinstance(node, exp.Create | exp.Drop | exp.Alter):
            _check_definition(node)


def _check_operands(node: exp.SetOperation) -> None:
    """A piece of a query, as `1 UNION SELECT 2`, is a statement to sqlglot."""
    for side in (node.this, node.expression):
        if not isinstance(side, exp.Query | exp.Values | exp.Table):
            raise Unfit("joins something that is not a query")


def _check_hint(node: exp.Expr) -> None:
    said_of_it = [node.name] if isinstance(node, exp.IndexTableHint) else []
    if isinstance(node, exp.WithTableHint):
        said_of_it = [part.name for part in node.expressions]
    if not all(name.upper() in HINTS for name in said_of_it):
        raise Unfit("says how a table is to be read in a way that is not known to be harmless")


def _check_set(node: exp.In, dialect: str) -> None:
    """`x IN t` reads the table t in SQLite and ClickHouse, where it looks like a column."""
    if node.args.get("field") is not None and dialect != "duckdb":
        raise Unfit("compares with a table by its name alone; write IN (SELECT …)")
    listed = node.expressions
    if dialect == "clickhouse" and len(listed) == 1 and isinstance(listed[0], exp.Column):
        raise Unfit("compares with a table by its name alone; write IN (SELECT …)")


def _check_package(column: exp.Column) -> None:
    """Oracle calls a function without arguments without parentheses, too."""
    if any(part.name.lower().startswith(_PACKAGES) for part in column.parts[:-1]):
        raise Unfit("names a part of a package, which may be called")


def _check_comparison(node: exp.Expr) -> None:
    if isinstance(node, exp.PropertyEQ) or isinstance(node.parent, exp.Select):
        raise Unfit("sets a variable")


def _check_definition(node: exp.Expr) -> None:
    if str(node.args.get("kind")).upper() not in KINDS:
        raise Unfit("creates, alters or drops something that is not data")


def _counts(literal: exp.Expr) -> bool:
    return isinstance(literal.parent, _COUNTS) and not literal.args.get("is_string")


def _check_words(tree: exp.Expr, tokens: list[Token], dialect: str, rules: Rules) -> None:
    forbidden, functions = forbidden_words(rules), _functions(dialect, rules)
    columns = Counter(
        alias.name.lower() for alias in tree.find_all(exp.TableAlias) if alias.args.get("columns")
    )
    if rules.writes:
        columns.update(_names_with_columns(tree))
    for index, token in enumerate(tokens):
        if token.comments:  # none was written
            raise Unfit("cannot be written anew without comments")
        if token.token_type not in QUOTED:
            field = index > 0 and tokens[index - 1].token_type is TokenType.DOT
            _check_word(token.text.upper(), dialect, forbidden & _SEQUENCES if field else forbidden)
        if not _is_called(tokens, index):
            continue
        name = _called(tokens, index)
        if columns[name] > 0:
            columns[name] -= 1
        elif name not in functions and not _is_structure(token, name):
            raise Unfit(f"calls {said(name, 'a function')}, which is not known to be harmless")


def _functions(dialect: str, rules: Rules) -> frozenset[str]:
    functions = rules.functions | FUNCTIONS[dialect]
    if rules.tables:
        return frozenset(name for name in functions if not name.startswith(_OF_TABLES))
    return functions


def _is_called(tokens: list[Token], index: int) -> bool:
    """Tell whether a parenthesis follows, and this is no sign and no text."""
    token = tokens[index]
    if index + 1 == len(tokens) or tokens[index + 1].token_type is not TokenType.L_PAREN:
        return False
    if token.token_type is TokenType.IDENTIFIER:
        return True
    first = token.text[:1]
    return token.token_type not in TEXTS and (first.isalpha() or first in ("_", "@"))


def _is_structure(token: Token, name: str) -> bool:
    quoted = token.token_type is TokenType.IDENTIFIER
    return not quoted and "." not in name and token.text.upper() in STRUCTURE


def _check_word(word: str, dialect: str, forbidden: frozenset[str]) -> None:
    if word in forbidden or (dialect == "clickhouse" and word == "SETTINGS"):
        raise Unfit(f"has the word {word}")


def _called(tokens: list[Token], index: int) -> str:
    """Return the name that ends here, in lower case, with what stands before it."""
    parts = [tokens[index].text]
    while index > 1 and tokens[index - 1].token_type is TokenType.DOT:
        index -= 2
        parts.append(tokens[index].text)
    return ".".join(reversed(parts)).lower()


def _names_with_columns(tree: exp.Expr) -> Counter[str]:
    """A list of columns follows the name of a table that is written to, or indexed."""
    tables = [schema.this for schema in tree.find_all(exp.Schema)]
    tables += [index.args.get("table") for index in tree.find_all(exp.Index)]
    return Counter(
        ".".join(part.name for part in table.parts).lower()
        for table in tables
        if isinstance(table, exp.Table)
    )


def _check_tables(tree: exp.Expr, dialect: str, rules: Rules) -> None:
    for table in tree.find_all(exp.Table):
        _check_table(table, dialect)
    for rows in tree.find_all(exp.TableFromRows):
        if not isinstance(rows.this, exp.Func | exp.Table):
            raise Unfit("reads a table that is named by a value")
    if rules.tables:
        for table in tables_in(tree):
            name = ".".join(part.name.lower() for part in table.parts)
            if name not in rules.tables:
                raise Unfit(f"names a table that is not allowed: {said(name, 'of an odd name')}")


def _check_table(table: exp.Table, dialect: str) -> None:
    if isinstance(table.this, exp.Func):
        if table.this.name.lower() == "table" and not isinstance(
            table.this.expressions[0], exp.Func
        ):
            raise Unfit("reads a table that is named by a value")
        return
    parts = [part.name.lower() for part in table.parts]
    if dialect == "bigquery":
        parts = [name for part in parts for name in part.split(".")]
    if not all(map(_TABLE.fullmatch, parts)) or len(parts) > _parts_max(dialect):
        raise Unfit("reads a table whose name may mean a file or another server")
    if dialect == "duckdb" and len(parts) > 1 and parts[-1] in _FILES:
        raise Unfit("reads a table whose name may mean a file or another server")
    if _is_secret(parts, dialect):
        raise Unfit(f"reads {said('.'.join(parts), 'a table')}, which holds secrets")


def _parts_max(dialect: str) -> int:
    """Catalogue, schema, table; one more is a linked server, or `INFORMATION_SCHEMA` in BigQuery."""
    return 4 if dialect == "bigquery" else 3


def _is_secret(parts: list[str], dialect: str) -> bool:
    schema = parts[-2] if len(parts) > 1 else ""
    if dialect == "clickhouse" and schema == "system" and parts[-1] in _SECRET_SYSTEM:
        return True
    if dialect == "mysql" and schema in _SECRET_SCHEMAS:
        return True
    return bool(_SECRET_TABLES.fullmatch(parts[-1]))
