"""What callers have seen: the labels of the results that left for them, and traces of the texts.

A label holds for the caller, whatever session it opens next, until `window` has passed since it last
saw a result with that label; and in a session for as long as that lives. So nobody gets rid of a
label by beginning anew.
"""

from collections.abc import Callable, Mapping
from typing import Final, final

from yett.authorization.fingerprints import fingerprints
from yett.authorization.port import LabelStore
from yett.core.bounds import (
    FINGERPRINTED_CALLERS_MAX,
    FINGERPRINTS_PER_CALLER_MAX,
    LABELLED_SESSIONS_MAX,
)
from yett.core.clock import Clock
from yett.core.target import JSON

NOTHING: Final[frozenset[str]] = frozenset()

_SLACK: Final = 0.05
"""Of the window: how much later than it was written down a label may have been seen last."""

_COPIED_MIN: Final = 2
"""Fingerprints in common that make a copy; a single one may be a phrase that everybody uses."""


@final
class Labels:
    """One for the life of the process. window_seconds: as configured, set again with each configuration.
    on_first(principal, labels): told when a caller gets labels that it did not have."""

    def __init__(self, store: LabelStore, clock: Clock) -> None:
        """Read what was written down.

        Raises:
            Fault: the store did not answer.
        """
        self.window_seconds = 0.0
        self.on_first: Callable[[str, frozenset[str]], None] = lambda _principal, _labels: None
        self._store = store
        self._clock = clock
        self._seen: dict[str, dict[str, float]] = {}  # by principal and label, monotonic seconds
        self._sessions: dict[tuple[str, str], frozenset[str]] = {}
        self._written: dict[tuple[str, str], float] = {}
        self._news: Mapping[tuple[str, str], float] = {}
        self._texts: dict[str, dict[str, dict[int, None]]] = {}
        self._news = store.load()
        self.take_over()

    def take_over(self) -> None:
        """Take note of what `save` has read: what callers saw at other gates, or before this one began."""
        news, self._news = self._news, {}
        now, at = self._clock.monotonic(), self._clock.wall()
        for (principal, label), seen_at in news.items():
            # A clock that was set back must not make a label older than it is.
            seen = self._seen.setdefault(principal, {})
            seen[label] = max(now - max(0.0, at - seen_at), seen.get(label, float("-inf")))
            self._written[principal, label] = seen_at

    def touched(self, principal: str, session: str) -> frozenset[str]:
        """Return what the caller has seen."""
        seen = self._seen.get(principal)
        if seen is None:
            return NOTHING
        after = self._clock.monotonic() - self.window_seconds * (1 + _SLACK)
        labels = frozenset(label for label, at in seen.items() if at >= after)
        return labels | self._sessions.get((principal, session), NOTHING) if session else labels

    def touch(self, principal: str, session: str, labels: frozenset[str]) -> None:
        """Take note that a result with these labels leaves for the caller."""
        before = self.touched(principal, session)
        seen = self._seen.pop(principal, {})
        now = self._clock.monotonic()
        self._seen[principal] = seen | dict.fromkeys(labels, now)
        if session:
            known = self._sessions.pop((principal, session), NOTHING)
            self._sessions[principal, session] = known | labels
            if len(self._sessions) > LABELLED_SESSIONS_MAX:
                del self._sessions[next(iter(self._sessions))]
        if not labels <= before:
            self.on_first(principal, labels - before)

    def trace(self, principal: str, labels: frozenset[str], result: JSON) -> None:
        """Keep the fingerprints of what the caller sees, to know copies of it again."""
        found = fingerprints(result)
        texts = self._texts.pop(principal, {})
        self._texts[principal] = texts
        for label in labels:
            kept = texts.setdefault(label, {})
            for fingerprint in found:
                kept.pop(fingerprint, None)  # to the end: what was seen last goes last
                kept[fingerprint] = None
            while len(kept) > FINGERPRINTS_PER_CALLER_MAX:
                del kept[next(iter(kept))]
        if len(self._texts) > FINGERPRINTED_CALLERS_MAX:
            del self._texts[next(iter(self._texts))]

    def carried(self, principal: str, arguments: JSON) -> frozenset[str]:
        """Return the labels of results whose text is copied in these arguments."""
        texts = self._texts.get(principal)
        if not texts:
            return NOTHING
        found = fingerprints(arguments)
        enough = min(_COPIED_MIN, len(found))
        return frozenset(
            label for label, kept in texts.items() if enough and len(found & kept.keys()) >= enough
        )

    def save(self) -> None:
        """Write down what is new, and read what others wrote. Any thread but only one at a time.

        Raises:
            Fault: the store did not answer; it is tried again the next time.
        """
        offset = self._clock.wall() - self._clock.monotonic()
        slack = self.window_seconds * _SLACK
        fresh = {
            (principal, label): at + offset
            for principal, seen in list(self._seen.items())
            for label, at in list(seen.items())
            if at + offset > self._written.get((principal, label), float("-inf")) + slack
        }
        if fresh:
            self._store.keep(fresh, self._clock.wall() - self.window_seconds * (1 + _SLACK))
            self._written |= fresh
        self._news = self._store.news()
