"""Statements that must change nothing and read nothing but tables, sent past validation."""

import asyncio
import json
from typing import Any, Final

from tests.needs import CORPORA
from tests.yett.upstreams.sql.scene import Sql

ON_POSTGRES: Final = (
    "select 1; commit; drop table orders",
    "select 1 as a; end; update orders set amount = 0",
    "abort; truncate orders",
    "set transaction read write; delete from orders",
    "set transaction read write",
    "set session characteristics as transaction read write",
    "begin read write",
    "commit",
    "commit and chain",
    "rollback",
    "delete from orders",
    "update orders set amount = 0 returning id",
    "insert into orders values (1000, 'acme', 1) returning id",
    "with gone as (delete from orders returning id) select id from gone",
    "with made as (insert into orders values (1000, 'acme', 1) returning id) select id from made",
    "select * into stolen from orders",
    "create table stolen as select 1 as a",
    "create temp table stolen (a int)",
    "select id from orders for update",
    "copy orders to program 'id'",
    "copy orders to '/tmp/yett-stolen.csv'",
    "copy (select 1) to program 'touch /tmp/yett-stolen'",
    "select pg_read_file('/etc/passwd') as a",
    "select pg_read_binary_file('/etc/passwd') as a",
    "select pg_ls_dir('.') as a",
    "select lo_import('/etc/passwd') as a",
    "select lo_from_bytea(0, 'x') as a",
    "select set_config('yett.tenant', 'globex', true) as a",
    "with t as materialized (select set_config('yett.tenant', 'globex', true) as x) select * from t, orders",
    "select U&\"set\\005fconfig\"('yett.tenant', 'globex', true) as a",
    "select \"set_config\"('yett.tenant', 'globex', true) as a, id from orders",
    "select query_to_xml('select * from salaries', true, true, '') as a",
    "select table_to_xml('salaries', true, true, '') as a",
    "select pg_terminate_backend(1) as a",
    "select pg_sleep(1) as a",
    "select query from pg_stat_activity",
    "select * from pg_catalog.pg_shadow",
    "select * from information_schema.columns",
    "select * from salaries",
    "select amount::text::date from salaries",
    "select (select amount from salaries) as a",
    "select 1 as a where exists (select from salaries)",
    "do $$ begin raise exception 'x'; end $$",
    "do $$ begin perform set_config('yett.tenant', 'globex', true); end $$",
    "lock table orders",
    "notify a, 'b'",
    "listen a",
    "set yett.tenant = 'globex'",
    "set role postgres",
    "set session authorization postgres",
    "reset all",
    "discard all",
    "explain analyze select * from orders",
    "show all",
    "prepare a as select 1",
    "execute a",
    "call nothing()",
    "update pg_settings set setting = 'globex' where name = 'yett.tenant'",
    "table salaries",
    "/* a */ -- b\n ( delete from orders )",
    "/* /* nested */ */ delete from orders",
)

ON_SQLITE: Final = (
    "attach database '/tmp/yett-stolen.db' as stolen",
    "pragma query_only = off",
    "pragma writable_schema = on",
    "select * from pragma_table_info('salaries')",
    "select * from pragma_database_list",
    "select * from sqlite_master",
    "select sql from sqlite_schema",
    "select load_extension('/tmp/x') as a",
    "select readfile('/etc/passwd') as a",
    "select writefile('/tmp/yett-stolen', 'x') as a",
    "select fts3_tokenizer('simple') as a",
    "vacuum into '/tmp/yett-stolen.db'",
    "delete from orders",
    "with a as (select 1) delete from orders",
    "insert into orders values (1000, 'acme', 1) returning id",
    "replace into orders values (1, 'acme', 1)",
    "create table stolen (a)",
    "create temp view stolen as select * from salaries",
    "drop table orders",
    "begin immediate",
    "commit",
    "select 1 as a; delete from orders",
    "select * from salaries",
    "select (select amount from salaries) as a",
    "select 1 as a union select amount from salaries",
    "with recursive t(n) as (select 1 union all select n + 1 from t) select max(n) as n from t",
    "select randomblob(2000000000) as a",
    "select zeroblob(2000000000) as a",
    "select hex(zeroblob(600000)) as a",
    "explain select 1",
    "select yett_tenant('globex') as a",
)


async def answers_to(sql: Sql, statements: list[str]) -> list[dict[str, Any]]:
    """Send them all, a few at a time, past everything that would judge them."""
    few = asyncio.Semaphore(4)

    async def send(statement: str) -> dict[str, Any]:
        async with few:
            return await sql.call("query", sql=statement[:20_000], seconds=5.0)

    return list(await asyncio.gather(*map(send, statements)))


def corpus() -> list[str]:
    """Return the statements of others that write or are meant to break out."""
    lines = (CORPORA / "sql.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [row["sql"] for row in rows if row["label"] in ("write", "injection") and row["sql"]]
