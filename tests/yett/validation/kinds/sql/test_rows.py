"""A narrowed query finds on the whole table what the query finds on a table of the caller's rows: T-Z, Z07."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator

import asyncpg
import pytest

from tests.needs import needs_postgres
from tests.postgres import Postgres, serving_postgres
from tests.yett.validation.kinds.sql.naive import is_shown
from tests.yett.validation.kinds.sql.queries import COLUMNS, TABLES, Dice
from yett.core.predicate import Any, Compare, Has, Like, Not, OneOf, RowRule, Truth
from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql import postgres_rows, sqlite_rows

ACME = RowRule((Compare(("tenant",), "==", "acme"),), (), ())
RULES = 12
QUERIES = 8

Row = dict[str, object]


def visible(rows: list[Row], rule: RowRule) -> list[Row]:
    return [row for row in rows if is_shown(row, rule)]


def counted(rows: object) -> Counter[str]:
    return Counter(repr(tuple(row)) for row in rows)  # type: ignore[attr-defined]  # any rows


# ── SQLite ──────────────────────────────────────────────────────────────────────────────────────────


def sqlite_with(rows: dict[str, list[Row]]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for table, found in rows.items():
        # NOCASE and a numeric affinity are what a careless condition would fall for.
        connection.execute(
            f"CREATE TABLE {table} (id INTEGER, tenant TEXT COLLATE NOCASE, amount NUMERIC, note)"
        )
        connection.executemany(
            f"INSERT INTO {table} VALUES (?, ?, ?, ?)",
            [tuple(row[column] for column in COLUMNS) for row in found],
        )
    return connection


@pytest.mark.parametrize("seed", range(RULES))
def test_sqlite_finds_what_it_would_find_among_the_visible_rows(seed: int) -> None:
    dice = Dice(seed)
    rule = dice.rule()
    rows = {table: [dice.row(number) for number in range(12)] for table in TABLES}
    everything = sqlite_with(rows)
    theirs = sqlite_with({table: visible(found, rule) for table, found in rows.items()})

    for _ in range(QUERIES):
        query = dice.query()
        narrowed = sqlite_rows.narrow(query, rule)
        assert counted(everything.execute(narrowed)) == counted(theirs.execute(query)), query


def test_a_value_of_another_type_hides_the_row_in_sqlite() -> None:
    rows: list[Row] = [
        {"id": 1, "tenant": 5, "amount": "2", "note": b"acme"},
        {"id": 2, "tenant": "acme", "amount": 2, "note": "acme"},
    ]
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (id, tenant, amount, note)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", [tuple(r.values()) for r in rows])

    for part in (
        Compare(("tenant",), "==", "acme"),
        Not(Compare(("tenant",), "==", "other")),
        OneOf(("amount",), (2, 3)),
        Not(OneOf(("amount",), (3,))),
        Like(("note",), ("ac", "")),
        Not(Like(("note",), ("zz", ""))),
    ):
        narrowed = sqlite_rows.narrow("SELECT id FROM t", RowRule((part,), (), ()))
        assert connection.execute(narrowed).fetchall() == [(2,)]


def test_sqlite_asks_the_callers_conditions_of_visible_rows_only() -> None:
    dice = Dice(1)
    rows = [dice.row(number) for number in range(50)]
    connection = sqlite_with({"orders": rows, "lines": rows})
    asked: set[object] = set()

    def note(value: object) -> int:
        asked.add(value)
        return 1

    connection.create_function("seen", 1, note)
    theirs = {row["id"] for row in visible(rows, ACME)}

    for query in (
        "SELECT * FROM orders WHERE seen(id)",
        "SELECT * FROM orders o JOIN lines l ON seen(o.id) AND seen(l.id) WHERE seen(l.id)",
        "SELECT count(*) FROM orders GROUP BY seen(id) ORDER BY max(seen(id))",
        "SELECT * FROM lines WHERE EXISTS (SELECT 1 FROM orders WHERE seen(orders.id))",
    ):
        connection.execute(sqlite_rows.narrow(query, ACME)).fetchall()

    assert asked == theirs


# ── PostgreSQL ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with serving_postgres() as server:
        yield server


@needs_postgres
def test_postgresql_finds_what_it_would_find_among_the_visible_rows(postgres: Postgres) -> None:
    asyncio.run(_compare_postgres(postgres))


async def _compare_postgres(postgres: Postgres) -> None:
    connection = await asyncpg.connect(postgres.dsn())
    try:
        for schema in ("everything", "theirs"):
            await connection.execute(f"CREATE SCHEMA {schema}")
            for table in TABLES:
                await connection.execute(
                    f"CREATE TABLE {schema}.{table} (id int, tenant text, amount bigint, note varchar)"
                )
        for seed in range(RULES):
            await _compare_rule(connection, Dice(seed))
    finally:
        await connection.close()


async def _compare_rule(connection: asyncpg.Connection, dice: Dice) -> None:
    rule = dice.rule()
    for table in TABLES:
        rows = [dice.row(number) for number in range(12)]
        for schema, found in (("everything", rows), ("theirs", visible(rows, rule))):
            await connection.execute(f"TRUNCATE {schema}.{table}")
            await connection.executemany(
                f"INSERT INTO {schema}.{table} VALUES ($1, $2, $3, $4)",
                [tuple(row[column] for column in COLUMNS) for row in found],
            )
    for _ in range(QUERIES):
        query = dice.query()
        narrowed = postgres_rows.narrow(query, rule)
        await connection.execute("SET search_path TO everything")
        found = await connection.fetch(narrowed)
        await connection.execute("SET search_path TO theirs")
        assert counted(found) == counted(await connection.fetch(query)), query


@needs_postgres
def test_names_that_hide_one_another_mean_the_same_as_before(postgres: Postgres) -> None:
    postgres.run(
        "DROP TABLE IF EXISTS t, u",
        "CREATE TABLE t (tenant text, a text)",
        "INSERT INTO t VALUES ('acme', 'mine'), ('other', 'theirs')",
        "CREATE TABLE u (b text)",
        "INSERT INTO u VALUES ('theirs')",
    )

    for query, expected in (
        ("WITH t AS (SELECT * FROM t) SELECT a FROM t", ["mine"]),
        (
            "WITH x AS (SELECT 1) SELECT a FROM (WITH t AS (SELECT a FROM t) SELECT * FROM t) y",
            ["mine"],
        ),
        ("SELECT t.a FROM (WITH t AS (SELECT 1) SELECT 1) z, t", ["mine"]),
        ("WITH RECURSIVE t(a) AS (SELECT 'x' UNION SELECT a FROM t) SELECT a FROM t", ["x"]),
        ("WITH t AS (SELECT 'x' AS a) SELECT a FROM public.t", ["mine"]),
        ("SELECT x.a FROM t AS x(tenant, a)", ["mine"]),
        ("SELECT a FROM t NATURAL JOIN (SELECT * FROM t) y", ["mine"]),
        ("TABLE t", ["acme"]),
    ):
        narrowed = postgres_rows.narrow(query, ACME)
        assert [next(iter(row.values())) for row in postgres.fetch(narrowed)] == expected, query


@needs_postgres
@pytest.mark.parametrize(
    "query",
    [
        "SELECT (SELECT max(b) FROM u) FROM t",
        "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u)",
        "SELECT * FROM t, LATERAL (SELECT b FROM u) x",
    ],
)
def test_a_table_without_the_field_is_an_error_and_takes_none_from_around_it(
    postgres: Postgres, query: str
) -> None:
    postgres.run(
        "DROP TABLE IF EXISTS t, u",
        "CREATE TABLE t (tenant text)",
        "CREATE TABLE u (b text)",
        "INSERT INTO t VALUES ('acme')",
    )

    with pytest.raises(asyncpg.UndefinedColumnError):
        postgres.fetch(postgres_rows.narrow(query, ACME))


@needs_postgres
def test_postgresql_asks_the_callers_conditions_of_visible_rows_only(postgres: Postgres) -> None:
    """A condition that fails on a hidden row would say what stands in it."""
    postgres.run(
        "DROP TABLE IF EXISTS t",
        "CREATE TABLE t (tenant text, note text)",
        "INSERT INTO t VALUES ('acme', '1'), ('other', 'secret')",
    )

    for query in (
        "SELECT note FROM t WHERE note::int > 0",
        "SELECT a.note FROM t a JOIN t b ON a.note::int = b.note::int",
        "SELECT max(note) FROM t GROUP BY note::int HAVING max(note::int) > 0",
    ):
        found = postgres.fetch(postgres_rows.narrow(query, ACME))
        assert [list(row.values()) for row in found] == [["1"]]


@needs_postgres
@pytest.mark.parametrize("kind", ["uuid", "char(3)", "text COLLATE nocase", "status"])
def test_a_text_is_compared_exactly_whatever_the_type(postgres: Postgres, kind: str) -> None:
    mine, other = (
        ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12")
        if kind == "uuid"
        else ("abc", "ABC")
    )
    postgres.run(
        "DROP TABLE IF EXISTS t",
        "DROP TYPE IF EXISTS status",
        "CREATE TYPE status AS ENUM ('abc', 'ABC')",
        "CREATE COLLATION IF NOT EXISTS nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        f"CREATE TABLE t (tenant {kind})",
        f"INSERT INTO t VALUES ('{mine}'), ('{other}'), (NULL)",
    )
    rule = RowRule((Compare(("tenant",), "==", mine),), (), ())

    found = postgres.fetch(postgres_rows.narrow("SELECT tenant::text FROM t", rule))
    assert [row["tenant"] for row in found] == [mine]


# ── What cannot be narrowed ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ctid FROM t", "SELECT t.xmax FROM t", "SELECT tableoid FROM t", "SELECT * FROM ONLY t",
        "SELECT * FROM t TABLESAMPLE system(1)", "SELECT * FROM generate_series(1, 2)",
        "SELECT public.t.a FROM public.t", "EXPLAIN SELECT * FROM t", "SHOW all", "DELETE FROM t",
        "SELECT * FROM t FOR UPDATE", "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
        "SELECT * FROM pg_class", "SELECT * FROM pg_stats", "SELECT * FROM information_schema.tables",
        "SELECT pg_relation_size('t')", "SELECT yett_row FROM t", "SELECT * FROM yett_row",
        "SELECT * FROM JSON_TABLE('[]', '$' COLUMNS (a int PATH '$'))", "SELECT 1 INTO x FROM t",
    ],
)  # fmt: skip
def test_what_could_see_past_a_rule_is_refused_in_postgresql(query: str) -> None:
    with pytest.raises(Unfit):
        postgres_rows.narrow(query, ACME)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT rowid FROM t", "SELECT t._rowid_ FROM t", "SELECT oid FROM t", "SELECT main.t.a FROM main.t",
        "SELECT * FROM sqlite_master", "SELECT * FROM sqlite_schema", "SELECT * FROM pragma_table_list",
        "SELECT * FROM json_each('[]')", "SELECT * FROM t INDEXED BY i", "PRAGMA table_info(t)",
        "EXPLAIN QUERY PLAN SELECT * FROM t", "DELETE FROM t", "INSERT INTO t SELECT * FROM t",
        "WITH t AS (SELECT * FROM t) SELECT * FROM t", "SELECT * FROM (WITH u AS (SELECT 1) SELECT 1), u",
        'WITH "to\N{KELVIN SIGN}en" AS (SELECT 1) SELECT * FROM token', 'WITH "ſ" AS (SELECT 1) SELECT * FROM s', "SELECT 1 IN t", "SELECT * FROM u WHERE a NOT IN main.t", "SELECT * FROM dbstat", "SELECT changes()", "SELECT * FROM yett_row",
    ],
)  # fmt: skip
def test_what_could_see_past_a_rule_is_refused_in_sqlite(query: str) -> None:
    with pytest.raises(Unfit):
        sqlite_rows.narrow(query, ACME)


@pytest.mark.parametrize(
    "part",
    [
        Compare(("address", "city"), "==", "x"), Has(()), Compare(("a",), "<", "x"), Compare(("a",), "<", value=True),
        OneOf(("a",), ("x", 1)), Compare(("a",), "==", "x\0y"), Compare(("a\0",), "==", "x"), Like(("a",), ("\0",)),
        OneOf(("a",), tuple(f"{number:040}" for number in range(500))),
    ],
)  # fmt: skip
@pytest.mark.parametrize("narrow", [postgres_rows.narrow, sqlite_rows.narrow])
def test_a_rule_that_sql_cannot_say_shows_nothing(narrow: object, part: object) -> None:
    rule = RowRule((part,), (), ())  # type: ignore[arg-type]  # any predicate

    with pytest.raises(Unfit):
        narrow("SELECT * FROM t", rule)  # type: ignore[operator]  # one of two functions


def test_truth_has_no_form_in_sqlite() -> None:
    with pytest.raises(Unfit):
        sqlite_rows.narrow("SELECT 1 FROM t", RowRule((Compare(("a",), "==", value=True),), (), ()))


@pytest.mark.parametrize("narrow", [postgres_rows.narrow, sqlite_rows.narrow])
def test_who_is_permitted_nothing_finds_nothing(narrow: object) -> None:
    connection = sqlite_with({"t": [Dice(0).row(1)]})

    for rule in (
        RowRule((), (), ()),
        RowRule((Truth(holds=False),), (), ()),
        RowRule((Any(()),), (), ()),
    ):
        text = narrow("SELECT id FROM t", rule)  # type: ignore[operator]  # one of two functions
        if narrow is sqlite_rows.narrow:
            assert connection.execute(text).fetchall() == []
        assert "FALSE" in text.upper()


def test_names_and_texts_are_quoted() -> None:
    rule = RowRule((Compare(('a"b',), "==", "x' OR '1'='1\\"),), (), ())

    assert '"a""b"' in postgres_rows.narrow("SELECT 1 FROM t", rule)
    assert "x'' OR ''1''=''1" in postgres_rows.narrow("SELECT 1 FROM t", rule)
    connection = sqlite3.connect(":memory:")
    connection.execute('CREATE TABLE t ("a""b")')
    connection.execute("INSERT INTO t VALUES ('x'' OR ''1''=''1\\'), ('y')")
    found = connection.execute(sqlite_rows.narrow("SELECT * FROM t", rule)).fetchall()
    assert found == [("x' OR '1'='1\\",)]
