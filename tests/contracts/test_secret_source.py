"""What every SecretSource promises."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clock import HandClock
from yett.core.errors import Fault
from yett.core.secret import Secret
from yett.credentials.backends.embedded import EmbeddedSource
from yett.credentials.backends.environment import EnvironmentSource
from yett.credentials.backends.file import FileSource
from yett.credentials.backends.memory import MemorySource
from yett.credentials.build import open_vault
from yett.credentials.config import VaultConfig
from yett.credentials.port import SecretSource
from yett.storage.build import open_database


class Subject(NamedTuple):
    """name: of a secret whose value is `first`. change: gives it another value, if that can happen."""

    source: SecretSource
    name: str
    missing: str
    change: Callable[[str], None] | None


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Subject]:
    database = open_database(tmp_path)
    vault = open_vault(VaultConfig(), data=tmp_path, database=database, clock=HandClock())
    vault.put("token", Secret("first"), servers=("github",))

    def rotate(text: str) -> None:
        vault.rotate("token", Secret(text))

    yield Subject(EmbeddedSource(vault), "token", "other", rotate)
    database.close()


@pytest.fixture
def file(tmp_path: Path) -> Subject:
    path = tmp_path / "token"

    def write(text: str) -> None:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(text + "\n")

    write("first")
    return Subject(FileSource(), str(path), str(tmp_path / "other"), write)


@pytest.fixture
def environment() -> Subject:
    return Subject(EnvironmentSource({"TOKEN": "first", "EMPTY": ""}), "TOKEN", "EMPTY", None)


@pytest.fixture
def memory() -> Subject:
    source = MemorySource()
    source.put("token", Secret("first"), servers=("github",))
    return Subject(
        source,
        "token",
        "other",
        lambda text: source.put("token", Secret(text), servers=("github",)),
    )


@pytest.fixture(params=["embedded", "file", "environment", "memory"])
def subject(request: pytest.FixtureRequest) -> Subject:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Subject)
    return found


async def test_a_value_comes_with_the_servers_that_may_be_given_it(subject: Subject) -> None:
    leased = await subject.source.fetch(subject.name, server="github")

    assert leased.value == Secret("first")
    assert leased.servers == ("github",)


async def test_what_is_not_there_is_a_fault(subject: Subject) -> None:
    with pytest.raises(Fault):
        await subject.source.fetch(subject.missing, server="github")


@pytest.mark.parametrize(
    "name", ["**", "../token", "*", "tok?n", "", "token\0", "/", "token/../token"]
)
async def test_a_name_is_taken_literally(subject: Subject, name: str) -> None:
    with pytest.raises(Fault):
        await subject.source.fetch(name, server="github")


async def test_the_mark_stays_while_nothing_changes(subject: Subject) -> None:
    await subject.source.fetch(subject.name, server="github")

    assert subject.source.mark() == subject.source.mark()


@pytest.mark.parametrize("subject", ["embedded", "file", "memory"], indirect=True)
async def test_a_new_value_has_a_new_version_and_moves_the_mark(subject: Subject) -> None:
    assert subject.change is not None
    before = await subject.source.fetch(subject.name, server="github")
    mark = subject.source.mark()

    subject.change("second value")
    after = await subject.source.fetch(subject.name, server="github")

    assert after.value == Secret("second value")
    assert after.version != before.version
    assert subject.source.mark() != mark


async def test_many_may_ask_at_once(subject: Subject) -> None:
    found = await asyncio.gather(
        *[subject.source.fetch(subject.name, server="github") for _ in range(20)]
    )

    assert all(leased.value == Secret("first") for leased in found)
