"""The server before PostgreSQL, asked directly: nobody has judged the statements before it."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest

from tests.needs import needs_corpus
from tests.postgres import Postgres
from tests.yett.upstreams.sql.attacks import ON_POSTGRES, answers_to, corpus
from tests.yett.upstreams.sql.scene import ACME, GLOBEX, PASSWORD, Sql, on_postgres, reader
from yett.core.errors import Fault
from yett.core.identity import Principal
from yett.core.proofs import Credential
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams.backends.sql.engine import ROWS_BYTES_MAX

STOLEN = Path("/tmp/yett-stolen")
CONTENT = """
select (select string_agg(o::text, ',' order by id) from orders o) as orders,
  (select string_agg(s::text, ',') from salaries s) as salaries,
  (select count(*) from pg_class where relnamespace = 'public'::regnamespace) as relations,
  (select count(*) from pg_largeobject_metadata) as objects
"""


async def run(postgres: Postgres, *statements: str) -> None:
    await asyncio.to_thread(postgres.run, *statements)


async def content(postgres: Postgres) -> Any:
    return await asyncio.to_thread(postgres.fetch, CONTENT)


# -- what may be done


async def test_nothing_that_is_sent_past_validation_changes_anything_or_leaves_the_tables(
    pg: Sql, postgres: Postgres
) -> None:
    before = await content(postgres)
    answers = await answers_to(pg, list(ON_POSTGRES))

    ran = [
        sql for sql, answer in zip(ON_POSTGRES, answers, strict=True) if not answer.get("isError")
    ]
    assert ran == []
    assert "31337" not in str(answers)
    assert await content(postgres) == before
    assert not list(STOLEN.parent.glob(f"{STOLEN.name}*"))


async def test_the_database_itself_refuses_without_the_first_look(
    pg: Sql, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for who is asking: that a statement could say anew, so it is looked at before."""
    monkeypatch.setattr("yett.upstreams.backends.sql.postgres.check_looks", lambda _: None)
    before = await content(postgres)
    others = [sql for sql in ON_POSTGRES if "config" not in sql and "pg_sleep" not in sql]
    answers = await answers_to(pg, others)

    ran = {sql for sql, answer in zip(others, answers, strict=True) if not answer.get("isError")}
    assert ran <= {
        "explain analyze select * from orders",
        "show all",
        "select pg_terminate_backend(1) as a",
    }
    assert "31337" not in str(answers)
    assert await content(postgres) == before
    assert not list(STOLEN.parent.glob(f"{STOLEN.name}*"))


@needs_corpus("sql.jsonl")
async def test_what_others_collected_changes_nothing_either(pg: Sql, postgres: Postgres) -> None:
    before = await content(postgres)
    statements = corpus()
    answers = await answers_to(pg, statements)
    as_parameter = await asyncio.gather(
        *(pg.value("select $1::text as said", text, seconds=30.0) for text in statements[::10])
    )

    assert len(statements) > 1_000
    assert as_parameter == statements[::10]
    assert "31337" not in str(answers)
    assert "globex" not in str([answer.get("structuredContent") for answer in answers])
    assert await content(postgres) == before


@pytest.mark.parametrize(
    ("rights", "told"),
    [
        ("superuser", "is a superuser"),
        ("bypassrls", "passes over row security"),
        ("createrole", "can make roles"),
    ],
)
async def test_a_mighty_role_is_not_used(postgres: Postgres, rights: str, told: str) -> None:
    await run(postgres, f"create role mighty login {rights} password '{PASSWORD}'")
    try:
        async with on_postgres(reader(postgres, "mighty")) as sql:
            with pytest.raises(Fault) as caught:
                await sql.transport.discover(sql.credential)
            with pytest.raises(Fault):
                await sql.rows("select 1 as one")
    finally:
        await run(postgres, "drop role mighty")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert told in caught.value.private
    assert "GRANT SELECT ON" in caught.value.private


