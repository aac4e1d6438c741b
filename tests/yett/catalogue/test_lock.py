import fcntl
import os
from pathlib import Path

import pytest

from tests.yett.catalogue.scene import accept, lock_of, pin, tool
from yett.catalogue.backends import lock_file
from yett.catalogue.backends.lock_file import LockFile
from yett.catalogue.definitions import examine
from yett.catalogue.lock import Lock, decode_lock, encode_lock, with_pins
from yett.catalogue.pinning import Classes, pin_first_sight
from yett.catalogue.port import Definitions
from yett.core.errors import ConfigurationError, Fault
from yett.core.operations import Kind

LOCK = lock_of("time", Definitions(tools=(tool("now"), tool("then", big=2**70))))


def test_a_lock_reads_back_as_it_was_written() -> None:
    assert decode_lock(encode_lock(LOCK), "x") == LOCK
    assert decode_lock(encode_lock(Lock()), "x") == Lock()


def test_the_text_is_the_same_whatever_the_order_was() -> None:
    one = with_pins(
        with_pins(Lock(), "b", Kind.TOOL, {"x": pin("b", tool("x"))}), "a", Kind.TOOL, {}
    )
    two = with_pins(
        with_pins(Lock(), "a", Kind.TOOL, {}), "b", Kind.TOOL, {"x": pin("b", tool("x"))}
    )
    assert encode_lock(one) == encode_lock(two)
    text = encode_lock(one).decode()
    assert text.endswith("}\n")
    assert '\n  "servers": {\n    "a": {\n' in text
    assert "quarantined" not in text


def test_large_integers_leave_the_text_as_reviewable() -> None:
    small = lock_of("time", Definitions(tools=(tool("now", big=2**60),)))
    large = lock_of("time", Definitions(tools=(tool("now", big=2**70),)))
    lines = encode_lock(small).decode().splitlines(), encode_lock(large).decode().splitlines()
    differing = [pair for pair in zip(*lines, strict=True) if pair[0] != pair[1]]
    assert len(differing) == 2  # the number and the digest


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"version": 2, "servers": {}}',
        b'{"version": 1, "servers": {}, "extra": 1}',
        b'{"version": 1, "servers": {"a": {"tools": {"x": {}}}}}',
        b'{"version": 1, "servers": {"a": {"tools": {}}, "a": {}}}',
        b'{"version": 1, "servers": {"a": {"tols": {}}}}',
        b"\xef\xbb\xbf" + encode_lock(LOCK),
        encode_lock(LOCK)[:-20],
        b"<<<<<<< HEAD\n" + encode_lock(LOCK),
        encode_lock(LOCK).replace(b'"read"', b'"admin"'),
        encode_lock(LOCK).replace(b"Does it", b"Does IT"),
        encode_lock(LOCK).replace(b'"now": {', b'"later": {'),
        encode_lock(LOCK).replace(b'"time": {', b'"other": {'),
    ],
)
def test_a_damaged_lock_is_told_and_never_taken_for_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "yett.lock"
    path.write_bytes(content)
    file = LockFile(path)
    with pytest.raises(ConfigurationError, match=r"damaged.*Git"):
        file.read()
    with pytest.raises(ConfigurationError):
        file.update(lambda lock: lock)
    assert path.read_bytes() == content


def test_a_lock_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "yett.lock").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        LockFile(tmp_path / "yett.lock").read()


def test_a_lock_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Fault):
        LockFile(tmp_path / "missing" / "yett.lock").update(lambda _: LOCK)


def test_writing_leaves_nothing_else_behind_and_no_change_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "yett.lock"
    file = LockFile(path)
    file.update(lambda _: LOCK)
    before = file.stamp()
    file.update(lambda lock: lock)
    assert file.stamp() == before
    assert [item.name for item in tmp_path.iterdir()] == ["yett.lock"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_change_that_fails_leaves_the_old_lock(tmp_path: Path) -> None:
    path = tmp_path / "yett.lock"
    LockFile(path).update(lambda _: LOCK)

    def fail(_: Lock) -> Lock:
        raise KeyError

    with pytest.raises(KeyError):
        LockFile(path).update(fail)
    assert LockFile(path).read() == LOCK
    LockFile(path).update(lambda _: Lock())


def test_a_lock_that_somebody_else_keeps_changing_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_file, "_TURN_SECONDS_MAX", 0.1)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(Fault, match="for too long"):
            LockFile(tmp_path / "yett.lock").update(lambda _: LOCK)
    finally:
        os.close(descriptor)
    assert LockFile(tmp_path / "yett.lock").update(lambda _: LOCK) == LOCK


def test_first_sight_leaves_a_server_alone_that_somebody_approved_meanwhile() -> None:
    sight = examine("time", Definitions(tools=(tool("other"),)), accept)
    assert pin_first_sight(LOCK, "time", sight, Classes(), "t") == LOCK


def test_what_is_remembered_of_the_file_is_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "yett.lock"
    kept = LockFile(path)
    for store, lock in ((kept, LOCK), (LockFile(path), Lock()), (LockFile(path), LOCK)):
        store.update(lambda _, lock=lock: lock)  # type: ignore[misc]
        assert kept.read() == LockFile(path).read() == lock
        assert kept.read() is kept.read()

    path.write_bytes(path.read_bytes().replace(b"Does it", b"Does IT"))
    with pytest.raises(ConfigurationError, match="damaged"):
        kept.read()
    path.unlink()
    assert kept.read() == Lock()
