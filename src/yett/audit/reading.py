"""Records as people want them: intent and outcome as one, complete, filtered. Pure and streaming.

A record is complete when its last line is met, so records come in the order in which they ended. An
intent that has no outcome (the process died, or the call still runs) is shown with status `unknown`.
"""

import functools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, final

import msgspec
import orjson

from yett.audit.port import AuditSource, LogLine
from yett.audit.words import DECISIONS, Entry, cut, field, has_phrase, target_terms, words
from yett.core.target import JSON

__all__ = ["ANY_END", "KINDS", "Entry", "Filter", "Follower", "Merger", "ended", "merge", "newest", "records", "search", "unpack"]  # fmt: skip

_FIELDS: Final[Entry] = {
    "sequence": None,
    "outcome_sequence": None,
    "at": None,
    "kind": None,
    "id": None,
    "node": None,
    "caller": None,
    "tenant": None,
    "door": None,
    "protocol": None,
    "peer": None,
    "method": None,
    "server": None,
    "tool": None,
    "access": None,
    "definition": None,
    "input": None,
    "input_truncated": False,
    "input_digest": None,
    "policies": [],
    "policy_version": None,
    "cost_micros": 0,
    "currency": None,
    "secrets": [],
    "decision": None,
    "reason": None,
    "private": None,
    "status": "unknown",
    "latency_ms": None,
    "upstream_ms": None,
    "bytes": None,
    "output_digest": None,
    "findings": [],
    "count": None,
}
KINDS: Final = (*sorted(DECISIONS), "event", "segment")
ANY_END: Final = "*"
_OPENED: Final = "audit.opened"
_WINDOWS_BYTES: Final = (256 * 1024, 8 * 1024 * 1024)


