"""What every `Transport` must do, told of the server before a database: both of its engines."""

import asyncio
from typing import Any

import pytest

from tests.yett.upstreams.sql.scene import ACME, GLOBEX, Sql
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.upstreams.backends.sql.definitions import definitions
from yett.upstreams.port import Beside, Era
from yett.validation.schema import compile_any, compile_schema

# As long as it may take; nothing in it grows.
SLOW = "select count(*) as n from orders a, orders b, orders c, orders d, orders e, orders f"


def placed(sql: Sql, text: str) -> str:
    """Write placeholders in the way of the database."""
    return text if sql.dialect == "sqlite" else text.replace("?", "$1")


async def test_a_call_returns_columns_and_rows_twice_alike(sql: Sql) -> None:
    statement = placed(sql, "select id, tenant from orders where id = ?")
    result = await sql.call("query", sql=statement, parameters=[4])

    structured = result["structuredContent"]
    assert [column["name"] for column in structured["columns"]] == ["id", "tenant"]
    assert structured["rows"] == [{"id": 4, "tenant": "acme"}]
    assert structured["truncated"] is False
    assert sql.parsed(result["content"][0]["text"]) == structured


async def test_discovery_shows_three_tools_that_validation_takes(sql: Sql) -> None:
    found = await sql.transport.discover(sql.credential)

    assert [tool["name"] for tool in found.tools] == ["query", "list_tables", "describe_table"]
    assert found.tools == definitions(sql.dialect)
    for tool in found.tools:
        assert tool["inputSchema"]["additionalProperties"] is False
        compile_schema(tool["inputSchema"], open_=False)
        compile_any(tool["outputSchema"], open_=True)


async def test_the_era_is_known_after_the_first_contact(sql: Sql) -> None:
    before = sql.transport.era, sql.transport.version
    await sql.transport.discover(sql.credential)

    assert before == (None, None)
    assert (sql.transport.era, sql.transport.version) == (Era.MODERN, "2026-07-28")
    assert sql.transport.last_words() == ()


async def test_what_it_does_not_have_is_an_error_as_of_any_server(sql: Sql) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("resources/read", {"uri": "x:y"}),
        ("tools/call", {"name": "drop", "arguments": {}}),
    ]
    codes = []
    for method, params in asked:
        exchange = await sql.transport.request(
            method,
            params,
            credential=sql.credential,
            deadline_seconds=5.0,
            beside=Beside(principal=ACME),
        )
        assert exchange.error is not None
        codes.append(exchange.error.code)
    watched = await sql.transport.watch("x:y", credential=sql.credential, deadline_seconds=1.0)
    sql.transport.unwatch("x:y")

    assert codes == [-32601, -32602]
    assert watched.error is not None


async def test_without_a_caller_nothing_is_asked(sql: Sql) -> None:
    for beside in (None, Beside(owner="somebody")):
        with pytest.raises(Fault) as caught:
            await sql.transport.request(
                "tools/call",
                {"name": "list_tables", "arguments": {}},
                credential=sql.credential,
                deadline_seconds=5.0,
                beside=beside,
            )
        assert caught.value.reason is Reason.INTERNAL_ERROR


async def test_two_hundred_calls_at_once_get_their_own_answers(sql: Sql) -> None:
    statement = placed(sql, "select ? || '' as said from orders limit 1")
    answers = await asyncio.gather(
        *(sql.value(statement, f"canary-{number}", seconds=30.0) for number in range(200))
    )

    assert answers == [f"canary-{number}" for number in range(200)]


async def test_a_statement_that_takes_too_long_is_ended_and_the_caller_told(sql: Sql) -> None:
    await sql.value("select 1 as one")
    began = asyncio.get_running_loop().time()
    said = await sql.refused(SLOW, seconds=2.0)
    took = asyncio.get_running_loop().time() - began

    assert "took longer" in said
    assert took < 5.0
    assert await sql.value("select 2 as two") == 2


async def test_a_caller_who_hangs_up_harms_no_other(sql: Sql) -> None:
    await sql.value("select 1 as one")
    waiting = [asyncio.create_task(sql.rows(SLOW, seconds=60.0)) for _ in range(10)]
    await asyncio.sleep(0.2)
    for task in waiting:
        task.cancel()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    began = asyncio.get_running_loop().time()
    after = await sql.value("select 3 as three")

    assert all(isinstance(error, asyncio.CancelledError) for error in ended)
    assert after == 3
    assert asyncio.get_running_loop().time() - began < 10.0


async def test_one_tenant_leaves_room_for_another(sql: Sql) -> None:
    await sql.value("select 1 as one")
    waiting = [asyncio.create_task(sql.refused(SLOW, seconds=30.0)) for _ in range(20)]
    await asyncio.sleep(0.3)
    began = asyncio.get_running_loop().time()
    other = await sql.value("select 3 as three", principal=GLOBEX)
    took = asyncio.get_running_loop().time() - began
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert other == 3
    assert took < 10.0


async def test_who_waits_too_long_is_told_so_and_the_database_is_not_blamed(sql: Sql) -> None:
    """A fault would count against the server, and keep other tenants out."""
    await sql.value("select 1 as one")
    said = await asyncio.gather(*(sql.refused(SLOW, seconds=3.0) for _ in range(30)))

    assert {text.split(",")[0].split(";")[0][:14] for text in said} == {
        "it took longer",
        "too many state",
    }
    assert await sql.value("select 3 as three") == 3


async def test_a_closed_transport_asks_nothing(sql: Sql) -> None:
    await sql.value("select 1 as one")
    await sql.transport.close()
    await sql.transport.close()

    with pytest.raises(Fault) as caught:
        await sql.call("list_tables")
    with pytest.raises(Fault):
        await sql.transport.discover(sql.credential)

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert not caught.value.sent


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("query", {}),
        ("query", {"sql": ""}),
        ("query", {"sql": 1}),
        ("query", {"sql": "select 1 as a\0"}),
        ("query", {"sql": "x" * 20_001}),
        ("query", {"sql": "select 1 as a", "parameters": "x"}),
        ("query", {"sql": "select 1 as a", "parameters": [["x"]]}),
        ("query", {"sql": "select 1 as a", "parameters": [1] * 101}),
        ("query", {"sql": "select 1 as a", "parameters": ["a\0b"]}),
        ("query", {"sql": "select 1 as a", "max_rows": 1001}),
        ("query", {"sql": "select 1 as a", "max_rows": True}),
        ("query", {"sql": "select 1 as a", "database": "other"}),
        ("describe_table", {"table": 1}),
        ("describe_table", {"table": "a\nb"}),
        ("describe_table", {"table": "orders", "more": 1}),
    ],
)
async def test_arguments_that_the_schema_would_refuse_are_refused_here_too(
    sql: Sql, tool: str, arguments: dict[str, Any]
) -> None:
    result = await sql.call(tool, **arguments)

    assert result["isError"]
