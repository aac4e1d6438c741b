"""What Prometheus reads. A finished request is put with others and counted with them: at once they
cost a tenth of what they cost one by one. Nobody sees the difference, because who reads counts first.

Labels are bounded: a tool appears only if the catalogue knows it, a caller's key never does, and
past `SERIES_MAX` everything new is counted under the tool `other`.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable
from operator import attrgetter
from typing import Final, final

from yett.core.summary import Summary
from yett.telemetry.counts import CallKey, Counts, Histogram

SERIES_MAX: Final = 10_000
TOGETHER: Final = 64
"""So many requests are counted at once, unless somebody asks before."""
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_call_key: Final[Callable[[Summary], CallKey]] = attrgetter("server", "tool", "decision", "reason")


@final
class Metrics:
    """One per process. `observe` is an observer of the audit domain."""

    def __init__(self) -> None:
        self._counts = Counts()
        self._waiting: deque[Summary] = deque()
        self._counting = threading.Lock()

    def observe(self, summary: Summary) -> None:
        """Count one finished request. Called by one thread only."""
        waiting = self._waiting
        waiting.append(summary)
        if len(waiting) >= TOGETHER:
            self._count()

    def _count(self) -> None:
        """Count what waits. Any thread may call this."""
        waiting, counts = self._waiting, self._counts
        with self._counting:
            batch = [waiting.popleft() for _ in range(len(waiting))]
            for key, number in Counter(map(_call_key, batch)).items():
                self._add_calls(key, number)
            counts.seconds.add([summary.seconds for summary in batch])
            upstreams: dict[str, list[float]] = {}
            for summary in batch:
                took = summary.upstream_seconds
                if took is not None:
                    upstreams.setdefault(summary.server or "", []).append(took)
                if summary.cost_micros:
                    spent = counts.spend.get(summary.currency, 0)
                    counts.spend[summary.currency] = spent + summary.cost_micros
                for finding in summary.findings:
                    counts.findings[finding] = counts.findings.get(finding, 0) + 1
            for server, seconds in upstreams.items():
                counts.upstreams.setdefault(server, Histogram()).add(seconds)

    def watch_gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show what `read` returns at each scrape, e.g. whether the audit log is writable."""
        self._counts.watched[name] = ("gauge", text, read)

    def watch_counter(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a number that only grows; its name appears with `_total`."""
        self._counts.watched[name] = ("counter", text, read)

    def watch_gauges(
        self, name: str, text: str, label: str, read: Callable[[], dict[str, float]]
    ) -> None:
        """As `watch_gauge`, one for each value of a label; `read` returns few, and always the same."""
        self._counts.watched_by_label[name] = (text, label, read)

    def render(self) -> bytes:
        """Return the Prometheus text format, for `CONTENT_TYPE`. Any thread may call this."""
        from yett.telemetry.prometheus import show  # noqa: PLC0415 - slow to import, for who reads

        self._count()
        return show(self._counts)

    def _add_calls(self, key: CallKey, number: int) -> None:
        """Begin a series where there is none, or put it with the others once there are too many."""
        calls = self._counts.calls
        if key not in calls and len(calls) >= SERIES_MAX:
            key = ("", "other", key[2], key[3])
        calls[key] = calls.get(key, 0) + number
