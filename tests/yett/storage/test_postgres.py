"""What only a database of several gates can do: be away, come back, forget, be a replica."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.clock import HandClock
from tests.needs import needs_postgres
from tests.postgres import Postgres, serving_postgres
from yett.authorization.backends.label_table import DatabaseLabelStore
from yett.authorization.labels import Labels
from yett.core.address import parse_storage
from yett.core.errors import CommandError, Fault
from yett.core.secret import Secret
from yett.storage.build import open_database
from yett.storage.outbox import drain, post
from yett.storage.place import PostgresPlace
from yett.storage.port import Database

pytestmark = needs_postgres
Opener = Callable[[], Database]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with serving_postgres() as serving:
        yield serving


@pytest.fixture
def name(postgres: Postgres) -> str:
    fresh = f"yett_{secrets.token_hex(4)}"
    postgres.run(f"create database {fresh}")
    return fresh


@pytest.fixture
def opener(postgres: Postgres, name: str, tmp_path: Path) -> Iterator[Opener]:
    opened: list[Database] = []

    def open_one() -> Database:
        address = parse_storage(f"postgresql://postgres@127.0.0.1:{postgres.port}/{name}")
        place = PostgresPlace(address, Secret(postgres.password), None)
        opened.append(open_database(tmp_path, place))
        return opened[-1]

    yield open_one
    for database in opened:
        database.close()


def put(database: Database, fact: str) -> None:
    with database.transaction() as transaction:
        transaction.execute("insert into facts (name, value) values (?, ?)", (fact, 1))


def cut_off(postgres: Postgres, name: str) -> None:
    """As a restart does: every connection of the moment is gone."""
    postgres.run(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")


def test_a_database_that_was_away_is_used_again_without_a_word(
    postgres: Postgres, name: str, opener: Opener
) -> None:
    database = opener()
    put(database, "a")
    cut_off(postgres, name)

    assert database.fetch("select name from facts") == [("a",)]
    cut_off(postgres, name)
    put(database, "b")
    assert database.version() == 3


def test_while_it_is_away_everything_is_a_fault(
    postgres: Postgres, name: str, opener: Opener
) -> None:
    database = opener()
    postgres.run(f"alter database {name} allow_connections false")
    cut_off(postgres, name)
    for use in (database.version, lambda: database.fetch("select 1"), lambda: put(database, "a")):
        with pytest.raises(Fault):
            use()
    postgres.run(f"alter database {name} allow_connections true")

    put(database, "b")
    assert database.fetch("select name from facts") == [("b",)]


def test_a_transaction_that_loses_its_connection_leaves_nothing_and_says_so(
    postgres: Postgres, name: str, opener: Opener
) -> None:
    database = opener()

    def lose_it() -> None:
        with database.transaction() as transaction:
            transaction.execute("insert into facts (name, value) values ('a', ?)", (1,))
            cut_off(postgres, name)
            transaction.execute("insert into facts (name, value) values ('b', ?)", (1,))

    with pytest.raises(Fault):
        lose_it()

    assert database.fetch("select name from facts") == []


def test_a_gate_that_stands_still_in_a_change_keeps_others_from_theirs_not_for_long(
    opener: Opener,
) -> None:
    still, other = opener(), opener()
    entered, done = threading.Event(), threading.Event()

    def stand_still() -> None:
        with suppress(Fault), still.transaction():
            entered.set()
            done.wait(20)

    thread = threading.Thread(target=stand_still)
    thread.start()
    entered.wait(5)
    assert other.fetch("select count(*) from facts") == [(0,)]  # who reads does not wait at all
    began = time.monotonic()
    while True:
        try:
            put(other, "a")
            break
        except Fault:
            assert time.monotonic() - began < 10
    done.set()
    thread.join()
    assert other.fetch("select name from facts") == [("a",)]


def test_one_that_has_forgotten_a_change_is_not_used_any_more(
    postgres: Postgres, name: str, opener: Opener
) -> None:
    """As one that was restored, or a replica that took over and was behind: it may have forgotten that
    a key was revoked."""
    database, other = opener(), opener()
    for fact in ("a", "b"):
        put(database, fact)
    newest = database.version()
    postgres.run(f"delete from changes where number = {newest}", database=name)
    put(other, "c")  # another gate was quicker, and the number is the same as before
    for _ in range(2):
        with pytest.raises(Fault, match="forgotten"):
            database.version()
        with pytest.raises(Fault, match="forgotten"):
            database.fetch("select 1")
        with pytest.raises(Fault, match="forgotten"):
            put(database, "d")

    assert opener().version() == newest  # who starts anew has been told by the operator


def test_a_replica_a_wrong_password_and_a_newer_schema_are_refused(
    postgres: Postgres, name: str, opener: Opener, tmp_path: Path
) -> None:
    opener()
    address = parse_storage(f"postgresql://postgres@127.0.0.1:{postgres.port}/{name}")
    with pytest.raises(Fault) as caught:
        open_database(tmp_path, PostgresPlace(address, Secret("wrong"), None))
    assert "wrong" not in caught.value.private
    postgres.run("update schema_version set number = 999", database=name)
    with pytest.raises(CommandError, match="newer Yett"):
        opener()


def test_an_event_is_taken_by_one_gate_however_many_look(opener: Opener) -> None:
    gates = [opener() for _ in range(3)]
    for number in range(30):
        with gates[0].transaction() as transaction:
            post(transaction, {"event": f"e{number}"}, 1.0)
    taken: list[str] = []
    threads = [
        threading.Thread(target=drain, args=(gate, lambda event: taken.append(event["event"])))
        for gate in gates
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert taken == [f"e{number}" for number in range(30)]


def test_an_event_that_cannot_be_written_stays_with_those_after_it(opener: Opener) -> None:
    database = opener()
    for event in ("a", "b", "c"):
        with database.transaction() as transaction:
            post(transaction, {"event": event}, 1.0)
    taken: list[str] = []

    def fill_the_disk(event: dict[str, object]) -> None:
        if event["event"] == "b":
            raise KeyError
        taken.append(str(event["event"]))

    with pytest.raises(KeyError):
        drain(database, fill_the_disk)
    drain(database, lambda event: taken.append(event["event"]))
    assert taken == ["a", "b", "c"]


def test_what_a_caller_saw_at_one_gate_binds_it_at_the_others(opener: Opener) -> None:
    clock = HandClock()
    here, there = (Labels(DatabaseLabelStore(opener()), clock) for _ in range(2))
    for labels in (here, there):
        labels.window_seconds = 3600.0
        labels.save()
        labels.take_over()
    here.touch("k1", "", frozenset({"private"}))
    here.save()
    assert there.touched("k1", "") == frozenset()

    there.save()
    there.take_over()

    assert there.touched("k1", "") == frozenset({"private"})