@pytest.mark.parametrize(
    ("given", "taken", "told"),
    [
        ("grant insert on orders to ann", "revoke all on orders from ann", "public.orders"),
        (
            "grant update (amount) on orders to ann",
            "revoke all on orders from ann",
            "public.orders",
        ),
        (
            "grant delete on orders to public",
            "revoke delete on orders from public",
            "public.orders",
        ),
        ("create table anns (a int)", "drop table anns", "public.anns"),
        (
            "grant pg_read_server_files to ann",
            "revoke pg_read_server_files from ann",
            "server_files",
        ),
        ("grant postgres to ann", "revoke postgres from ann", "is a superuser"),
    ],
)
async def test_a_role_that_may_do_more_than_read_is_not_used(
    postgres: Postgres, given: str, taken: str, told: str
) -> None:
    await run(postgres, f"create role ann login password '{PASSWORD}'", given)
    if given.startswith("create table"):
        await run(postgres, "alter table anns owner to ann")
    try:
        async with on_postgres(reader(postgres, "ann")) as sql:
            with pytest.raises(Fault) as caught:
                await sql.transport.discover(sql.credential)
    finally:
        await run(postgres, taken, "drop role ann")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert told in caught.value.private


async def test_a_right_that_is_given_later_is_noticed_by_the_next_connection(
    pg: Sql, postgres: Postgres
) -> None:
    await pg.value("select 1 as one")
    await run(postgres, "grant insert on salaries to reader")
    try:
        async with on_postgres(reader(postgres)) as later:
            with pytest.raises(Fault):
                await later.value("select 1 as one")
    finally:
        await run(postgres, "revoke insert on salaries from reader")


# -- whose rows


async def test_two_tenants_see_their_own_rows_however_many_ask_at_once(pg: Sql) -> None:
    async def ask(number: int) -> set[str]:
        principal = (ACME, GLOBEX)[number % 2]
        rows = await pg.rows(
            "select distinct tenant, current_setting('yett.principal') as p from orders"
            " where id < $1",
            number + 5,
            principal=principal,
            seconds=30.0,
        )
        assert {row["p"] for row in rows} == {principal.id}
        return {row["tenant"] for row in rows}

    seen = await asyncio.gather(*(ask(number) for number in range(200)))

    assert all(tenants == {("acme", "globex")[number % 2]} for number, tenants in enumerate(seen))


async def test_a_policy_can_read_who_is_asking(pg: Sql) -> None:
    names = ("principal", "tenant", "roles", "environment")
    columns = ", ".join(f"current_setting('yett.{name}') as {name}" for name in names)

    assert await pg.rows(f"select {columns}", principal=GLOBEX) == [
        {
            "principal": "k-globex",
            "tenant": "globex",
            "roles": '["reader","other"]',
            "environment": "live",
        }
    ]


@pytest.mark.parametrize(
    "tenant", ["o'neill", "a\\", "\\'; set local yett.tenant = 'globex", "ü$$ \n\t"]
)
async def test_whatever_a_tenant_is_called_it_stays_a_value(pg: Sql, tenant: str) -> None:
    principal = Principal(id="k", name="x", tenant=tenant)

    rows = await pg.rows(
        "select current_setting('yett.tenant') as tenant, (select count(*) from orders) as seen",
        principal=principal,
    )

    assert rows == [{"tenant": tenant, "seen": 0}]


