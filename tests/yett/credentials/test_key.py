"""The key that opens all others: where it may lie, who may read it, and when it is no key."""

import base64
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clock import HandClock
from yett.core.errors import ConfigurationError
from yett.core.secret import Secret
from yett.credentials.build import open_vault
from yett.credentials.config import VaultConfig
from yett.credentials.key import derive_key, make_key_file, read_key
from yett.credentials.vault import Vault
from yett.credentials.weakness import is_placeholder, is_weak_passphrase
from yett.storage.build import open_database
from yett.storage.port import Database

PASSPHRASE = Secret("correct horse battery staple")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def database(data: Path) -> Iterator[Database]:
    opened = open_database(data)
    yield opened
    opened.close()


def opened(
    data: Path, database: Database, config: VaultConfig | None = None, **more: object
) -> Vault:
    return open_vault(
        config or VaultConfig(),
        data=data,
        database=database,
        clock=HandClock(),
        **more,  # type: ignore[arg-type]  # varied by the tests
    )


def test_first_use_makes_a_key_that_only_its_owner_can_read(data: Path, database: Database) -> None:
    opened(data, database)

    assert stat.S_IMODE((data / "vault.key").stat().st_mode) == 0o600
    assert len(base64.b64decode((data / "vault.key").read_bytes())) == 32
    assert [p.name for p in data.iterdir() if p.name.startswith(".vault")] == []


def test_a_lost_key_is_not_replaced_by_a_new_one(data: Path, database: Database) -> None:
    opened(data, database)
    (data / "vault.key").unlink()

    with pytest.raises(ConfigurationError, match="missing"):
        opened(data, database)
    assert not (data / "vault.key").exists()


def test_production_wants_the_key_elsewhere_and_there_already(
    data: Path, database: Database, tmp_path: Path
) -> None:
    inside = VaultConfig(key_file=str(data / "sub" / ".." / "other.key"))
    outside = VaultConfig(key_file=str(tmp_path / "kept" / "vault.key"))
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(data)

    for config in (VaultConfig(), inside, VaultConfig(key_file=str(tmp_path / "link" / "k"))):
        with pytest.raises(ConfigurationError, match="data directory"):
            opened(data, database, config, production=True)
    with pytest.raises(ConfigurationError, match="missing"):
        opened(data, database, outside, production=True)

    make_key_file(tmp_path / "kept" / "vault.key")
    opened(data, database, outside, production=True)


def test_development_makes_the_key_at_the_place_that_is_named(
    data: Path, database: Database, tmp_path: Path
) -> None:
    opened(data, database, VaultConfig(key_file=str(tmp_path / "elsewhere.key")))

    assert (tmp_path / "elsewhere.key").exists()
    assert not (data / "vault.key").exists()


def test_a_place_that_depends_on_where_a_command_is_started_is_refused(
    data: Path, database: Database
) -> None:
    with pytest.raises(ConfigurationError, match="absolute"):
        opened(data, database, VaultConfig(key_file="vault.key"))


def test_a_place_that_cannot_be_written_is_named(
    data: Path, database: Database, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        opened(data, database, VaultConfig(key_file=str(tmp_path / "none" / "vault.key")))


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o660, 0o666, 0o601, 0o620])
def test_a_key_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    make_key_file(tmp_path / "vault.key")
    (tmp_path / "vault.key").chmod(mode)

    with pytest.raises(ConfigurationError, match="others"):
        read_key(tmp_path / "vault.key")


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440])
def test_owner_and_group_may_read_it(tmp_path: Path, mode: int) -> None:
    make_key_file(tmp_path / "vault.key")
    (tmp_path / "vault.key").chmod(mode)

    assert len(read_key(tmp_path / "vault.key")) == 32


