"""What every Database promises."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from yett.core.errors import Fault
from yett.storage.build import open_database
from yett.storage.port import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def other(tmp_path: Path, database: Database) -> Iterator[Database]:
    """A second way to the same data, as another process has."""
    opened = open_database(tmp_path)
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
            transaction.execute("insert into facts (name, value) values ('a', 'b')")
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
