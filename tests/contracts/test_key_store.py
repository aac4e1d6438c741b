"""What every KeyStore promises."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from yett.authentication.backends.database import DatabaseKeyStore
from yett.authentication.backends.memory import MemoryKeyStore
from yett.authentication.port import KeyStore, StoredKey
from yett.authentication.registry import _write
from yett.core.errors import Fault
from yett.storage.build import open_database

Put = Callable[[StoredKey], None]
Break = Callable[[], None]

KEY = StoredKey(
    id="AAAAAAAAAAAA",
    name="laptop",
    tenant="default",
    environment="live",
    roles=("reader", "writer"),
    digest=b"\x00" * 32,
    created_at=1.5,
    expires_at=100.25,
)
ROTATED = StoredKey(
    id="BBBBBBBBBBBB",
    name="other",
    tenant="acme",
    environment="test",
    roles=(),
    digest=b"\x01" * 32,
    previous_digest=b"\x02" * 32,
    previous_until=7.0,
    created_at=2.0,
    revoked_at=9.0,
)


@pytest.fixture(params=["memory", "database"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[KeyStore, Put, Break]]:
    if request.param == "memory":
        memory = MemoryKeyStore()
        yield memory, memory.put, lambda: setattr(memory, "broken", True)
        return
    database = open_database(tmp_path)

    def put(key: StoredKey) -> None:
        with database.transaction() as transaction:
            _write(transaction, key)

    yield DatabaseKeyStore(database), put, database.close
    database.close()


def test_keys_come_back_as_they_were_put(store: tuple[KeyStore, Put, Break]) -> None:
    keys, put, _ = store
    assert keys.load() == {}
    put(KEY)
    put(ROTATED)
    assert keys.load() == {KEY.id: KEY, ROTATED.id: ROTATED}


def test_the_version_differs_after_each_change_of_a_key(store: tuple[KeyStore, Put, Break]) -> None:
    keys, put, _ = store
    versions = [keys.state().version]
    for key in (KEY, ROTATED, KEY):
        put(key)
        versions.append(keys.state().version)
    assert len(set(versions)) == len(versions)
    assert keys.state().version == versions[-1]


def test_keeping_the_time_never_goes_back_and_is_no_change_of_a_key(
    store: tuple[KeyStore, Put, Break],
) -> None:
    keys, put, _ = store
    put(KEY)
    before = keys.state()
    assert before.newest_time == 0.0
    keys.keep_time(50.5)
    keys.keep_time(20.0)
    assert keys.state().newest_time == 50.5
    assert keys.state().version == before.version


def test_a_store_that_cannot_be_read_is_a_fault(store: tuple[KeyStore, Put, Break]) -> None:
    keys, put, break_it = store
    put(KEY)
    break_it()
    for ask in (keys.state, keys.load, lambda: keys.keep_time(1.0)):
        with pytest.raises(Fault):
            ask()


def test_a_damaged_row_makes_the_whole_store_unreadable(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    with database.transaction() as transaction:
        _write(transaction, KEY)
        transaction.execute("update keys set roles = 'not json'")
    with pytest.raises(Fault, match="damaged"):
        DatabaseKeyStore(database).load()
    database.close()
