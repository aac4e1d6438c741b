"""One PostgreSQL for all tests of this folder, with two tenants, and a SQLite file for each."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.needs import MACHINE_IS_SET_UP, postgres_programs
from tests.postgres import Postgres, serving_postgres
from tests.yett.upstreams.sql.scene import PASSWORD, Sql, on_postgres, on_sqlite, reader

_TABLES = (
    "create table orders (id int primary key, tenant text not null, amount numeric(10, 2))",
    "create table salaries (id int primary key, amount int)",
    "insert into salaries values (1, 31337)",
)


@pytest.fixture(scope="session", name="postgres")
def _postgres() -> Iterator[Postgres]:
    if postgres_programs() is None and not MACHINE_IS_SET_UP:
        pytest.skip("PostgreSQL is not installed")
    with serving_postgres() as postgres:
        postgres.run(
            *_TABLES,
            "insert into orders select i, case when i % 2 = 0 then 'acme' else 'globex' end, i + 0.5"
            " from generate_series(1, 100) i",
            "alter table orders enable row level security",
            "create policy own on orders using (tenant = current_setting('yett.tenant', true))",
            f"create role reader login password '{PASSWORD}'",
            "grant select on orders to reader",
        )
        yield postgres


@pytest.fixture(name="pg")
async def _pg(postgres: Postgres) -> AsyncIterator[Sql]:
    async with on_postgres(reader(postgres)) as sql:
        yield sql


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    path = tmp_path / "sales.db"
    connection = sqlite3.connect(path)
    for statement in (
        *_TABLES,
        "create view own_orders as select id, amount from orders where tenant = yett_tenant()",
    ):
        connection.execute(statement)
    for number in range(1, 101):
        tenant = "globex" if number % 2 else "acme"
        connection.execute("insert into orders values (?, ?, ?)", (number, tenant, number + 0.5))
    connection.commit()
    connection.close()
    return path


@pytest.fixture(name="lite")
async def _lite(file: Path) -> AsyncIterator[Sql]:
    async with on_sqlite(file, "own_orders", "orders") as sql:
        yield sql


@pytest.fixture(params=["pg", "lite"], name="sql")
def _sql(request: pytest.FixtureRequest) -> Sql:
    found: Sql = request.getfixturevalue(request.param)
    return found
