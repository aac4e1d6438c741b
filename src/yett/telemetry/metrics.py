"""What Prometheus reads. Finished requests are counted many at once (`Gathering`).

Labels are bounded: a tool appears only if the catalogue knows it, a caller's key never does, and
past `SERIES_MAX` everything new is counted under the tool `other`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import Final, final

from yett.core.summary import Summary
from yett.telemetry.counts import CallKey, Counts, Histogram

SERIES_MAX: Final = 10_000
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_call_key: Final[Callable[[Summary], CallKey]] = attrgetter("server", "tool", "decision", "reason")
_cost: Final[Callable[[Summary], tuple[str, int]]] = attrgetter("currency", "cost_micros")
_findings: Final[Callable[[Summary], tuple[str, ...]]] = attrgetter("findings")
_seconds: Final[Callable[[Summary], float]] = attrgetter("seconds")
_server: Final[Callable[[Summary], str]] = attrgetter("server")
_upstream_seconds: Final[Callable[[Summary], float]] = attrgetter("upstream_seconds")


@final
class Metrics:
    """One per process."""

    def __init__(self) -> None:
        self._counts = Counts()

    def count(self, finished: Sequence[Summary]) -> None:
        """Count finished requests. Called by one thread at a time."""
        counts = self._counts
        for key, number in Counter(map(_call_key, finished)).items():
            self._add_calls(key, number)
        counts.seconds.add(list(map(_seconds, finished)))
        answered = [one for one in finished if one.upstream_seconds is not None and one.server]
        for server, several in groupby(sorted(answered, key=_server), _server):
            histogram = counts.upstreams.setdefault(server, Histogram())
            histogram.add(list(map(_upstream_seconds, several)))
        for (currency, micros), number in Counter(map(_cost, finished)).items():
            if micros:
                counts.spend[currency] = counts.spend.get(currency, 0) + micros * number
        for finding, number in Counter(chain.from_iterable(map(_findings, finished))).items():
            counts.findings[finding] = counts.findings.get(finding, 0) + number

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

        return show(self._counts)

    def _add_calls(self, key: CallKey, number: int) -> None:
        """Begin a series where there is none, or put it with the others once there are too many."""
        calls = self._counts.calls
        if key not in calls and len(calls) >= SERIES_MAX:
            key = ("", "other", key[2], key[3])
        calls[key] = calls.get(key, 0) + number
