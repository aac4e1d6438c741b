"""Keys in memory, for tests and trials. Fails on demand as a database does."""

from collections.abc import Iterable
from typing import final

from yett.authentication.port import StoredKey, StoreState
from yett.core.errors import Fault
from yett.core.reasons import Reason


@final
class MemoryKeyStore:
    """broken: while set, everything raises."""

    def __init__(self, keys: Iterable[StoredKey] = ()) -> None:
        self._keys = {key.id: key for key in keys}
        self._version = 0
        self._newest_time = 0.0
        self.broken = False

    def put(self, key: StoredKey) -> None:
        self._keys[key.id] = key
        self._version += 1

    def state(self) -> StoreState:
        self._check()
        return StoreState(self._version, self._newest_time)

    def load(self) -> dict[str, StoredKey]:
        self._check()
        return dict(self._keys)

    def keep_time(self, at: float) -> None:
        self._check()
        self._newest_time = max(self._newest_time, at)

    def forget_time(self, at: float) -> None:
        """Put the newest time back, as an operator may."""
        self._newest_time = at

    def _check(self) -> None:
        if self.broken:
            raise Fault(Reason.INTERNAL_ERROR, "the store of keys is broken")
