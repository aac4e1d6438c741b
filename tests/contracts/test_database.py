"""What every Database promises."""

import re
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clock import HandClock
from tests.needs import needs_postgres
from tests.postgres import Postgres, serving_postgres
from yett.core.address import parse_storage
from yett.core.errors import Fault
from yett.core.secret import Secret
from yett.credentials.build import open_vault
from yett.credentials.config import VaultConfig
from yett.storage.build import open_database
from yett.storage.migrate import shipped_migrations
from yett.storage.place import PostgresPlace
from yett.storage.port import Database, Value

NAMES = ["sqlite", pytest.param("postgresql", marks=needs_postgres)]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with serving_postgres() as serving:
        yield serving


@pytest.fixture(params=NAMES, name="opener")
def _opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Database]:
    if request.param == "sqlite":
        return lambda: open_database(tmp_path)
    postgres: Postgres = request.getfixturevalue("postgres")
    name = f"yett_{secrets.token_hex(4)}"
    postgres.run(f"create database {name}")
    address = f"postgresql://postgres@127.0.0.1:{postgres.port}/{name}"
    place = PostgresPlace(parse_storage(address), Secret(postgres.password), None)
    return lambda: open_database(tmp_path, place)


@pytest.fixture
def database(opener: Callable[[], Database]) -> Iterator[Database]:
    opened = opener()
    yield opened
    opened.close()


@pytest.fixture
def other(opener: Callable[[], Database], database: Database) -> Iterator[Database]:
    """A second way to the same data, as another process has."""
    opened = opener()
    yield opened
    opened.close()


def put(database: Database, name: str, value: str = "x") -> None:
    with database.transaction() as transaction:
        transaction.execute("insert into facts (name, value) values (?, ?)", (name, value))


def names(database: Database) -> list[object]:
    return [row[0] for row in database.fetch("select name from facts order by name")]


def test_what_is_committed_is_seen_by_others(database: Database, other: Database) -> None:
    put(database, "one")
    assert names(other) == ["one"]


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as transaction:
            transaction.execute("insert into facts (name, value) values (?, ?)", ("a", "b"))
            assert transaction.fetch("select name from facts") == [("a",)]
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(database) == []
    put(database, "still usable")


def test_execute_tells_how_many_rows_changed(database: Database) -> None:
    put(database, "one")
    put(database, "two")
    with database.transaction() as transaction:
        assert transaction.execute("delete from facts") == 2


def test_version_changes_with_own_commits_and_those_of_others(
    database: Database, other: Database
) -> None:
    seen = {database.version()}
    assert database.version() in seen
    put(database, "own")
    seen.add(database.version())
    put(other, "foreign")
    seen.add(database.version())
    assert len(seen) == 3
    assert database.version() in seen


def test_a_bad_statement_is_a_fault_in_and_out_of_a_transaction(database: Database) -> None:
    with pytest.raises(Fault):
        database.fetch("select nonsense")
    with pytest.raises(Fault), database.transaction() as transaction:
        transaction.execute("insert into nowhere values (1)")
    with pytest.raises(Fault), database.transaction() as transaction:
        transaction.fetch("select nonsense")
    put(database, "still usable")


def test_a_closed_database_is_a_fault(database: Database) -> None:
    database.close()
    with pytest.raises(Fault):
        database.version()
    with pytest.raises(Fault), database.transaction():
        pass


def test_threads_may_write_at_the_same_time(database: Database, other: Database) -> None:
    def write(to: Database, prefix: str) -> None:
        for number in range(20):
            put(to, f"{prefix}{number}")

    threads = [
        threading.Thread(target=write, args=(to, f"{index}-"))
        for index, to in enumerate((database, database, other, other))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(names(database)) == 80


def test_every_kind_of_value_comes_back_as_it_went(database: Database) -> None:
    values: dict[str, Value] = {
        "a": b"\x00\xff",
        "b": 1.5,
        "c": 2**53,
        "d": "text with ' and ? in it",
        "e": "",
    }
    for name, value in values.items():
        with database.transaction() as transaction:
            transaction.execute("insert into facts (name, value) values (?, ?)", (name, value))

    assert {str(row[0]): row[1] for row in database.fetch("select * from facts")} == values
    assert database.fetch("select name from facts where name = '?' or value = ?", (1.5,)) == [
        ("b",)
    ]


def test_who_reads_before_writing_loses_no_write(database: Database, other: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute("insert into facts (name, value) values ('count', ?)", (0,))

    def add(to: Database) -> None:
        for _ in range(25):
            with to.transaction() as transaction:
                ((count,),) = transaction.fetch("select value from facts where name = 'count'")
                assert isinstance(count, int)
                transaction.execute("update facts set value = ? where name = 'count'", (count + 1,))

    threads = [threading.Thread(target=add, args=(to,)) for to in (database, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert database.fetch("select value from facts where name = 'count'") == [(50,)]


def test_a_change_of_a_key_is_counted(database: Database) -> None:
    def counted() -> Value:
        rows = database.fetch("select value from facts where name = 'keys_version'")
        return rows[0][0] if rows else 0

    columns = "id, name, tenant, environment, roles, digest, created_at"
    for number, statement in enumerate(
        (
            f"insert into keys ({columns}) values ('a', 'a', 't', 'live', '[]', ?, 1)",
            "update keys set digest = ? where id = 'a'",
            "delete from keys where digest = ?",
        ),
        1,
    ):
        with database.transaction() as transaction:
            transaction.execute(statement, (b"digest",))
        assert counted() == number


def test_a_vault_finds_its_honeytokens_and_which_of_them_is_damaged(
    database: Database, tmp_path: Path
) -> None:
    vault = open_vault(VaultConfig(), data=tmp_path, database=database, clock=HandClock())
    for name in ("one", "two"):
        vault.put_honeytoken(name, Secret(f"nobody-needs-{name}"), cuts=False)
    vault.put("other", Secret("a-secret"), servers=("rec",))
    with database.transaction() as transaction:
        transaction.execute("update secrets set ciphertext = ? where name = ?", (b"x" * 40, "one"))

    found = vault.honeytokens()

    assert ([trap.name for trap in found.read], list(found.lost)) == (["two"], ["one"])


def test_every_trigger_has_its_counterpart() -> None:
    for migration in shipped_migrations():
        triggers = set(re.findall(r"create trigger (\w+)", " ".join(migration.statements)))
        named = set(re.findall(r"create trigger (\w+)", migration.postgres))
        assert named == triggers, migration.number
