"""How much there was in the last hour: twelve buckets of five minutes, each forgotten when it comes round."""

from array import array
from typing import Final, final

BUCKET_SECONDS: Final = 300.0
_BUCKETS: Final = 12


@final
class Window:
    """Of one thing that is counted. Times: monotonic seconds, so that no clock that is set makes an hour
    longer or shorter."""

    __slots__ = ("_at", "_counts", "_total")

    def __init__(self) -> None:
        self._counts = array("d", bytes(8 * _BUCKETS))
        self._total = 0.0
        self._at = 0

    def add(self, now: float, count: float) -> None:
        at = int(now // BUCKET_SECONDS)
        if at != self._at:
            self._forget(at)
        self._counts[self._at % _BUCKETS] += count
        self._total += count

    def total(self, now: float) -> float:
        """Return the sum of the last hour; its newest five minutes are not full yet."""
        at = int(now // BUCKET_SECONDS)
        if at != self._at:
            self._forget(at)
        return self._total

    def recent(self, now: float, buckets: int) -> float:
        """Return the sum of the newest buckets."""
        self.total(now)
        return sum(self._counts[(self._at - back) % _BUCKETS] for back in range(buckets))

    def _forget(self, at: int) -> None:
        for passed in range(min(at - self._at, _BUCKETS)):
            self._counts[(at - passed) % _BUCKETS] = 0.0
        self._total = sum(self._counts)
        self._at = max(self._at, at)
