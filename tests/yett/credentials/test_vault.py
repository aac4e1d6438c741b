"""Nothing comes out of the vault but the right value, for the right key, from an untouched row."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.yett.credentials.samples import CANARY
from yett.core.bounds import SECRET_BYTES_MAX
from yett.core.errors import ConfigurationError, Fault
from yett.core.secret import Secret
from yett.credentials.build import open_vault
from yett.credentials.config import VaultConfig
from yett.credentials.envelope import Envelope, Label, Sealed
from yett.credentials.honeytokens import HONEYTOKENS_MAX
from yett.credentials.vault import UnknownSecretError, Vault
from yett.storage.build import open_database
from yett.storage.outbox import drain
from yett.storage.port import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def vault(tmp_path: Path, database: Database) -> Vault:
    return open_vault(VaultConfig(), data=tmp_path, database=database, clock=HandClock())


def events(database: Database) -> list[dict[str, object]]:
    taken: list[dict[str, object]] = []
    drain(database, taken.append)
    return taken


def test_what_was_put_in_comes_out(vault: Vault) -> None:
    assert vault.put("token", Secret(CANARY), servers=("b", "a", "b")) == 1

    value, version, servers = vault.get("token")

    assert (value, version, servers) == (Secret(CANARY), 1, ("a", "b"))


def test_a_rotation_keeps_the_servers_and_forgets_the_old_value(
    vault: Vault, database: Database
) -> None:
    vault.put("token", Secret("old"), servers=("github",))
    assert vault.rotate("token", Secret("new")) == 2

    assert vault.get("token") == (Secret("new"), 2, ("github",))
    assert database.fetch("select count(*) from secrets") == [(1,)]


def test_what_is_not_there_can_be_neither_rotated_nor_removed(vault: Vault) -> None:
    with pytest.raises(UnknownSecretError):
        vault.rotate("token", Secret("x"))
    with pytest.raises(UnknownSecretError):
        vault.remove("token")


def test_a_removed_secret_is_gone(vault: Vault) -> None:
    vault.put("token", Secret("x"), servers=())
    vault.remove("token")

    assert vault.names() == []
    with pytest.raises(Fault):
        vault.get("token")


def test_each_change_posts_its_event_without_the_value(vault: Vault, database: Database) -> None:
    vault.put("token", Secret(CANARY), servers=("github",), actor="cli:ada")
    vault.rotate("token", Secret(CANARY + "2"), actor="cli:ada")
    vault.remove("token", actor="cli:ada")

    posted = events(database)

    assert [event["event"] for event in posted] == [
        "secret.stored",
        "secret.rotated",
        "secret.removed",
    ]
    assert {event["actor"] for event in posted} == {"cli:ada"}
    assert posted[1]["version"] == 2
    assert CANARY not in str(posted)


def test_a_listing_tells_age_and_servers_but_no_value(tmp_path: Path, database: Database) -> None:
    clock = HandClock()
    vault = open_vault(VaultConfig(), data=tmp_path, database=database, clock=clock)
    vault.put("token", Secret(CANARY), servers=("github",))
    clock.pass_seconds(60)

    (info,) = vault.names()

    assert (info.name, info.version, info.servers, info.age_seconds) == (
        "token",
        1,
        ("github",),
        60,
    )
    assert CANARY not in repr(info)


@pytest.mark.parametrize(
    "name",
    ["**", "*", "../x", "x/../y", "/etc/passwd", "", "A", "a b", "a\n", "a\0", "é", "a" * 64, "-a"],
)
def test_a_glob_or_a_path_is_no_name(vault: Vault, name: str) -> None:
    vault.put("x", Secret("value"), servers=("github",))

    with pytest.raises(ValueError, match="name"):
        vault.put(name, Secret("value"), servers=())
    with pytest.raises(ValueError, match="name"):
        vault.rotate(name, Secret("value"))
    with pytest.raises(Fault):
        vault.get(name)


@pytest.mark.parametrize("value", [b"", b"x" * (SECRET_BYTES_MAX + 1)])
def test_an_empty_or_a_huge_value_is_refused(vault: Vault, value: bytes) -> None:
    with pytest.raises(ValueError, match="value"):
        vault.put("token", Secret(value), servers=())


def test_no_byte_of_a_value_lies_in_the_data_directory(vault: Vault, tmp_path: Path) -> None:
    for number in range(50):
        vault.put(f"token-{number}", Secret(f"{CANARY}-{number}" * 20), servers=("github",))
    vault.rotate("token-1", Secret(CANARY * 5))
    vault.remove("token-2")

    found = [p for p in tmp_path.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]

    assert len(list(tmp_path.rglob("*"))) >= 2
    assert found == []


def test_another_key_opens_nothing(tmp_path: Path, database: Database, vault: Vault) -> None:
    vault.put("token", Secret(CANARY), servers=("github",))
    other = Vault(Envelope(Secret(os.urandom(32))), database=database, clock=HandClock())

    with pytest.raises(Fault) as caught:
        other.get("token")
    assert CANARY not in str(caught.value)
    assert other.confirm() is False


def test_rows_that_were_swapped_do_not_open(vault: Vault, database: Database) -> None:
    vault.put("mine", Secret("attackers own"), servers=("evil",))
    vault.put("theirs", Secret(CANARY), servers=("bank",))
    columns = "wrapped_key, nonce, ciphertext"
    (row,) = database.fetch(f"select {columns} from secrets where name = 'theirs'")
    with database.transaction() as transaction:
        transaction.execute(
            "update secrets set wrapped_key = ?, nonce = ?, ciphertext = ? where name = 'mine'", row
        )

    with pytest.raises(Fault):
        vault.get("mine")


@pytest.mark.parametrize(
    "change",
    [
        'update secrets set servers = \'["bank","evil"]\'',
        "update secrets set servers = '[]'",
        "update secrets set servers = 'no json'",
        "update secrets set servers = '{}'",
        "update secrets set version = 7",
        "update secrets set name = 'other'",
        "update secrets set nonce = x'00'",
        "update secrets set nonce = zeroblob(12)",
        "update secrets set ciphertext = x''",
        "update secrets set wrapped_key = x''",
        "update secrets set wrapped_key = zeroblob(60)",
    ],
)
def test_a_changed_row_is_a_fault_and_never_another_value(
    vault: Vault, database: Database, change: str
) -> None:
    vault.put("token", Secret(CANARY), servers=("bank",))
    with database.transaction() as transaction:
        transaction.execute(change)

    with pytest.raises(Fault):
        vault.get("other" if "name" in change else "token")


_LABEL = Label("token", 3, ("a", "b"))


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(min_size=1, max_size=200),
    st.sampled_from(["wrapped_key", "nonce", "ciphertext"]),
    st.data(),
)
def test_one_flipped_bit_anywhere_closes_the_envelope(
    value: bytes, field: str, data: st.DataObject
) -> None:
    envelope = Envelope(Secret(bytes(range(32))))
    sealed = envelope.seal(Secret(value), _LABEL)
    parts = {
        "wrapped_key": sealed.wrapped_key,
        "nonce": sealed.nonce,
        "ciphertext": sealed.ciphertext,
    }
    place = data.draw(st.integers(0, len(parts[field]) * 8 - 1))
    changed = bytearray(parts[field])
    changed[place // 8] ^= 1 << place % 8
    parts[field] = bytes(changed)

    assert envelope.open(sealed, _LABEL) == Secret(value)
    with pytest.raises(Fault):
        envelope.open(Sealed(**parts), _LABEL)


def test_the_same_value_never_looks_the_same_twice() -> None:
    envelope = Envelope(Secret(bytes(range(32))))

    first, second = envelope.seal(Secret("x"), _LABEL), envelope.seal(Secret("x"), _LABEL)

    assert first.ciphertext != second.ciphertext
    assert first.wrapped_key != second.wrapped_key


def test_a_key_of_another_size_is_no_key() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Envelope(Secret(b"x" * 16))


def test_the_mark_moves_for_every_kind_of_change_and_for_nothing_else(
    vault: Vault, database: Database
) -> None:
    marks = [vault.mark()]
    vault.put("token", Secret("x"), servers=("a",))
    marks.append(vault.mark())
    vault.put("token", Secret("x"), servers=("a", "b"))
    marks.append(vault.mark())
    vault.rotate("token", Secret("y"))
    marks.append(vault.mark())
    vault.remove("token")
    marks.append(vault.mark())
    vault.put("token", Secret("x"), servers=("a",))
    marks.append(vault.mark())
    assert all(before != after for before, after in itertools.pairwise(marks))

    with database.transaction() as transaction:
        transaction.execute("insert into facts (name, value) values ('unrelated', x'00')")

    assert vault.mark() == marks[-1]


def test_the_check_value_cannot_be_taken_for_another_key(vault: Vault, database: Database) -> None:
    assert vault.confirm() is True
    with database.transaction() as transaction:
        transaction.execute("update facts set value = x'00' where name = 'vault.check'")

    assert vault.confirm() is False


def test_a_vault_reopens_with_the_same_key_and_not_with_another(
    tmp_path: Path, database: Database, vault: Vault
) -> None:
    vault.put("token", Secret(CANARY), servers=("github",))
    again = open_vault(VaultConfig(), data=tmp_path, database=database, clock=HandClock())
    assert again.get("token")[0] == Secret(CANARY)

    (tmp_path / "vault.key").write_bytes(os.urandom(32))
    with pytest.raises(ConfigurationError, match="not the key"):
        open_vault(VaultConfig(), data=tmp_path, database=database, clock=HandClock())


# Honeytokens


def test_a_honeytoken_in_a_row_that_was_changed_takes_no_other_with_it(
    vault: Vault, database: Database
) -> None:
    planted = {name: Secret(f"planted-value-of-{name}") for name in ("a", "b", "c", "d")}
    for name, value in planted.items():
        vault.put_honeytoken(name, value, cuts=name == "d")
    vault.put("token", Secret(CANARY), servers=("github",))
    with database.transaction() as transaction:
        transaction.execute("update secrets set ciphertext = ? where name = 'a'", (b"x" * 40,))
        transaction.execute("update secrets set nonce = ? where name = 'b'", (b"",))
        transaction.execute("update secrets set servers = servers || ']' where name = 'c'")

    found = vault.honeytokens()

    assert [(trap.name, trap.value, trap.cuts) for trap in found.read] == [
        ("d", planted["d"], True)
    ]
    assert list(found.lost) == ["a", "b", "c"]
    assert vault.put_honeytoken("a", planted["a"], cuts=False) == 2
    assert [trap.name for trap in vault.honeytokens().read] == ["a", "d"]


def test_there_are_no_more_honeytokens_than_are_looked_for(vault: Vault) -> None:
    for number in range(HONEYTOKENS_MAX):
        vault.put_honeytoken(f"n{number}", Secret("planted-value-of-it"), cuts=False)
    with pytest.raises(ValueError, match="more are not looked for"):
        vault.put_honeytoken("another", Secret("planted-value-of-it"), cuts=False)

    assert vault.put_honeytoken("n0", Secret("planted-value-of-it"), cuts=True) == 2
    assert len(vault.honeytokens().read) == HONEYTOKENS_MAX
