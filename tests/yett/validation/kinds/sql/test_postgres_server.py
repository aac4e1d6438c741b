"""What the guard lets through, asked of a real PostgreSQL as its superuser: T-X X01."""

import asyncio
import random
import re
from collections.abc import Iterator
from typing import Final

import asyncpg
import pytest

from tests.needs import needs_postgres
from tests.postgres import Postgres, serving_postgres
from tests.yett.validation.kinds.sql.statements import READ, REFUSED
from yett.validation.config import SqlArgument
from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql.build import build_guard
from yett.validation.kinds.sql.postgres_functions import FUNCTIONS
from yett.validation.kinds.sql.postgres_nodes import OPERATORS

pytestmark = needs_postgres
VOLATILE: Final = {
    "random": "only computes", "gen_random_uuid": "only computes", "clock_timestamp": "the time",
    "timeofday": "the time", "current_query": "what the caller sent", "currval": "reads the session",
    "lastval": "reads the session", "pg_is_in_recovery": "reads a state", "pg_jit_available": "reads a state",
    "pg_lock_status": "reads a state", "pg_prepared_xact": "reads a state", "pg_blocking_pids": "reads a state",
    "pg_safe_snapshot_blocking_pids": "reads a state", "pg_notification_queue_usage": "reads a state",
    "pg_partition_tree": "reads the catalogue", "pg_partition_ancestors": "reads the catalogue",
    "pg_collation_actual_version": "reads the catalogue", "pg_sequence_last_value": "reads a sequence",
    "pg_xact_commit_timestamp": "reads a state", "pg_is_wal_replay_paused": "reads a state",
    "pg_get_wal_replay_pause_state": "reads a state",
}  # fmt: skip
_SIZES: Final = re.compile(r"pg_\w*_size|pg_(current|last)_(wal|xact)_\w+")
_PIECE: Final = re.compile(r"\w+|'[^']*'|\"[^\"]*\"|\s+|[^\w\s]")
_WRITES: Final = ("25006", "25001")
"""SQLSTATE: of what a transaction refuses that only reads, or that may be undone."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with serving_postgres() as server:
        server.run(
            "CREATE TABLE t (a int, b text, c int, d text, id int, data jsonb, body text)",
            "CREATE TABLE x (a int, b text, id int)",
            "CREATE TABLE y (a int, id int)",
            "CREATE TABLE users (id int, name text)",
            "CREATE TABLE orders (id int, user_id int, total numeric, created_at timestamptz)",
            "CREATE SEQUENCE s",
            "INSERT INTO t VALUES (1, 'x', 2, 'y', 1, '{}', 'z')",
            "INSERT INTO x VALUES (1, 'x', 1)",
        )
        yield server


def test_no_function_that_is_let_through_does_more_than_read(postgres: Postgres) -> None:
    found = postgres.fetch(
        "SELECT DISTINCT proname::text AS name FROM pg_proc WHERE provolatile = 'v'"
    )
    volatile = {row["name"] for row in found} & FUNCTIONS

    assert {name for name in volatile if not _SIZES.fullmatch(name)} <= VOLATILE.keys()


def test_every_operator_that_is_let_through_only_computes(postgres: Postgres) -> None:
    found = postgres.fetch(
        "SELECT DISTINCT o.oprname::text AS name FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode "
        "WHERE p.provolatile = 'v'"
    )

    assert not {row["name"] for row in found} & OPERATORS


def test_what_is_read_here_is_read_there(postgres: Postgres) -> None:
    """The guard's parser is PostgreSQL's: of another version, but it takes the same statements."""
    asyncio.run(_run_all(postgres, READ["postgres"]))


def test_no_mixture_of_statements_gets_through_and_writes(postgres: Postgres) -> None:
    guard = build_guard(SqlArgument())
    dice = random.Random(8)
    pieces = [_PIECE.findall(text) for text in (*READ["postgres"], *REFUSED["postgres"])]
    passed = []
    for _ in range(8_000):
        try:
            passed.append(guard.check(_mixed(dice, pieces), "read"))
        except Unfit:
            continue

    assert len(passed) > 300
    asyncio.run(_run_all(postgres, passed))


def _mixed(dice: random.Random, pieces: list[list[str]]) -> str:
    """Put a part of one statement in place of a part of another."""
    text, other = list(dice.choice(pieces)), dice.choice(pieces)
    for _ in range(dice.randint(1, 2)):
        begin, taken = dice.randrange(len(text)), dice.randrange(len(other))
        text[begin : begin + dice.choice((0, 1, 1, 3))] = other[
            taken : taken + dice.choice((1, 1, 3, 7))
        ]
    return "".join(text)


async def _run_all(postgres: Postgres, statements: object) -> None:
    connection = await asyncpg.connect(postgres.dsn())
    try:
        await connection.execute("SET statement_timeout = 100")
        for statement in statements:  # type: ignore[attr-defined]  # any texts
            await _run(connection, statement)
    finally:
        await connection.close()


async def _run(connection: asyncpg.Connection, statement: str) -> None:
    """In the way of servers that send several statements at once if they are let."""
    await connection.execute("BEGIN TRANSACTION READ ONLY")
    failed = ""
    try:
        await connection.execute(statement)
    except asyncpg.PostgresError as error:
        failed = error.sqlstate or ""
    assert failed not in _WRITES, statement
    assert connection.is_in_transaction(), statement
    await connection.execute("ROLLBACK")
