"""What the guard lets through, asked of SQLite itself, which says of each statement what it would do: T-X X01."""

import random
import re
import sqlite3
from typing import Final

from tests.yett.validation.kinds.sql.statements import READ, REFUSED
from yett.core.predicate import Compare, RowRule
from yett.validation.config import SqlArgument
from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql import sqlite_rows
from yett.validation.kinds.sql.build import build_guard

READING: Final = {
    sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
}  # fmt: skip
ALLOWED: Final = frozenset({"t", "b"})
COLUMNS: Final = "a, b, c, d, e, f, x, id, name, tenant"
_PIECE: Final = re.compile(r"\w+|'[^']*'|\"[^\"]*\"|\[[^\]]*\]|\s+|[^\w\s]")
_MORE: Final = (
    "SELECT a FROM t WHERE id IN (SELECT id FROM users)",
    "SELECT * FROM t, (SELECT * FROM users) AS u WHERE t.a NOT IN users",
    "WITH users AS (SELECT * FROM t) SELECT * FROM users",
    "SELECT * FROM (WITH users AS (SELECT 1 AS a) SELECT * FROM users) AS x, b",
    "SELECT EXISTS (SELECT 1 FROM main.users), (SELECT max(a) FROM 'users')",
    "SELECT * FROM t NATURAL JOIN (b CROSS JOIN users)",
    "SELECT a FROM t UNION SELECT a FROM users ORDER BY (SELECT 1 FROM b)",
)


_PRAGMAS: Final = (
    "table_info('t')", "table_xinfo('t')", "table_list", "index_list('t')", "index_info('t')",
    "index_xinfo('t')", "foreign_key_list('t')", "database_list", "collation_list", "compile_options",
    "function_list",
)  # fmt: skip


class Witness:
    """Notes what SQLite would do, and which tables it would read."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        for table in ("t", "b", "u", "users"):
            self.connection.execute(f"CREATE TABLE {table} ({COLUMNS})")
        for function in ("json_each('[]')", "json_tree('[]')", *map("pragma_{}".format, _PRAGMAS)):
            # The first use of such a table declares it, which counts as a change.
            self.connection.execute(f"SELECT * FROM {function}").fetchall()
        self.connection.set_authorizer(self._note)
        self.actions: set[int] = set()
        self.tables: set[str] = set()

    def _note(self, action: int, first: str | None, _: object, database: object, __: object) -> int:
        self.actions.add(action)
        if action == sqlite3.SQLITE_READ and first and database:  # a query of WITH is in none
            self.tables.add(first.lower())
        return sqlite3.SQLITE_OK

    def watch(self, statement: str) -> bool:
        """Return whether it means something here; nothing is run."""
        self.actions.clear()
        self.tables.clear()
        try:
            self.connection.execute(f"EXPLAIN {statement}").fetchall()
        except (sqlite3.Error, sqlite3.Warning):
            return False
        return True


def mixtures(seed: int, number: int) -> list[str]:
    """Put parts of one statement in place of parts of another."""
    dice = random.Random(seed)
    pieces = [
        _PIECE.findall(text) for text in (*_MORE, *_MORE, *READ["sqlite"], *REFUSED["sqlite"])
    ]
    found = []
    for _ in range(number):
        text, other = list(dice.choice(pieces)), dice.choice(pieces)
        for _ in range(dice.randint(1, 2)):
            begin, taken = dice.randrange(len(text)), dice.randrange(len(other))
            text[begin : begin + dice.choice((0, 1, 1, 3))] = other[
                taken : taken + dice.choice((1, 1, 3, 7))
            ]
        found.append("".join(text))
    return [*_MORE, *found]


def test_no_mixture_gets_through_and_does_more_than_read() -> None:
    guard, witness, meaningful = build_guard(SqlArgument(dialect="sqlite")), Witness(), 0
    for statement in mixtures(3, 700):
        try:
            sent = guard.check(statement, "read")
        except Unfit:
            continue
        if not sent.upper().startswith(("EXPLAIN", "PRAGMA")):
            meaningful += witness.watch(sent)
            assert witness.actions <= READING | {sqlite3.SQLITE_PRAGMA}, sent

    assert meaningful > 10


def test_no_mixture_reads_a_table_that_is_not_allowed() -> None:
    guard = build_guard(SqlArgument(dialect="sqlite", tables=tuple(ALLOWED)))
    witness, meaningful = Witness(), 0
    for statement in mixtures(4, 700):
        try:
            sent = guard.check(statement, "read")
        except Unfit:
            continue
        if not sent.upper().startswith("EXPLAIN"):
            meaningful += witness.watch(sent)
            assert witness.tables <= ALLOWED | {"json_each", "json_tree"}, sent

    assert meaningful > 10


def test_a_narrowed_mixture_asks_every_table_for_the_caller() -> None:
    """It reads the column that the rule compares of each table that it reads at all."""
    guard = build_guard(SqlArgument(dialect="sqlite"))
    rule = RowRule((Compare(("tenant",), "==", "acme"),), (), ())
    witness, meaningful = Witness(), 0
    for statement in mixtures(5, 700):
        try:
            narrowed = sqlite_rows.narrow(guard.check(statement, "read"), rule)
        except Unfit:
            continue
        if witness.watch(narrowed):
            meaningful += 1
            for table in witness.tables:
                assert f'FROM {table} AS "yett_row"' in narrowed.replace(
                    '"' + table + '"', table
                ).replace("main.", ""), narrowed

    assert meaningful > 10
