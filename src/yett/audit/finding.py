"""Looking for records, newest or oldest first: an index says where to look, the log what stands there."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, final

import msgspec

from yett.audit.index.building import Found, Lines, Stretch
from yett.audit.index.part import ELSEWHERE, Part, Unusable, numbers_of
from yett.audit.index.shelf import Shelf
from yett.audit.index.stretches import stretches
from yett.audit.port import AuditSource
from yett.audit.reading import Entry, Filter, ended, merge, position, unpack
from yett.audit.seeking import first_sequence, line_at, line_of, place_of, sequence_after
from yett.audit.words import MANY_WORDS, is_word
from yett.core.target import JSON

_MANY_RECORDS: Final = 2_000
"""If so many of a stretch may fit, it is read from one end to the other."""


def search(source: AuditSource, wanted: Filter, shelf: Shelf | None = None) -> Iterator[Entry]:
    """Yield all records that fit, oldest first. shelf: of the index; without one, everything is read.

    Raises:
        OSError: the log cannot be read.
    """
    return _Finder(source, wanted, shelf).oldest_first()


def newest(
    source: AuditSource,
    wanted: Filter,
    count: int,
    shelf: Shelf | None = None,
    *,
    before: int | None = None,
) -> list[Entry]:
    """Return the last `count` records that fit, newest last. before: only those that stand before this
    position.

    Raises:
        OSError: the log cannot be read.
    """
    found = _Finder(source, wanted, shelf, before).newest_first()
    return list(islice(found, count))[::-1]


@final
class Unindexed(Exception):
    """Raised by who will not wait until an index is made (`Shelf.on_build`)."""

    def __init__(self, stretch: Stretch) -> None:
        super().__init__(stretch)
        self.stretch = stretch


@final
class Page(msgspec.Struct, frozen=True):
    """before: from where on to ask for the next; None: this is the last. complete: false if it ends early,
    at a part of the log that has no index yet."""

    entries: list[Entry]
    before: int | None
    complete: bool


def page(
    source: AuditSource, wanted: Filter, count: int, shelf: Shelf, *, before: int | None = None
) -> Page:
    """Return the last `count` records that fit and stand before `before`, newest last.

    Raises:
        OSError: the log cannot be read.
    """
    found: list[Entry] = []
    try:
        for entry in _Finder(source, wanted, shelf, before).newest_first():
            if len(found) == count:
                return Page(found[::-1], position(found[-1]), complete=True)
            found.append(entry)
    except Unindexed as met:
        behind = sequence_after(source, met.stretch.segment, met.stretch.end)
        reached = behind if before is None else min(before, behind)
        return Page(found[::-1], reached, complete=False)
    return Page(found[::-1], None, complete=True)


def whole(source: AuditSource, identifier: str, shelf: Shelf) -> Entry | None:
    """Return the record of this id with `events`: what happened in it or because of it, and later rounds of the
    same call; None if there is none.

    Raises:
        OSError: the log cannot be read.
    """
    entry: Entry | None = None
    events: list[Entry] = []
    for found in search(source, Filter(kind="all", text=identifier), shelf):
        if found.get("id") == identifier:
            entry = found
        elif found.get("continues") == identifier or identifier in _values(found.get("details")):
            events.append(found)
    return None if entry is None else entry | {"events": events}


def _values(details: JSON) -> list[JSON]:
    return list(details.values()) if isinstance(details, dict) else []


@final
class _Finder:
    """before: only records that stand before this position; end: where that is, if the log holds it."""

    def __init__(
        self,
        source: AuditSource,
        wanted: Filter,
        shelf: Shelf | None,
        before: int | None = None,
    ) -> None:
        self._before = before
        self._end = None if before is None else place_of(source, before)
        self._source = source
        self._wanted = wanted
        self._shelf = shelf
        self._terms = wanted.terms()
        self._prefix = wanted.prefix()
        self._fixed, self._growing = stretches(source)

    def newest_first(self) -> Iterator[Entry]:
        closed: set[int] = set()  # intents whose outcome has been passed
        for stretch in reversed(self._growing):
            lines = self._lines(stretch)
            yield from self._of_lines(reversed(lines.found), closed)
            closed.update(lines.closed)
        for stretch in reversed(self._fixed):
            if self._shelf is None:
                lines = self._lines(stretch)
                yield from self._of_lines(reversed(lines.found), closed)
                closed.update(lines.closed)
                continue
            places, closed_in = self._look_up(stretch, self._shelf, closed)
            yield from self._at(stretch, self._before_the_end(stretch, places))
            closed.update(closed_in)

    def oldest_first(self) -> Iterator[Entry]:
        newest = [self._lines(stretch) for stretch in self._growing]
        closed = {sequence for lines in newest for sequence in lines.closed}
        for stretch in self._fixed:
            closed.update(self._closed_in(stretch))
        for stretch in self._fixed:
            if self._shelf is not None:
                places, _ = self._look_up(stretch, self._shelf, closed)
                if len(places) <= _MANY_RECORDS:
                    yield from self._at(stretch, reversed(places))
                    continue
            yield from self._of_lines(self._lines(stretch).found, closed)
        for lines in newest:
            yield from self._of_lines(lines.found, closed)

    def _closed_in(self, stretch: Stretch) -> list[int]:
        if self._shelf is None:
            return self._lines(stretch).closed
        try:
            with self._shelf.part(stretch) as part:
                return part.summary.closed
        except OSError:
            if self._is_pruned(stretch):
                return []
            raise

    def _look_up(
        self, stretch: Stretch, shelf: Shelf, closed: set[int]
    ) -> tuple[list[tuple[int, int]], list[int]]:
        """Return where the lines of records stand that may fit, newest first; and which intents before the
        stretch have their outcome in it."""
        try:
            with shelf.part(stretch) as part:
                try:
                    return self._places(part, closed), part.summary.closed
                except Unusable:
                    return self._places(shelf.make(stretch), closed), part.summary.closed
        except OSError:
            if self._is_pruned(stretch):
                return [], []
            raise

    def _before_the_end(
        self, stretch: Stretch, places: list[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        if self._end is None:
            return places
        segment, offset = self._end
        ours, theirs = first_sequence(stretch.segment), first_sequence(segment)
        if ours > theirs:
            return []
        return places if ours < theirs else [place for place in places if place[0] < offset]

    def _at(self, stretch: Stretch, places: Iterable[tuple[int, int]]) -> Iterator[Entry]:
        for line, intent in places:
            entry = self._entry(stretch, line, intent)
            if entry is not None and self._is_wanted(entry):
                yield entry

    def _places(self, part: Part, closed: set[int]) -> list[tuple[int, int]]:
        summary, wanted = part.summary, self._wanted
        if (wanted.since is not None and summary.latest < wanted.since) or (
            wanted.until is not None and summary.earliest >= wanted.until
        ):
            return []
        bits = part.all_records()
        for number, sequence in summary.dangling:
            if sequence in closed:  # its record stands with its outcome, in a later stretch
                bits &= ~(1 << number)
        if bits and self._prefix is not None:
            bits &= part.find_prefix(self._prefix) | part.find(MANY_WORDS)
        for term in self._terms:
            if not bits:
                return []
            bits &= part.find(term) | (part.find(MANY_WORDS) if is_word(term) else 0)
        return [part.place(number) for number in numbers_of(bits)]

    def _entry(self, stretch: Stretch, line: int, intent: int) -> Entry | None:
        try:
            members = unpack(line_at(self._source, stretch.segment, line))
            if members is None:
                return None
            if members["kind"] == "intent":
                return merge(members, {})
            if members["kind"] != "outcome":
                return ended(members)
            begun = (
                line_of(self._source, members["intent"])
                if intent == ELSEWHERE
                else line_at(self._source, stretch.segment, intent)
            )
        except OSError:
            if self._is_pruned(stretch):
                return None
            raise
        return merge(unpack(begun) or {}, members)

    def _of_lines(self, found: Iterable[Found], closed: set[int]) -> Iterator[Entry]:
        for item in found:
            is_elsewhere = item.is_dangling and item.entry["sequence"] in closed
            if not is_elsewhere and self._is_wanted(item.entry):
                yield item.entry

    def _is_wanted(self, entry: Entry) -> bool:
        if self._before is not None and position(entry) >= self._before:
            return False
        return self._wanted.fits(entry)

    def _lines(self, stretch: Stretch) -> Lines:
        try:
            return Lines(self._source, stretch)
        except OSError:
            if self._is_pruned(stretch):
                return Lines(self._source, None)
            raise

    def _is_pruned(self, stretch: Stretch) -> bool:
        """Tell whether a segment went while it was looked for; then it is as if it had gone before. If all of
        them have gone, something else is wrong."""
        names = self._source.segments()
        return bool(names) and stretch.segment not in names
