from collections.abc import Iterator
from pathlib import Path

import pytest

from yett.core.target import JSON
from yett.storage import outbox
from yett.storage.build import open_database
from yett.storage.port import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    yield opened
    opened.close()


def post(database: Database, *names: str) -> None:
    with database.transaction() as transaction:
        for name in names:
            outbox.post(transaction, {"event": name, "actor": "cli:test"}, 12.5)


def test_events_come_out_once_in_order_with_time_and_own_id(database: Database) -> None:
    post(database, "one", "two", "three")
    taken: list[dict[str, JSON]] = []
    assert outbox.drain(database, taken.append, limit=2) == 2
    assert outbox.drain(database, taken.append) == 1
    assert outbox.drain(database, taken.append) == 0
    assert [event["event"] for event in taken] == ["one", "two", "three"]
    assert {event["at"] for event in taken} == {12.5}
    assert len({event["event_id"] for event in taken}) == 3


def test_an_event_of_a_change_that_was_undone_never_existed(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as transaction:
            outbox.post(transaction, {"event": "undone"}, 1.0)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert outbox.drain(database, lambda _: None) == 0


def test_what_the_sink_did_not_take_comes_again(database: Database) -> None:
    post(database, "one", "two", "three")
    taken: list[str] = []

    def full_disk(event: dict[str, JSON]) -> None:
        if event["event"] == "two":
            raise OSError("no space")
        taken.append(event["event"])

    with pytest.raises(OSError, match="no space"):
        outbox.drain(database, full_disk)
    assert taken == ["one"]
    rest: list[str] = []
    outbox.drain(database, lambda event: rest.append(event["event"]))
    assert rest == ["two", "three"]