async def test_a_role_without_the_right_to_set_config_works_and_cannot_say_who_it_is(
    pg: Sql, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yett.upstreams.backends.sql.postgres.check_looks", lambda _: None)
    function = "function pg_catalog.set_config(text, text, boolean)"
    crossing = (
        "with t as materialized (select set_config('yett.tenant', 'globex', true) as x)"
        " select orders.tenant, x from t, orders"
    )
    await run(postgres, f"revoke execute on {function} from public")
    try:
        seen = await pg.rows("select distinct tenant from orders")
        said = await pg.refused(crossing)
        left = await pg.call("query", sql="update pg_settings set setting = 'x' where name = 'a'")
    finally:
        await run(postgres, f"grant execute on {function} to public")

    assert seen == [{"tenant": "acme"}]
    assert said == "permission denied for function set_config (42501)"
    assert left["isError"]


async def test_nothing_of_one_caller_is_left_for_the_next(pg: Sql, postgres: Postgres) -> None:
    """Locks of the session and settings would outlive a transaction; nobody may wait for them."""
    for principal in (ACME, GLOBEX):
        await pg.rows("select 1 as one from orders", principal=principal)
    await asyncio.sleep(0.1)
    connection = next(iter(pg.engine._idle))._connection  # type: ignore[attr-defined]
    left = await connection.fetchval("select current_setting('yett.tenant', true)")
    prepared = await connection.fetch("select name from pg_prepared_statements where name <> ''")

    assert not left
    assert [row["name"] for row in prepared] == ["yett_locked"]


# -- which tables


async def test_only_the_tables_that_are_named_are_read_and_what_is_behind_a_view(
    postgres: Postgres,
) -> None:
    await run(
        postgres,
        "create view totals as select sum(amount) as total from salaries",
        "create function peek() returns int language sql security definer"
        " as 'select amount from salaries'",
        "create table parts (id int, kind text) partition by list (kind)",
        "create table parts_a partition of parts for values in ('a')",
        "insert into parts values (1, 'a')",
        "grant select on totals, parts to reader",
    )
    try:
        async with on_postgres(reader(postgres), "totals", "public.parts") as sql:
            total = await sql.value("select total from totals")
            part = await sql.value("select id from parts where kind = 'a'")
            other = await sql.refused("select id from orders")
            behind = await sql.refused("select amount from salaries")
            hidden = await sql.refused("select 1 as one, (select count(*) from orders) as n")
            listed = await sql.call("list_tables")
            described = await sql.call("describe_table", table="orders")
        async with on_postgres(reader(postgres), "orders") as sql:
            by_function = await sql.refused("select peek() as a")
    finally:
        await run(postgres, "drop view totals", "drop table parts", "drop function peek")

    assert (total, part) == (31337, 1)
    assert "no such table" in other == behind == hidden == by_function
    names = [table["name"] for table in listed["structuredContent"]["tables"]]
    assert names == ["parts", "totals"]
    assert described["isError"]


async def test_a_table_that_could_be_read_beside_the_view_before_it_must_be_named(
    postgres: Postgres,
) -> None:
    await run(
        postgres,
        "create view few as select id from orders where id < 10",
        "create table parts (id int, kind text) partition by list (kind)",
        "create table parts_a partition of parts for values in ('a')",
        "grant select on few, parts, parts_a to reader",
    )
    told = []
    try:
        for tables in (("few",), ("parts",)):
            async with on_postgres(reader(postgres), *tables) as sql:
                with pytest.raises(Fault) as caught:
                    await sql.transport.discover(sql.credential)
                told.append(caught.value.private)
        async with on_postgres(reader(postgres), "few", "orders") as sql:
            found = await sql.value("select count(*) as n from few")
    finally:
        await run(postgres, "drop view few", "drop table parts")

    assert "may read public.orders" in told[0]
    assert "may read public.parts_a" in told[1]
    assert found == 9


async def test_a_table_that_is_made_later_is_read_without_a_restart(
    pg: Sql, postgres: Postgres
) -> None:
    await pg.value("select count(*) as n from orders")
    await run(postgres, "create table late (a int)", "grant select on late to reader")
    try:
        found = await pg.value("select count(*) as n from late")
    finally:
        await run(postgres, "drop table late")

    assert found == 0


async def test_tables_are_listed_and_described_as_far_as_they_may_be_read(
    pg: Sql, postgres: Postgres
) -> None:
    await run(
        postgres, "create table half (a int not null, b int)", "grant select (a) on half to reader"
    )
    try:
        listed = await pg.call("list_tables")
        half = await pg.call("describe_table", table="public.half")
    finally:
        await run(postgres, "drop table half")
    orders = await pg.call("describe_table", table="orders")
    hidden = await pg.call("describe_table", table="salaries")

    names = [table["name"] for table in listed["structuredContent"]["tables"]]
    assert names == ["half", "orders"]
    assert [column["name"] for column in half["structuredContent"]["columns"]] == ["a"]
    assert orders["structuredContent"]["columns"][2] == {
        "name": "amount",
        "type": "numeric(10,2)",
        "nullable": True,
        "primary_key": False,
    }
    assert hidden["isError"]


# -- values


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("null::int", None),
        ("true", True),
        ("9007199254740992", 2**53),
        ("9007199254740993", "9007199254740993"),
        ("(-9223372036854775808)::int8", "-9223372036854775808"),
        ("12.500::numeric", "12.500"),
        ("'NaN'::numeric", "NaN"),
        ("0.1::float8", 0.1),
        ("0.1::float4", 0.1),
        ("'-Infinity'::float8", "-Infinity"),
        ("'NaN'::float4", "NaN"),
        ("'\\x00ff'::bytea", base64.b64encode(b"\x00\xff").decode()),
        ("timestamptz '2026-01-02 03:04:05.5+02'", "2026-01-02T01:04:05.5Z"),
        ("timestamp '2026-01-02 03:04:05'", "2026-01-02T03:04:05"),
        ("timestamp 'infinity'", "infinity"),
        ("date '0044-03-15 BC'", "0044-03-15 BC"),
        ("interval '1 month 2 days'", "P1M2D"),
        ("'{\"a\": [1.5, null]}'::jsonb", {"a": [1.5, None]}),
        ('\'{"a": 1, "a": 2}\'::json', '{"a": 1, "a": 2}'),
        ("array[[1, 2], [3, null]]", [[1, 2], [3, None]]),
        ("array['a', 'b\"c']", ["a", 'b"c']),
        ("array[date '2026-01-02']", ["2026-01-02"]),
        ("'00000000-0000-0000-0000-00000000000a'::uuid", "00000000-0000-0000-0000-00000000000a"),
        ("'10.0.0.0/8'::cidr", "10.0.0.0/8"),
        ("'héllo ☃'", "héllo ☃"),
    ],
)
async def test_a_value_becomes_json_without_being_altered(
    pg: Sql, expression: str, expected: object
) -> None:
    assert await pg.value(f"select {expression} as value") == expected


