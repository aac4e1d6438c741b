"""Records as people want them: intent and outcome as one, complete, filtered. Pure.

A record stands where its last line stands, so records come in the order in which they ended. An intent
that has no outcome (the process died, or the call still runs) is shown where it stands, with status `unknown`.
"""

import functools
from collections.abc import Callable
from typing import Final, final

import msgspec

from yett.audit.port import AuditSource, LogLine
from yett.audit.seeking import end_of_lines, first_sequence, line_of
from yett.audit.words import DECISIONS, Entry, cut, field, has_phrase, targets, terms_of, words
from yett.core.target import JSON

__all__ = ["ANY_END", "KINDS", "Entry", "Filter", "Follower", "Merger", "ended", "merge", "position", "unpack"]  # fmt: skip

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
        found = [term for name, value in _wanted(self) for term in terms_of(name, value)]
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
    """Joins lines to records as they come. Holds what is unfinished and nothing else. look_up: returns
    the line of an intent that was not seen, empty if there is none."""

    def __init__(self, look_up: Callable[[int], bytes]) -> None:
        self._open: dict[int, Entry] = {}
        self._look_up = look_up

    def unfinished(self) -> frozenset[int]:
        """Return the sequences of intents whose outcome was not met yet."""
        return frozenset(self._open)

    def take(self, line: LogLine) -> list[Entry]:
        """Return the records that this line completes; a line that is none of a log completes none."""
        members = unpack(line.data)
        if members is None:
            return []
        match members["kind"]:
            case "intent":
                self._open[members["sequence"]] = members
                return []
            case "outcome":
                intent = self._open.pop(members["intent"], None)
                if intent is None:
                    intent = unpack(self._look_up(members["intent"]))
                return [merge(intent or {}, members)]
            case "event" if members.get("event") == _OPENED:
                unfinished = [merge(intent, {}) for intent in self._open.values()]
                self._open.clear()
                return [*unfinished, members]  # what ran when the process died has no outcome
            case _:
                return [ended(members)]


@final
class Follower:
    """Reads on where it stopped. Begins at the end of the log as it is now."""

    def __init__(self, source: AuditSource, wanted: Filter) -> None:
        self._source = source
        self._wanted = wanted
        self._merger = Merger(lambda sequence: line_of(source, sequence))
        names = source.segments()
        self._segment = names[-1] if names else ""
        self._offset = end_of_lines(source, names[-1]) if names else 0

    def poll(self) -> list[Entry]:
        """Return the records that were completed since the last time.

        Raises:
            OSError: the log cannot be read.
        """
        found: list[Entry] = []
        for name in self._source.segments():
            if first_sequence(name) < first_sequence(self._segment):
                continue
            if name != self._segment:
                self._segment, self._offset = name, 0
            for line in self._source.lines(name, skip_bytes=self._offset):
                if not line.complete:
                    break
                self._offset += len(line.data) + 1
                found += filter(self._wanted.fits, self._merger.take(line))
        return found


def unpack(line: bytes) -> Entry | None:
    """Return what a line says, without its seal; None if that is no line of a log."""
    try:
        members: Entry = msgspec.json.decode(line)  # keeps integers of any size
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


def position(entry: Entry) -> int:
    """Return where a record stands among all others: the sequence of its last line."""
    return int(entry.get("outcome_sequence") or entry["sequence"])


def _has(value: JSON, wanted: str) -> bool:
    return value == wanted or (isinstance(value, list) and wanted in value)


def _is_caller(caller: JSON, key: str) -> bool:
    return isinstance(caller, dict) and key in (caller.get("id"), caller.get("name"))


def _is_tool(entry: Entry, tool: str) -> bool:
    return tool in targets(entry.get("server"), entry.get("tool"))


def _has_text(entry: Entry, text: str) -> bool:
    return has_phrase(entry, words(text), open_ended=text.endswith(ANY_END))
