"""What every LockStore promises."""

import threading
from pathlib import Path

import pytest

from tests.yett.catalogue.scene import pin, tool
from yett.catalogue.backends.lock_file import LockFile
from yett.catalogue.backends.memory import MemoryLockStore
from yett.catalogue.lock import Lock, with_pins
from yett.catalogue.port import LockStore
from yett.core.operations import Kind


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LockStore:
    if request.param == "memory":
        return MemoryLockStore()
    return LockFile(tmp_path / "yett.lock")


def put(store: LockStore, name: str) -> Lock:
    pins = {name: pin("s", tool(name))}
    return store.update(lambda lock: with_pins(lock, "s", Kind.TOOL, pins))


def test_nothing_written_is_an_empty_lock(store: LockStore) -> None:
    assert store.read() == Lock()


def test_an_update_returns_what_is_read_from_then_on(store: LockStore) -> None:
    changed = put(store, "a")
    assert list(changed.servers["s"].tools) == ["a"]
    assert store.read() == changed


def test_the_stamp_differs_after_a_change_only(store: LockStore) -> None:
    stamps = [store.stamp()]
    for name in ("a", "b"):
        put(store, name)
        stamps.append(store.stamp())
    assert len(set(stamps)) == 3
    store.update(lambda lock: lock)
    store.read()
    assert store.stamp() == stamps[-1]


def test_changes_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=put, args=(LockFile(tmp_path / "yett.lock"), f"t{number}"))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert len(LockFile(tmp_path / "yett.lock").read().servers["s"].tools) == 8