async def test_a_value_without_a_form_in_json_is_refused_with_the_way_out(pg: Sql) -> None:
    for expression in ("int4range(1, 2)", "row(1, 'a')"):
        assert "text" in await pg.refused(f"select {expression} as value")
        assert await pg.value(f"select ({expression})::text as value")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("int", 7, 7),
        ("int8", "9007199254740993", "9007199254740993"),
        ("numeric", 0.1, "0.1"),
        ("text", "'; drop table orders; --", "'; drop table orders; --"),
        ("date", "2026-01-02", "2026-01-02"),
        ("bool", True, True),
        ("bytea", "AP8=", "AP8="),
        ("jsonb", '{"a": 1}', {"a": 1}),
        ("int", None, None),
    ],
)
async def test_parameters_are_bound_and_come_back_as_they_were(
    pg: Sql, kind: str, value: object, expected: object
) -> None:
    assert await pg.value(f"select $1::{kind} as value", value) == expected


# -- bounds


async def test_rows_beyond_the_most_are_left_out_and_it_says_so(pg: Sql) -> None:
    statement = "select n from generate_series(1, 150) n"
    some = await pg.call("query", sql=statement, max_rows=149)
    exactly = await pg.call("query", sql=statement, max_rows=150)

    assert len(some["structuredContent"]["rows"]) == 149
    assert some["structuredContent"]["truncated"] is True
    assert len(exactly["structuredContent"]["rows"]) == 150
    assert exactly["structuredContent"]["truncated"] is False


