import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clock import HandClock
from tests.yett.authentication.calls import BOTH, PEPPER, call
from yett.authentication.backends.database import DatabaseKeyStore
from yett.authentication.registry import KeyRegistry
from yett.authentication.stage import Authenticator
from yett.core.errors import CommandError, Denied
from yett.core.target import JSON
from yett.storage import outbox
from yett.storage.build import open_database
from yett.storage.port import Database

DAY = 86400.0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def registry(database: Database, clock: HandClock) -> KeyRegistry:
    return KeyRegistry(database, PEPPER, clock, actor="cli:anna")


@pytest.fixture
def gate(database: Database, clock: HandClock) -> Authenticator:
    return Authenticator(DatabaseKeyStore(database), PEPPER, clock=clock, environments=BOTH)


def events(database: Database) -> list[dict[str, JSON]]:
    taken: list[dict[str, JSON]] = []
    outbox.drain(database, taken.append)
    return taken


async def test_a_created_key_opens_the_gate(
    registry: KeyRegistry, gate: Authenticator, database: Database
) -> None:
    issued = registry.create("laptop", ["writer", "reader", "reader"], lifetime_seconds=90 * DAY)
    gate.refresh()
    principal = gate.identify(call(issued.key)).principal
    assert principal.roles == ("reader", "writer")
    (event,) = events(database)
    assert event["event"] == "key.created"
    assert event["actor"] == "cli:anna"
    assert event["key"] == issued.stored.id
    assert issued.key.reveal_text() not in repr(event)


def test_the_secret_is_nowhere_in_the_data(
    registry: KeyRegistry, database: Database, tmp_path: Path
) -> None:
    issued = registry.create("laptop", ["reader"], lifetime_seconds=DAY)
    registry.rotate("laptop", overlap_seconds=DAY, lifetime_seconds=DAY)
    database.close()
    secret = issued.key.reveal().rsplit(b"_", 1)[1][:43]
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert issued.stored.id.encode() in content
    assert secret not in content


def test_a_name_is_taken_until_its_key_is_revoked(registry: KeyRegistry, clock: HandClock) -> None:
    first = registry.create("laptop", ["reader"], lifetime_seconds=DAY)
    with pytest.raises(CommandError, match="another name"):
        registry.create("laptop", ["reader"], lifetime_seconds=DAY)
    registry.revoke("laptop")
    clock.pass_seconds(1)
    second = registry.create("laptop", ["reader"], lifetime_seconds=DAY)
    assert registry.show("laptop").id == second.stored.id
    assert registry.show(first.stored.id).revoked_at is not None
    assert [key.id for key in registry.list()] == [first.stored.id, second.stored.id]


def test_of_two_keys_made_at_once_under_one_name_one_is_refused(
    registry: KeyRegistry, tmp_path: Path
) -> None:
    outcomes: list[str] = []

    def create() -> None:
        own = open_database(tmp_path)
        try:
            KeyRegistry(own, PEPPER, HandClock(), actor="x").create(
                "same", ["reader"], lifetime_seconds=DAY
            )
            outcomes.append("made")
        except CommandError:
            outcomes.append("refused")
        finally:
            own.close()

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
    assert len(registry.list()) == 1


async def test_rotation_keeps_the_old_secret_for_the_overlap_only(
    registry: KeyRegistry, gate: Authenticator, clock: HandClock, database: Database
) -> None:
    old = registry.create("laptop", ["reader"], lifetime_seconds=10 * DAY)
    new = registry.rotate("laptop", overlap_seconds=DAY, lifetime_seconds=10 * DAY)
    assert new.stored.id == old.stored.id
    gate.refresh()
    gate.identify(call(old.key))
    gate.identify(call(new.key))
    clock.pass_seconds(DAY)
    gate.refresh()
    gate.identify(call(new.key))
    with pytest.raises(Denied, match="rotated away"):
        gate.identify(call(old.key))
    assert [event["event"] for event in events(database)] == ["key.created", "key.rotated"]


def test_rotation_does_not_prolong_the_old_secret(registry: KeyRegistry) -> None:
    old = registry.create("laptop", ["reader"], lifetime_seconds=3600)
    new = registry.rotate("laptop", overlap_seconds=DAY, lifetime_seconds=10 * DAY)
    assert new.stored.previous_until == old.stored.expires_at


async def test_rotation_without_overlap_ends_the_old_secret_at_once(
    registry: KeyRegistry, gate: Authenticator
) -> None:
    old = registry.create("laptop", ["reader"], lifetime_seconds=DAY)
    registry.rotate(old.stored.id, overlap_seconds=0, lifetime_seconds=DAY)
    gate.refresh()
    with pytest.raises(Denied):
        gate.identify(call(old.key))


async def test_revocation_is_final_told_once_and_ends_both_secrets(
    registry: KeyRegistry, gate: Authenticator, database: Database
) -> None:
    old = registry.create("laptop", ["reader"], lifetime_seconds=DAY)
    new = registry.rotate("laptop", overlap_seconds=DAY, lifetime_seconds=DAY)
    revoked = registry.revoke("laptop")
    assert registry.revoke(old.stored.id) == revoked
    gate.refresh()
    for key in (old.key, new.key):
        with pytest.raises(Denied, match="revoked"):
            gate.identify(call(key))
    with pytest.raises(CommandError, match="revoked"):
        registry.rotate(old.stored.id, overlap_seconds=0, lifetime_seconds=DAY)
    assert [event["event"] for event in events(database)].count("key.revoked") == 1


def test_an_unknown_key_is_told_with_where_to_look(registry: KeyRegistry) -> None:
    for ask in (
        registry.show,
        registry.revoke,
        lambda name: registry.rotate(name, overlap_seconds=0, lifetime_seconds=1),
    ):
        with pytest.raises(CommandError, match="yett key list"):
            ask("nobody")


@pytest.mark.parametrize("name", ["", "-x", "a b", "a\n", "x" * 64, "ключ"])
def test_a_name_that_would_not_do_is_refused(registry: KeyRegistry, name: str) -> None:
    with pytest.raises(CommandError, match="cannot name a key"):
        registry.create(name, ["reader"], lifetime_seconds=DAY)


@pytest.mark.parametrize("tenant", ["", "A", "a b", "x" * 64])
def test_a_tenant_that_would_not_do_is_refused(registry: KeyRegistry, tenant: str) -> None:
    with pytest.raises(CommandError, match="cannot name a tenant"):
        registry.create("laptop", ["reader"], lifetime_seconds=DAY, tenant=tenant)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 3651 * DAY])
def test_a_key_must_expire(registry: KeyRegistry, seconds: float) -> None:
    with pytest.raises(CommandError, match="must expire"):
        registry.create("laptop", ["reader"], lifetime_seconds=seconds)
    assert registry.list() == []


async def test_a_clock_that_went_back_is_told_and_may_be_accepted(
    registry: KeyRegistry, gate: Authenticator, clock: HandClock, database: Database
) -> None:
    clock.pass_seconds(1000 * DAY)
    gate.refresh()
    clock.pass_seconds(-1000 * DAY)
    with pytest.raises(CommandError, match="yett key clock --accept"):
        registry.create("laptop", ["reader"], lifetime_seconds=DAY)
    registry.accept_clock()
    registry.accept_clock()
    issued = registry.create("laptop", ["reader"], lifetime_seconds=DAY)
    gate.refresh()
    gate.identify(call(issued.key))
    assert [event["event"] for event in events(database)] == ["clock.accepted", "key.created"]
