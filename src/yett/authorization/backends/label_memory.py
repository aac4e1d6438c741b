"""Labels in memory, for tests and trials. Fails on demand as a database does."""

from collections.abc import Mapping
from typing import final

from yett.core.errors import Fault
from yett.core.reasons import Reason


@final
class MemoryLabelStore:
    """broken: while set, everything raises."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], float] = {}
        self.broken = False

    def load(self) -> dict[tuple[str, str], float]:
        self._check()
        return dict(self._seen)

    def news(self) -> dict[tuple[str, str], float]:
        return {}

    def keep(self, seen: Mapping[tuple[str, str], float], forget_before: float) -> None:
        self._check()
        for key, at in seen.items():
            self._seen[key] = max(at, self._seen.get(key, at))
        self._seen = {key: at for key, at in self._seen.items() if at >= forget_before}

    def _check(self) -> None:
        if self.broken:
            raise Fault(Reason.INTERNAL_ERROR, "the store of labels does not answer")