@final
class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is given must hold. since, until: ISO 8601 in UTC as in `at`. key: a caller's id
    or name. tool: `SERVER`, `SERVER/TOOL`. kind: one of KINDS, `decision` for all decisions, or
    `all`. text: words that stand in the record one after the other, in any case; the last may go on if
    it ends with `*`. members: any others by name and value; of a list, one that it holds."""

    since: str | None = None
    until: str | None = None
    key: str | None = None
    tool: str | None = None
    server: str | None = None
    tenant: str | None = None
    decision: str | None = None
    reason: str | None = None
    status: str | None = None
    id: str | None = None
    kind: str = "decision"
    text: str | None = None
    members: tuple[tuple[str, str], ...] = ()

    def fits(self, entry: Entry) -> bool:
        """Tell whether a record is wanted."""
        wanted = _wanted(self)
        return (
            self._fits_kind(entry["kind"])
            and (self.since is None or entry["at"] >= self.since)
            and (self.until is None or entry["at"] < self.until)
            and (not wanted or all(_has(entry.get(name), value) for name, value in wanted))
            and (self.key is None or _is_caller(entry.get("caller"), self.key))
            and (self.tool is None or _is_tool(entry, self.tool))
            and (self.text is None or _has_text(entry, self.text))
        )

    def terms(self) -> list[str]:
        """Return what an index must know of every record that fits."""
        found = [field(name, value) for name, value in _wanted(self)]
        if self.kind != "all":
            found.append(field("kind", self.kind))
        if self.key is not None:
            found.append(field("key", self.key))
        if self.tool is not None:
            found.append(field("target", self.tool))
        if self.text is not None:
            wanted = [cut(word) for word in words(self.text)]
            found += wanted[:-1] if self.text.endswith(ANY_END) else wanted
        return found

    def prefix(self) -> str | None:
        """Return how a word of every record that fits begins; None if any may."""
        if self.text is None or not self.text.endswith(ANY_END):
            return None
        wanted = words(self.text)
        return cut(wanted[-1]) if wanted else None

    def _fits_kind(self, kind: str) -> bool:
        if self.kind == "decision":
            return kind in DECISIONS
        return self.kind in (kind, "all")


@functools.lru_cache(maxsize=64)
def _wanted(wanted: Filter) -> tuple[tuple[str, str], ...]:
    """Return the members that are compared as they are."""
    named = {
        "server": wanted.server,
        "tenant": wanted.tenant,
        "decision": wanted.decision,
        "reason": wanted.reason,
        "status": wanted.status,
        "id": wanted.id,
    }
    return (
        *((name, value) for name, value in named.items() if value is not None),
        *wanted.members,
    )


@final
class Merger:
    """Joins lines to records. Holds what is unfinished and nothing else. is_partial: reading begins
    somewhere in the log, so an outcome without intent is nothing that anybody asked for."""

    def __init__(self, *, is_partial: bool = False) -> None:
        self.orphans = 0
        self._open: dict[int, Entry] = {}
        self._is_partial = is_partial

    def take(self, line: LogLine) -> list[Entry]:
        """Return the records that this line completes; lines that are no JSON complete none."""
        members = unpack(line.data)
        if members is None:
            return []
        match members["kind"]:
            case "intent":
                self._open[members["sequence"]] = members
                return []
            case "outcome":
                intent = self._open.pop(members["intent"], None)
                if intent is None and self._is_partial:
                    self.orphans += 1
                    return []
                return [merge(intent or {}, members)]
            case "event" if members.get("event") == _OPENED:
                return [*self.rest(), members]  # what ran when the process died has no outcome
            case _:
                return [ended(members)]

    def rest(self) -> list[Entry]:
        """Return what has no outcome, and forget it."""
        rest = [merge(intent, {}) for intent in self._open.values()]
        self._open.clear()
        return rest


def records(
    lines: Iterable[LogLine], wanted: Filter, *, is_partial: bool = False
) -> Iterator[Entry]:
    """Yield the merged records that fit, in the order in which they ended."""
    merger = Merger(is_partial=is_partial)
    for line in lines:
        if line.complete:
            yield from filter(wanted.fits, merger.take(line))
    yield from filter(wanted.fits, merger.rest())


def search(source: AuditSource, wanted: Filter) -> Iterator[Entry]:
    """Yield the records of a log that fit, skipping segments that ended long before `since`.

    Raises:
        OSError: the log cannot be read.
    """
    names = source.segments()
    first = _first_needed(source, names, wanted.since)
    return records(_lines(source, names[first:]), wanted, is_partial=first > 0)


def newest(source: AuditSource, wanted: Filter, count: int) -> list[Entry]:
    """Return the last `count` records that fit, newest last. Reads a little of the log's end first,
    and more each time that it was not enough.

    Raises:
        OSError: the log cannot be read.
    """
    names = source.segments()
    needed = names[_first_needed(source, names, wanted.since) :]
    for lines in _growing(source, needed):
        found = _last(lines, wanted, count)
        if len(found) == count:
            return list(found)
    entries = records(_lines(source, needed), wanted, is_partial=len(needed) < len(names))
    return list(deque(entries, maxlen=count))


def _growing(source: AuditSource, names: list[str]) -> Iterator[Iterable[LogLine]]:
    """Yield ever longer ends of the log, all of them too short to be the whole."""
    size = source.size(names[-1]) if names else 0
    for window in _WINDOWS_BYTES:
        if window < size:  # the first line is then a fragment, which is no JSON and passed over
            yield source.lines(names[-1], skip_bytes=size - window)
    taken = 1
    while taken < len(names):
        yield _lines(source, names[-taken:])
        taken *= 2


def _last(lines: Iterable[LogLine], wanted: Filter, count: int) -> deque[Entry]:
    """Return the last records that fit, beginning after the last one whose intent lies before `lines`:
    nobody can say whether that one would have fitted."""
    merger = Merger(is_partial=True)
    found: deque[Entry] = deque(maxlen=count)
    orphans = 0
    for line in lines:
        entries = merger.take(line) if line.complete else []
        if merger.orphans > orphans:
            orphans = merger.orphans
            found.clear()
        found.extend(filter(wanted.fits, entries))
    found.extend(filter(wanted.fits, merger.rest()))
    return found


@final
class Follower:
    """Reads on where it stopped. Begins at the end of the log as it is now."""

    def __init__(self, source: AuditSource, wanted: Filter) -> None:
        self._source = source
        self._wanted = wanted
        self._merger = Merger(is_partial=True)
        names = source.segments()
        self._segment = names[-1] if names else ""
        self._offset = 0
        self.poll()  # warms the merger with intents that are still open

    def poll(self) -> list[Entry]:
        """Return the records that were completed since the last time.

        Raises:
            OSError: the log cannot be read.
        """
        found: list[Entry] = []
        for name in self._source.segments():
            if (len(name), name) < (len(self._segment), self._segment):
                continue
            if name != self._segment:
                self._segment, self._offset = name, 0
            for line in self._source.lines(name, skip_bytes=self._offset):
                if not line.complete:
                    break
                self._offset += len(line.data) + 1
                found += filter(self._wanted.fits, self._merger.take(line))
        return found


def _lines(source: AuditSource, names: list[str]) -> Iterator[LogLine]:
    for name in names:
        yield from source.lines(name)


def _first_needed(source: AuditSource, names: list[str], since: str | None) -> int:
    """Return the index of the first segment that may hold a record since then. A segment ended when
    its successor began; one more is read, for calls that ran meanwhile and clocks that jumped."""
    if since is None:
        return 0
    for index in range(len(names) - 1, 0, -1):
        line = next(iter(source.lines(names[index])), None)
        if line is not None and _at(line) < since:
            return max(0, index - 1)
    return 0


def _at(line: LogLine) -> str:
    try:
        return str(orjson.loads(line.data)["at"])
    except (ValueError, KeyError, TypeError):
        return "9"


def unpack(line: bytes) -> Entry | None:
    """Return what a line says, without its seal; None if that is no line of a log."""
    try:
        members: Entry = orjson.loads(line)
        kind = members["kind"]
        is_sound = (
            isinstance(kind, str)
            and isinstance(members["at"], str)
            and isinstance(members["sequence"], int)
            and (kind != "outcome" or isinstance(members["intent"], int))
        )
    except (ValueError, KeyError, TypeError):
        return None
    members.pop("chain", None)
    return members if is_sound else None


def ended(members: Entry) -> Entry:
    """Return the record that one line is: a refusal, a listing, an event."""
    if members["kind"] in ("event", "segment"):
        return members
    return _FIELDS | {"status": "refused"} | members


def merge(intent: Entry, outcome: Entry) -> Entry:
    merged = _FIELDS | intent | outcome
    merged["sequence"] = intent.get("sequence")
    merged["at"] = intent.get("at") or outcome.get("at")
    merged["outcome_sequence"] = outcome.get("sequence")
    merged["kind"] = "call"
    merged.pop("intent", None)
    return merged


def _has(value: JSON, wanted: str) -> bool:
    return value == wanted or (isinstance(value, list) and wanted in value)


def _is_caller(caller: JSON, key: str) -> bool:
    return isinstance(caller, dict) and key in (caller.get("id"), caller.get("name"))


def _is_tool(entry: Entry, tool: str) -> bool:
    return field("target", tool) in target_terms(entry.get("server"), entry.get("tool"))


def _has_text(entry: Entry, text: str) -> bool:
    return has_phrase(entry, words(text), open_ended=text.endswith(ANY_END))