def test_a_key_may_be_raw_or_in_base64(tmp_path: Path) -> None:
    raw = os.urandom(32)
    path = tmp_path / "vault.key"
    path.touch(mode=0o600)
    path.write_bytes(raw)
    assert read_key(path) == Secret(raw)
    path.write_bytes(b"  " + base64.b64encode(raw) + b"\n\n")
    assert read_key(path) == Secret(raw)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"changemechangemechangemechangeme",
        b"\0" * 32,
        base64.b64encode(b"\0" * 32),
        base64.b64encode(b"ab" * 16),
        base64.b64encode(b"0123456789abcdef0123456789abcdef"),
        b"not base64 at all!",
        base64.b64encode(b"\xff\x01\x80short"),
        bytes(range(100, 131)),
        bytes(range(100, 133)),
        bytes(range(256)) * 16,
    ],
)
def test_what_was_not_drawn_at_random_is_no_key_and_is_not_quoted(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "vault.key"
    path.touch(mode=0o600)
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match="32 random bytes") as caught:
        read_key(path)
    if content:
        assert content.decode(errors="replace") not in str(caught.value)


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_key(path)


def test_of_two_processes_that_make_a_key_at_once_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    keys: list[bytes] = []

    def make() -> None:
        make_key_file(path)
        keys.append(read_key(path).reveal())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["vault.key"]


def test_a_passphrase_takes_the_place_of_the_file(data: Path, database: Database) -> None:
    opened(data, database, passphrase=PASSPHRASE).put("token", Secret("x"), servers=())

    assert not (data / "vault.key").exists()
    assert opened(data, database, passphrase=PASSPHRASE).get("token")[0] == Secret("x")
    with pytest.raises(ConfigurationError, match="not the key"):
        opened(data, database, passphrase=Secret("correct horse battery stable"))
    with pytest.raises(ConfigurationError, match="missing"):
        opened(data, database)


def test_a_file_and_a_passphrase_are_one_too_many(data: Path, database: Database) -> None:
    with pytest.raises(ConfigurationError, match="both"):
        opened(data, database, VaultConfig(key_file="/x"), passphrase=PASSPHRASE)


def test_a_changed_salt_is_noticed(data: Path, database: Database) -> None:
    opened(data, database, passphrase=PASSPHRASE)
    with database.transaction() as transaction:
        transaction.execute("update facts set value = x'00' where name = 'vault.salt'")

    with pytest.raises(ConfigurationError, match="salt"):
        opened(data, database, passphrase=PASSPHRASE)


@pytest.mark.parametrize(
    "passphrase",
    ["", "changeme", "short", "aaaaaaaaaaaaaaaaaaaa", "__REPLACE_ME__", "secret-api-key", "password1234",
     "<your passphrase>", "${PASSPHRASE_HERE}", "vault-passphrase", "my secret password"],
)  # fmt: skip
def test_a_weak_passphrase_is_refused_by_its_setting_and_not_quoted(passphrase: str) -> None:
    with pytest.raises(ConfigurationError, match="YETT_VAULT_PASSPHRASE") as caught:
        derive_key(Secret(passphrase), b"0" * 16)
    if passphrase:
        assert passphrase not in str(caught.value).replace("the vault's passphrase", "")


@pytest.mark.parametrize("text", ["changeme", "CHANGE_ME", "replace-me", "<token>", "${TOKEN}", "{{ token }}",
                                  "your-api-key", "YOUR_TOKEN_HERE", "xxxxxxxx", "****", "__INSERT_TOKEN__"])  # fmt: skip
def test_a_forgotten_placeholder_is_known(text: str) -> None:
    assert is_placeholder(Secret(text))


@pytest.mark.parametrize(
    "text", ["ghp_abcdef", "P@ssw0rd", "postgres", "sk-live-1", "x", "your", "a<b>"]
)
def test_a_value_is_not_taken_for_a_placeholder(text: str) -> None:
    assert not is_placeholder(Secret(text))


def test_a_good_passphrase_is_not_weak() -> None:
    assert not is_weak_passphrase(PASSPHRASE)
