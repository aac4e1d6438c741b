import sqlite3
import threading
from pathlib import Path

import pytest

from yett.core.errors import CommandError, Fault
from yett.storage.build import open_database
from yett.storage.migrate import Migration, migrate, shipped_migrations
from yett.storage.sqlite import SQLiteDatabase


def test_the_shipped_migrations_are_numbered_without_a_gap() -> None:
    numbers = [migration.number for migration in shipped_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_each_step_from_each_older_schema_arrives(tmp_path: Path) -> None:
    shipped = shipped_migrations()
    for stop in range(1, len(shipped) + 1):
        database = SQLiteDatabase(tmp_path / f"{stop}.db")
        migrate(database, shipped[:stop])
        migrate(database)
        migrate(database)
        assert database.fetch("pragma user_version") == [(len(shipped),)]
        database.close()


def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    open_database(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "yett.db")
    connection.execute("pragma user_version = 999")
    connection.close()
    with pytest.raises(CommandError, match=r"newer Yett.*Upgrade"):
        open_database(tmp_path)


def test_a_migration_that_fails_leaves_the_old_schema(tmp_path: Path) -> None:
    database = SQLiteDatabase(tmp_path / "x.db")
    broken = (Migration(1, ("create table a (b)",)), Migration(2, ("create table a (b)",)))
    with pytest.raises(Fault):
        migrate(database, broken)
    assert database.fetch("pragma user_version") == [(0,)]
    assert database.fetch("select name from sqlite_master") == []
    database.close()


def test_two_processes_may_start_at_once(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            open_database(tmp_path).close()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert failures == []


def test_directory_and_files_are_private(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "data"
    database = open_database(data)
    with database.transaction() as transaction:
        transaction.execute("insert into facts (name, value) values ('a', 1)")
    assert data.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in data.iterdir()} == {0o600}
    database.close()


def test_an_existing_file_loses_the_rights_of_others(tmp_path: Path) -> None:
    open_database(tmp_path).close()
    (tmp_path / "yett.db").chmod(0o644)
    open_database(tmp_path).close()
    assert (tmp_path / "yett.db").stat().st_mode & 0o777 == 0o600


def test_a_directory_that_everybody_may_write_to_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "open"
    data.mkdir()
    data.chmod(0o777)
    with pytest.raises(CommandError, match="chmod 700"):
        open_database(data)


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="--data"):
        open_database(tmp_path / "file" / "data")


def test_a_file_that_is_no_database_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "yett.db").write_bytes(b"this is no database at all, only text " * 100)
    with pytest.raises(Fault, match="not a database"):
        open_database(tmp_path)


def test_a_path_that_cannot_be_opened_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Fault):
        SQLiteDatabase(tmp_path / "missing" / "x.db")
