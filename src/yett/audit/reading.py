"""Records as people want them: intent and outcome as one, complete, filtered. Pure and streaming.

A record is complete when its last line is met, so records come in the order in which they ended. An
intent that has no outcome (the process died, or the call still runs) is shown with status `unknown`.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final, final

import msgspec
import orjson

from yett.audit.port import AuditSource, LogLine
from yett.core.target import JSON

Entry = dict[str, JSON]

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
_DECISIONS: Final = frozenset({"call", "refusal", "listing", "own"})
KINDS: Final = (*sorted(_DECISIONS), "event", "segment")
_OPENED: Final = "audit.opened"
_WINDOWS_BYTES: Final = (256 * 1024, 8 * 1024 * 1024)


@final
class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is given must hold. since, until: ISO 8601 in UTC as in `at`. key: a caller's id
    or name. tool: `SERVER`, `SERVER/TOOL`. kind: one of KINDS, `decision` for all decisions, or
    `all`. text: found anywhere in the record, whatever its case."""

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

    def fits(self, entry: Entry) -> bool:
        return (
            self._fits_kind(entry["kind"])
            and (self.since is None or entry["at"] >= self.since)
            and (self.until is None or entry["at"] < self.until)
            and all(
                wanted is None or entry.get(field) == wanted
                for field, wanted in (
                    ("server", self.server),
                    ("tenant", self.tenant),
                    ("decision", self.decision),
                    ("reason", self.reason),
                    ("status", self.status),
                    ("id", self.id),
                )
            )
            and (self.key is None or _is_caller(entry.get("caller"), self.key))
            and (self.tool is None or _is_tool(entry, self.tool))
            and (self.text is None or self.text.lower() in _text(entry))
        )

    def _fits_kind(self, kind: str) -> bool:
        if self.kind == "decision":
            return kind in _DECISIONS
        return self.kind in (kind, "all")


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
        try:
            members: Entry = orjson.loads(line.data)
            kind = members["kind"]
        except (ValueError, KeyError, TypeError):
            return []
        members.pop("chain", None)
        match kind:
            case "intent":
                self._open[members["sequence"]] = members
                return []
            case "outcome":
                intent = self._open.pop(members["intent"], None)
                if intent is None and self._is_partial:
                    self.orphans += 1
                    return []
                return [_merge(intent or {}, members)]
            case "event" if members["event"] == _OPENED:
                return [*self.rest(), members]  # what ran when the process died has no outcome
            case "event" | "segment":
                return [members]
            case _:
                return [_FIELDS | {"status": "refused"} | members]

    def rest(self) -> list[Entry]:
        """Return what has no outcome, and forget it."""
        rest = [_merge(intent, {}) for intent in self._open.values()]
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


def _merge(intent: Entry, outcome: Entry) -> Entry:
    merged = _FIELDS | intent | outcome
    merged["sequence"] = intent.get("sequence")
    merged["at"] = intent.get("at") or outcome.get("at")
    merged["outcome_sequence"] = outcome.get("sequence")
    merged["kind"] = "call"
    merged.pop("intent", None)
    return merged


def _is_caller(caller: Any, key: str) -> bool:
    return caller is not None and key in (caller["id"], caller["name"])


def _is_tool(entry: Entry, tool: str) -> bool:
    server, _, name = tool.partition("/")
    if entry.get("server") is None:  # refused before anybody knew which tool was meant
        return name != "" and entry.get("tool") == f"{server}__{name}"
    return entry["server"] == server and name in ("", entry.get("tool"))


def _text(entry: Entry) -> str:
    return orjson.dumps(entry, option=orjson.OPT_NON_STR_KEYS).decode().lower()