async def test_bytes_beyond_the_most_are_left_out_or_refused(pg: Sql) -> None:
    wide = await pg.call(
        "query", sql="select repeat('x', 10000) as a from generate_series(1, 100)", max_rows=1000
    )
    one = await pg.refused(f"select repeat('x', {ROWS_BYTES_MAX}) as a")
    endless = await pg.refused("select repeat('x', 100000000) as a")

    assert wide["structuredContent"]["truncated"] is True
    assert 10 < len(wide["structuredContent"]["rows"]) < 100
    assert "one row has more than" in one
    assert "the result has more than" in endless
    assert await pg.value("select 1 as one") == 1


async def test_who_hangs_up_ends_the_statement_in_the_database(pg: Sql, postgres: Postgres) -> None:
    statement = "select count(*) as n from orders a, generate_series(1, 1000000000)"
    task = asyncio.create_task(pg.rows(statement, seconds=60.0))
    running = (
        "select count(*) as n from pg_stat_activity where state = 'active' and usename = 'reader'"
    )
    while not (await asyncio.to_thread(postgres.fetch, running))[0]["n"]:
        await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.wait({task})
    async with asyncio.timeout(5.0):
        while (await asyncio.to_thread(postgres.fetch, running))[0]["n"]:
            await asyncio.sleep(0.02)


# -- faults


async def test_an_error_says_its_first_line_and_its_code_and_no_more(
    pg: Sql, postgres: Postgres
) -> None:
    await run(
        postgres,
        "create function fail() returns int language plpgsql as $$ begin"
        " raise exception 'no luck' using detail = 'SECRET-ROW', hint = 'SECRET-HINT'; end $$",
    )
    try:
        said = await pg.refused("select fail() as a")
    finally:
        await run(postgres, "drop function fail")

    assert said == "no luck (P0001)"
    assert await pg.refused("select 1/0 as a") == "division by zero (22012)"
    assert await pg.refused("select 1 as a, 2 as a") != ""


async def test_a_wrong_password_is_told_without_it(pg: Sql, postgres: Postgres) -> None:
    pg.credential = Credential((("password", Secret("hunter2-wrong")),))
    with pytest.raises(Fault) as caught:
        await pg.transport.discover(pg.credential)

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert "the role or its credential is refused" in caught.value.private
    assert "hunter2" not in caught.value.private


async def test_a_password_that_was_changed_is_used_from_the_next_call_on(
    postgres: Postgres,
) -> None:
    await run(postgres, f"create role changing login password '{PASSWORD}'")
    try:
        async with on_postgres(reader(postgres, "changing")) as sql:
            await sql.value("select 1 as one")
            await run(postgres, "alter role changing password 'another-one'")
            sql.credential = Credential((("password", Secret("another-one")),))
            found = await sql.value("select 2 as two")
            held = {session.password.reveal() for session in sql.engine._used}  # type: ignore[attr-defined]
            held |= {session.password.reveal() for session in sql.engine._idle}  # type: ignore[attr-defined]
    finally:
        await run(postgres, "drop role changing")

    assert found == 2
    assert held <= {b"another-one"}


async def test_after_the_database_ended_every_connection_the_next_call_works(
    pg: Sql, postgres: Postgres
) -> None:
    await asyncio.gather(*(pg.value("select 1 as one") for _ in range(8)))
    await asyncio.sleep(0.1)
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'reader'"
    await run(postgres, ended)

    answers = await asyncio.gather(*(pg.value("select 2 as two") for _ in range(20)))

    assert answers == [2] * 20


async def test_the_driver_never_looks_for_a_password_elsewhere(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    async with on_postgres(reader(postgres)) as sql:
        with pytest.raises(Fault):
            await sql.transport.discover(Credential())
