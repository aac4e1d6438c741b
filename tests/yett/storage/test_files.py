"""A file is there whole, old or new, whatever happens while it is written."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from yett.storage.files import create_private, write_whole


@pytest.fixture(params=[0o000, 0o077], ids=["open umask", "strict umask"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_has_the_mode_that_was_asked_for(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    for content in (b"old", b"new"):
        write_whole(path, content, mode=mode)

        assert path.read_bytes() == content
        assert path.stat().st_mode & 0o777 == mode


def test_a_symlink_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")

    write_whole(tmp_path / "link", b"new", mode=0o600)

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_what_cannot_be_put_in_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(OSError, match="folder"):
        write_whole(tmp_path / "folder", b"new", mode=0o600)

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_cannot_be_written_leaves_the_old_content_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with pytest.raises(TypeError):
        write_whole(path, "no bytes", mode=0o600)  # type: ignore[arg-type]  # stands for a full disk

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("umask")
def test_of_many_who_make_a_private_file_at_once_the_first_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "key"
    seen: list[bytes] = []

    def make(number: int) -> None:
        create_private(path, b"%d" % number * 100)
        seen.append(path.read_bytes())

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)

    assert len(seen) == 8
    assert len(set(seen)) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"first")

    create_private(tmp_path / "key", b"second")

    assert (tmp_path / "key").read_bytes() == b"first"
