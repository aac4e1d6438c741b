import threading
from pathlib import Path

import pytest

from tests.clock import HandClock
from tests.yett.authentication.calls import BOTH, call
from yett.authentication.build import build, build_registry
from yett.authentication.pepper import open_pepper
from yett.core.errors import CommandError
from yett.storage.build import open_database


def open_twice(data: Path) -> tuple[bytes, bytes]:
    database = open_database(data)
    try:
        return open_pepper(data, database).reveal(), open_pepper(data, database).reveal()
    finally:
        database.close()


def test_the_pepper_is_made_once_and_private(tmp_path: Path) -> None:
    first, second = open_twice(tmp_path)
    assert first == second
    assert len(first) == 32
    assert (tmp_path / "pepper").stat().st_mode & 0o777 == 0o600
    assert {file.name for file in tmp_path.iterdir()} == {"pepper", "yett.db"}


def test_processes_that_start_at_once_agree_on_one(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.extend(open_twice(tmp_path))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(found) == 12
    assert len(set(found)) == 1


def test_a_lost_pepper_is_not_replaced_silently(tmp_path: Path) -> None:
    open_twice(tmp_path)
    (tmp_path / "pepper").unlink()
    with pytest.raises(CommandError, match="missing"):
        open_twice(tmp_path)
    assert not (tmp_path / "pepper").exists()


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_pepper_is_told(tmp_path: Path, content: bytes) -> None:
    open_twice(tmp_path)
    (tmp_path / "pepper").write_bytes(content)
    with pytest.raises(CommandError, match="damaged"):
        open_twice(tmp_path)


def test_another_pepper_is_told(tmp_path: Path) -> None:
    open_twice(tmp_path)
    (tmp_path / "pepper").write_bytes(b"x" * 32)
    with pytest.raises(CommandError, match="backup"):
        open_twice(tmp_path)


def test_a_pepper_that_others_may_read_is_refused(tmp_path: Path) -> None:
    open_twice(tmp_path)
    (tmp_path / "pepper").chmod(0o640)
    with pytest.raises(CommandError, match="chmod 600"):
        open_twice(tmp_path)


def test_a_pepper_that_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "pepper").mkdir(mode=0o700)
    with pytest.raises(CommandError, match="cannot be read"):
        open_twice(tmp_path)


async def test_what_the_registry_issues_the_built_stage_knows(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    clock = HandClock()
    registry = build_registry(database=database, data=tmp_path, clock=clock, actor="cli:x")
    issued = registry.create("laptop", ["reader"], lifetime_seconds=60)
    gate = build(database=database, data=tmp_path, clock=clock, environments=BOTH)
    assert gate.identify(call(issued.key)).principal.name == "laptop"
    database.close()
