"""The server before SQLite, asked directly: nobody has judged the statements before it."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.needs import needs_corpus
from tests.yett.upstreams.sql.attacks import ON_SQLITE, answers_to, corpus
from tests.yett.upstreams.sql.scene import ACME, GLOBEX, Sql, on_sqlite
from yett.core.errors import Fault
from yett.core.reasons import Reason

STOLEN = Path("/tmp/yett-stolen")


async def test_nothing_that_is_sent_past_validation_changes_anything_or_leaves_the_tables(
    lite: Sql, file: Path
) -> None:
    before = file.read_bytes()
    answers = await answers_to(lite, list(ON_SQLITE))

    ran = [sql for sql, answer in zip(ON_SQLITE, answers, strict=True) if not answer.get("isError")]
    assert ran == []
    assert "31337" not in str(answers)
    assert file.read_bytes() == before
    assert not list(STOLEN.parent.glob(f"{STOLEN.name}*"))
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@needs_corpus("sql.jsonl")
async def test_what_others_collected_changes_nothing_either(lite: Sql, file: Path) -> None:
    before = file.read_bytes()
    statements = corpus()
    answers = await answers_to(lite, statements)
    as_parameter = [await lite.value("select ? as said", text) for text in statements[::10]]

    assert as_parameter == statements[::10]
    assert "31337" not in str(answers)
    assert file.read_bytes() == before


async def test_each_tenant_sees_its_own_rows_through_a_view_and_the_table_only_if_named(
    file: Path,
) -> None:
    async with on_sqlite(file, "own_orders") as sql:

        async def ask(number: int) -> bool:
            principal = (ACME, GLOBEX)[number % 2]
            rows = await sql.rows(
                "select id, yett_principal() as asking from own_orders where id < ?",
                number + 5,
                principal=principal,
                seconds=30.0,
            )
            assert {row["asking"] for row in rows} == {principal.id}
            return all(row["id"] % 2 == number % 2 for row in rows)

        assert all(await asyncio.gather(*(ask(number) for number in range(200))))
        assert "no such table" in await sql.refused("select id from orders")
        assert "no such table" in await sql.refused(
            "select own_orders.id from own_orders, orders where orders.id = own_orders.id"
        )
        listed = await sql.call("list_tables")
        described = await sql.call("describe_table", table="orders")

    names = [table["name"] for table in listed["structuredContent"]["tables"]]
    assert names == ["own_orders"]
    assert described["isError"]


@pytest.mark.parametrize(
    "sql",
    [
        "with own_orders as (select * from orders) select * from own_orders",
        "with own_orders as materialized (select tenant as id from orders) select id from own_orders",
        'with "OWN_orders"(id) as (select tenant from orders) select id from own_orders',
        "with x as (with own_orders as (select * from orders) select * from own_orders) select * from x",
        "select * from (with own_orders as (select * from orders) select * from own_orders) as x",
        "with inner_part as (select * from orders) select * from inner_part",
        "select * from inner_part",
        "select count(*) as n from inner_part",
        "select count(*) as n from orders",
        "with orders as (select 1 as id) select count(*) as n from orders, main.orders b",
        "select * from (select * from orders) as own_orders",
        "select id from orders as own_orders",
        "select (select max(tenant) from orders) as id from own_orders",
        "select id from around",
        "select count(*) as n from around",
    ],
)
async def test_a_table_behind_a_view_is_not_reached_by_calling_something_else_like_the_view(
    file: Path, sql: str
) -> None:
    connection = sqlite3.connect(file)
    connection.execute("create view inner_part as select * from orders where id > 0")
    connection.execute("create view around as select * from inner_part")
    connection.execute(
        "create view nested as with part as (select * from own_orders) select id from part"
    )
    connection.commit()
    connection.close()
    async with on_sqlite(file, "own_orders", "nested") as lite:
        assert "no such table" in await lite.refused(sql)
        assert await lite.value("select count(*) as n from nested") == 50
        assert (
            len(await lite.rows("select n.id from nested n, own_orders o where o.id = n.id")) == 50
        )
        assert await lite.value("with x as (values (1), (2)) select count(*) as n from x") == 2


async def test_a_view_that_changes_is_judged_anew(file: Path) -> None:
    async with on_sqlite(file, "own_orders") as lite:
        before = await lite.value("select count(*) as n from own_orders")
        connection = sqlite3.connect(file)
        connection.execute("drop view own_orders")
        connection.execute("create view own_orders as select id from salaries where amount > 0")
        connection.commit()
        connection.close()
        after = await lite.value("select count(*) as n from own_orders")
        gone = await lite.refused("select id from orders")

    assert (before, after) == (50, 1)
    assert "no such table" in gone


async def test_without_a_list_every_table_is_read_but_those_of_sqlite_itself(file: Path) -> None:
    async with on_sqlite(file) as sql:
        assert await sql.value("select amount from salaries") == 31337
        assert "no such table" in await sql.refused("select * from sqlite_master")
        listed = await sql.call("list_tables")
        described = await sql.call("describe_table", table="main.orders")

    kinds = {table["name"]: table["kind"] for table in listed["structuredContent"]["tables"]}
    assert kinds == {"orders": "table", "own_orders": "view", "salaries": "table"}
    assert described["structuredContent"]["columns"][0] == {
        "name": "id",
        "type": "INT",
        "nullable": True,
        "primary_key": True,
    }


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("null", None),
        ("9007199254740993", "9007199254740993"),
        ("1.5", 1.5),
        ("9e999", "Infinity"),
        ("x'00ff'", "AP8="),
        ("cast(x'ff' as text)", "/w=="),
        ("json_extract('[1, 2]', '$[1]')", 2),
        ("'héllo ☃'", "héllo ☃"),
    ],
)
async def test_a_value_becomes_json_without_being_altered(
    lite: Sql, expression: str, expected: object
) -> None:
    assert await lite.value(f"select {expression} as value") == expected


async def test_parameters_are_bound_and_too_large_ones_are_told(lite: Sql) -> None:
    hostile = "'; drop table orders; --"

    assert await lite.value("select ? as a", hostile) == hostile
    assert "beyond 64 bits" in await lite.refused("select ? as a", 2**64)
    assert "bindings" in await lite.refused("select ? as a")


async def test_rows_beyond_the_most_are_left_out_and_it_says_so(lite: Sql) -> None:
    some = await lite.call("query", sql="select id from orders", max_rows=99)
    exactly = await lite.call("query", sql="select id from orders", max_rows=100)
    wide = await lite.call(
        "query", sql="select printf('%100000d', id) as a from orders", max_rows=100
    )

    assert [len(some["structuredContent"]["rows"]), some["structuredContent"]["truncated"]] == [99, True]  # fmt: skip
    assert exactly["structuredContent"]["truncated"] is False
    assert len(wide["structuredContent"]["rows"]) == 5
    assert wide["structuredContent"]["truncated"] is True


async def test_a_statement_that_would_grow_without_end_is_not_begun(lite: Sql) -> None:
    endless = "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t"

    assert "recursive" in await lite.refused(endless)


async def test_a_file_that_is_not_there_or_no_database_is_told_to_the_operator(
    tmp_path: Path,
) -> None:
    for name, content in (("absent.db", None), ("text.db", b"no database, but long enough" * 100)):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        async with on_sqlite(path) as sql:
            with pytest.raises(Fault) as caught:
                await sql.transport.discover(sql.credential)
        assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
        assert path.exists() is (content is not None)


async def test_what_somebody_else_writes_meanwhile_is_seen(lite: Sql, file: Path) -> None:
    before = await lite.value("select count(*) as n from orders")
    connection = sqlite3.connect(file)
    connection.execute("pragma journal_mode = wal")
    connection.execute("delete from orders where id > 90")
    connection.commit()
    after = await lite.value("select count(*) as n from orders")
    connection.close()

    assert (before, after) == (100, 90)


async def test_sqlite_itself_refuses_without_the_first_look(
    lite: Sql, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yett.upstreams.backends.sql.sqlite.check_looks", lambda _: None)
    before = file.read_bytes()
    answers = await answers_to(lite, list(ON_SQLITE))

    ran = [sql for sql, answer in zip(ON_SQLITE, answers, strict=True) if not answer.get("isError")]
    assert ran == ["explain select 1"]
    assert "31337" not in str(answers)
    assert file.read_bytes() == before
    assert not list(STOLEN.parent.glob(f"{STOLEN.name}*"))
