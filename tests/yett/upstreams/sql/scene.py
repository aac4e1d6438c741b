"""The server before a database as a test sees it: a transport, and short words for its three tools."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.postgres import Postgres
from yett.core.identity import Principal
from yett.core.proofs import Credential
from yett.core.secret import Secret
from yett.upstreams.backends.sql.engine import Engine
from yett.upstreams.backends.sql.postgres import PostgresEngine
from yett.upstreams.backends.sql.sqlite import SqliteEngine
from yett.upstreams.backends.sql.transport import SqlTransport
from yett.upstreams.databases import Dialect, PostgresAddress
from yett.upstreams.port import Beside

PASSWORD: Final = "only-for-this-cluster"
ACME: Final = Principal(id="k-acme", name="ann", tenant="acme", roles=("reader",))
GLOBEX: Final = Principal(id="k-globex", name="gus", tenant="globex", roles=("reader", "other"))


class Sql:
    def __init__(self, engine: Engine, dialect: Dialect) -> None:
        self.engine = engine
        self.dialect = dialect
        self.transport = SqlTransport(engine, dialect)
        self.credential = Credential((("password", Secret(PASSWORD)),))

    def parsed(self, text: str) -> Any:
        return json.loads(text)

    async def call(
        self, tool: str, *, principal: Principal = ACME, seconds: float = 10.0, **arguments: Any
    ) -> dict[str, Any]:
        """Return the result of a tool, an error of the tool included."""
        exchange = await self.transport.request(
            "tools/call",
            {"name": tool, "arguments": arguments},
            credential=self.credential,
            deadline_seconds=seconds,
            beside=Beside(principal=principal),
        )
        assert exchange.result is not None, exchange.error
        return exchange.result

    async def rows(self, sql: str, *parameters: Any, **others: Any) -> list[dict[str, Any]]:
        result = await self.call("query", sql=sql, parameters=list(parameters), **others)
        assert not result.get("isError"), result["content"]
        rows: list[dict[str, Any]] = result["structuredContent"]["rows"]
        return rows

    async def value(self, sql: str, *parameters: Any, **others: Any) -> Any:
        """Return the only value of the only row."""
        [row] = await self.rows(sql, *parameters, **others)
        [value] = row.values()
        return value

    async def refused(self, sql: str, *parameters: Any, **others: Any) -> str:
        """Return what is said of a statement that must not be run, or fail."""
        result = await self.call("query", sql=sql, parameters=list(parameters), **others)
        assert result.get("isError"), result
        return str(result["content"][0]["text"])


def reader(postgres: Postgres, name: str = "reader", database: str = "postgres") -> PostgresAddress:
    return PostgresAddress("127.0.0.1", postgres.port, name, database)


@asynccontextmanager
async def on_postgres(address: PostgresAddress, *tables: str) -> AsyncIterator[Sql]:
    sql = Sql(PostgresEngine(address, None, tables), "postgres")
    try:
        yield sql
    finally:
        await sql.transport.close()


@asynccontextmanager
async def on_sqlite(path: Path, *tables: str) -> AsyncIterator[Sql]:
    sql = Sql(SqliteEngine(path, tables), "sqlite")
    try:
        yield sql
    finally:
        await sql.transport.close()
